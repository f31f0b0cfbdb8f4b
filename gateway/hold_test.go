package gateway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"idlegate/policy"
)

// TestAFirstMessageMayBeAsLongAsItsRouteHolds sends first messages to a route that holds 1 MiB.
func TestAFirstMessageMayBeAsLongAsItsRouteHolds(t *testing.T) {
	const hold = 1 << 20
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer backend.Close()
	cfg, err := policy.Parse("test.yaml", []byte(`
admin: {listen: "127.0.0.1:0"}
upstreams: {backend: {endpoints: ["`+backend.Addr().String()+`"]}}
routes: [{name: r, listen: "127.0.0.1:0", connect_on: first_message, protocol: delimiter, upstream: backend, policy: {long: {}}}]`))
	must(t, err)
	g, err := New(Config{Policy: cfg, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	g.generation.routes[0].Hold = hold
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	defer func() {
		cancel()
		must(t, <-done)
	}()

	send := func(message string) net.Conn {
		client, err := net.Dial("tcp", g.Addresses("r")[0])
		must(t, err)
		go func() { _, _ = io.WriteString(client, message) }() // it may be reset in the middle
		return client
	}
	whole := strings.Repeat("x", hold-1) + "\n"
	client := send(whole)
	defer client.Close()
	server, err := backend.Accept()
	must(t, err)
	defer server.Close()
	got := make([]byte, len(whole))
	if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, []byte(whole)) {
		t.Errorf("the first message did not arrive whole: %v", err)
	}

	client = send("x" + whole)
	defer client.Close()
	eventually(t, "it is too large", func() bool {
		s, err := g.Snapshot(t.Context())
		must(t, err)
		return s.Routes[0].Closed["message_too_large"] == 1
	})
	eventually(t, "nothing is held", func() bool { return g.budget.Used() == 0 })
}
