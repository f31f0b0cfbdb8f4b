package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/policy"
)

const givenPolicy = `
admin: {listen: "127.0.0.1:0"}
upstreams: {servers: {endpoints: [%q]}}
routes:
- {name: lines, listen: %q, protocol: delimiter, upstream: servers, policy: {long: {}}}
`

// The socket belongs to the service manager. Clients that come while the route is away wait for it.
func TestASocketThatWasGivenStaysOpenWhileItsRouteIsAway(t *testing.T) {
	server := backend(t, echoes)
	address, socket := bound(t)
	parse := func(listen string) *policy.Config {
		cfg, err := policy.Parse("test.yaml", []byte(fmt.Sprintf(givenPolicy, server, listen)))
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	r := &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	r.run(gateway.Config{Policy: parse(address), Logger: slog.New(slog.NewJSONHandler(r.log, nil)), Sockets: []*os.File{socket}})
	if at := r.g.Addresses("lines"); len(at) != 1 || at[0] != address {
		t.Fatalf("the route listens at %q, and the socket at %s", at, address)
	}
	roundTrip(t, address)

	if _, err := r.g.Apply(parse("127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	waiting, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("the socket was closed with its route: %v", err)
	}
	defer waiting.Close()
	if _, err := r.g.Apply(parse(address)); err != nil {
		t.Fatal(err)
	}
	echo(t, waiting)

	r.g.Drain()
	eventually(t, "the gateway drains", func() bool { ok, _ := r.g.Ready(); return !ok })
	next, err := net.Dial("tcp", address)
	if err != nil {
		t.Errorf("the socket was closed by the drain: %v", err)
	} else {
		next.Close()
	}
}

func TestASocketThatWasGivenForNothingIsToldOf(t *testing.T) {
	address, socket := bound(t)
	cfg, err := policy.Parse("test.yaml", []byte(fmt.Sprintf(givenPolicy, "127.0.0.1:1", "127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	r.run(gateway.Config{Policy: cfg, Logger: slog.New(slog.NewJSONHandler(r.log, nil)), Sockets: []*os.File{socket}})
	eventually(t, "the log has a warning", func() bool {
		return strings.Contains(r.log.String(), address)
	})
}

func TestLoopsThatTurnSaySo(t *testing.T) {
	r := start(t, `
upstreams: {servers: {endpoints: ["127.0.0.1:1"]}}
routes:
- {name: lines, listen: "127.0.0.1:0", protocol: delimiter, upstream: servers, policy: {long: {}}}`)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.g.Turning(ctx); err != nil {
		t.Error(err)
	}
}

func TestAReloadIsToldOfFromItsBeginningToItsEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "idlegate.yaml")
	text := []byte(fmt.Sprintf(givenPolicy, "127.0.0.1:1", "127.0.0.1:0"))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := policy.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	r := &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	r.run(gateway.Config{Policy: cfg, File: file, Logger: slog.New(slog.NewJSONHandler(r.log, nil)), Reloading: func() func() {
		told = append(told, "begins")
		return func() { told = append(told, "is done") }
	}})
	for _, text := range []string{string(text), "nonsense"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.g.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(told, ", "); got != "begins, is done, begins, is done" {
		t.Error(got)
	}
}

// bound is a listening socket and its address, as a service manager has it.
func bound(t *testing.T) (address string, socket *os.File) {
	t.Helper()
	var plain net.ListenConfig
	plain.SetMultipathTCP(false) // Go's own are, and those of systemd are not
	manager, err := plain.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	if socket, err = manager.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return manager.Addr().String(), socket
}

func roundTrip(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	echo(t, conn)
}

func echo(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 6)
	if _, err := conn.Read(got); err != nil || string(got) != "hello\n" {
		t.Fatalf("got %q, %v", got, err)
	}
}
