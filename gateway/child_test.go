package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"idlegate/gateway"
	"idlegate/policy"
)

// processPolicy is the environment variable by which this test binary is a gateway and nothing else: its value is the
// policy. A gateway whose memory, processor time or descriptors are looked at must share them with no test.
const processPolicy = "IDLEGATE_TEST_PROCESS"

// serve is what such a process does. It says where route r and the operator are served, follows one order a line, answers
// each with a line, and ends with its input.
func serve(text string) error {
	cfg, err := policy.Parse("test.yaml", []byte(text))
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Config{Policy: cfg, Version: "test"})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	fmt.Fprintln(os.Stdout, g.Addresses("r")[0])
	fmt.Fprintln(os.Stdout, g.AdminAddress())
	var hoard hoard
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		order, argument, _ := strings.Cut(orders.Text(), " ")
		switch order {
		case "heap":
			fmt.Fprintln(os.Stdout, heap())
		case "hoard":
			free, _ := strconv.Atoi(argument)
			err = hoard.fill(free)
			fmt.Fprintln(os.Stdout, err)
		case "release":
			err = hoard.release()
			fmt.Fprintln(os.Stdout, err)
		}
	}
	cancel()
	return <-done
}

// heap returns the bytes of everything on the heap that is in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// hoard holds descriptors, so that others get none.
type hoard struct {
	fds   []int
	limit syscall.Rlimit // before
}

// hoardLimit is the descriptor limit in force meanwhile.
const hoardLimit = 512

// fill lowers the descriptor limit and takes every descriptor but free ones.
func (h *hoard) fill(free int) error {
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &h.limit); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: hoardLimit, Max: h.limit.Max}); err != nil {
		return err
	}
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		if err != nil {
			return err
		}
		h.fds = append(h.fds, fd)
	}
	for range free {
		syscall.Close(h.fds[len(h.fds)-1])
		h.fds = h.fds[:len(h.fds)-1]
	}
	return nil
}

// release gives them all back: first the limit, by which there are many at once. One after the other, a client could be accepted while
// there is none for its upstream.
func (h *hoard) release() error {
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &h.limit)
	for _, fd := range h.fds {
		syscall.Close(fd)
	}
	h.fds = nil
	return err
}
