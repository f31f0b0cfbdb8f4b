package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"idlegate/gateway/internal/relay"
)

// resting runs a gateway in front of an echo, and returns a client of its one route.
func resting(t *testing.T) (*Gateway, net.Conn) {
	t.Helper()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { echo.Close() })
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }()
		}
	}()
	g, err := New(Config{Version: "test", Logger: slog.New(slog.DiscardHandler), Policy: parsed(t, `
gateway: {loops: 2}
upstreams: {u: {endpoints: ["`+echo.Addr().String()+`"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`)})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() { cancel(); must(t, <-ended) })
	conn, err := net.Dial("tcp", g.Addresses("r")[0])
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return g, conn
}

func exchange(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Write([]byte("x"))
	must(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1))
	must(t, err)
}

func comes(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.After(time.Minute)
	for !holds() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-limit:
			t.Fatalf("not so: %s", what)
		}
	}
}

// TestWhereNothingHappensLoopsAreNotAsked holds what a gateway at rest does not do, and that its hour goes on.
func TestWhereNothingHappensLoopsAreNotAsked(t *testing.T) {
	g, conn := resting(t)
	exchange(t, conn)
	counted := func() (messages uint64, most int64) {
		hour := g.record.hour(g.current().routes[0].RouteStats)
		for i := range hour {
			messages += hour[i].Messages[0]
			most = max(most, hour[i].MostOpen)
		}
		return messages, most
	}
	comes(t, "the first message is recorded", func() bool { n, most := counted(); return n == 1 && most == 1 })
	seen := func() time.Time {
		g.record.mu.Lock()
		defer g.record.mu.Unlock()
		return g.record.routes[g.current().routes[0].RouteStats].seen
	}
	// The connection is looked at a second after it came; then nothing happens.
	asked := 0
	for rested := 0; rested < 3; {
		before := seen()
		comes(t, "it is looked again", func() bool { return seen().After(before) })
		if g.isActive() {
			rested = 0
			if asked++; asked > 15 {
				t.Fatal("loops are never at rest")
			}
			continue
		}
		rested++
	}
	exchange(t, conn)
	comes(t, "a message after a rest is recorded", func() bool { n, _ := counted(); return n == 2 })
}

func TestALoopIsActiveUntilItIsLookedAt(t *testing.T) {
	g, conn := resting(t)
	exchange(t, conn)
	looked := func() { g.onEach((*relay.Loop).ClearActive) }
	// Others look as well, once a second: what is held here must hold at some instant.
	comes(t, "what was looked at is at rest", func() bool { looked(); return !g.isActive() })
	comes(t, "a message makes it active", func() bool { exchange(t, conn); return g.isActive() })
	comes(t, "so does what is asked of it", func() bool {
		looked()
		g.onEach(func(*relay.Loop) {})
		return g.isActive()
	})
}
