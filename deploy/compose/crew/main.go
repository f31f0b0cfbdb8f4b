// Command crew plays both ends of the Compose example: a backend that sends back lines, and a fleet of clients that say some.
//
//	crew backend ADDRESS
//	crew fleet ADDRESS CLIENTS
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crew:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "backend":
		return serve(ctx, args[1])
	case len(args) == 3 && args[0] == "fleet":
		clients, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		sail(ctx, args[1], clients)
		return nil
	}
	return fmt.Errorf("want backend ADDRESS, or fleet ADDRESS CLIENTS, not %q", args)
}

// serve sends back whole lines until ctx ends. Connections end with the process.
func serve(ctx context.Context, address string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go echo(conn)
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewReader(conn); ; {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return // however it ended, the connection is done with
		}
		if _, err := conn.Write(line); err != nil {
			return
		}
	}
}

// What clients do: they say a line every one to four seconds, and one time in thirty fall silent for so long that they are ended.
const (
	shortest = time.Second
	longest  = 4 * time.Second
	silence  = 20 * time.Second
	seldom   = 30
)

// sail keeps clients connected until ctx ends.
func sail(ctx context.Context, address string, clients int) {
	var fleet sync.WaitGroup
	for range clients {
		fleet.Go(func() {
			for pause(ctx, rand.N(longest)) {
				talk(ctx, address)
			}
		})
	}
	fleet.Wait()
}

// talk is one connection, until somebody ends it.
func talk(ctx context.Context, address string) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return // the next one may succeed
	}
	defer conn.Close()
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		defer end()
		_, _ = io.Copy(io.Discard, conn) // until it ends
	}()
	for i := 0; ; i++ {
		if _, err := fmt.Fprintf(conn, "message %d\n", i); err != nil {
			return
		}
		wait := shortest + rand.N(longest-shortest)
		if rand.N(seldom) == 0 {
			wait = silence
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// pause waits for d. It is false where ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
