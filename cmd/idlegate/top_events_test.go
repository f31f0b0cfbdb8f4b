package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// observed is a gateway in this process, which top looks at from another. It may be stopped and started again at the same address.
type observed struct {
	*testing.T
	admin, file string
	g           *gateway.Gateway
	stop        func()
}

// observe serves one route that has room for one connection.
func observe(t *testing.T) *observed {
	t.Helper()
	dir := t.TempDir()
	o := &observed{T: t, admin: "unix:" + filepath.Join(dir, "admin.sock"), file: filepath.Join(dir, "idlegate.yaml")}
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	o.must(err)
	t.Cleanup(func() { backend.Close() })
	go func() {
		for {
			conn, err := backend.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); conn.Close() }()
		}
	}()
	o.write(fmt.Sprintf(`
admin: {listen: "%s"}
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, limits: {connections: 1}, policy: {long: {idle_timeout: 1h}}}
`, o.admin, backend.Addr()))
	o.start()
	t.Cleanup(func() { o.stop() })
	return o
}

func (o *observed) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *observed) write(text string) { o.must(os.WriteFile(o.file, []byte(text), 0o600)) }

func (o *observed) start() {
	o.Helper()
	text, err := os.ReadFile(o.file)
	o.must(err)
	cfg, err := policy.Parse(o.file, text)
	o.must(err)
	o.g, err = gateway.New(gateway.Config{Policy: cfg, File: o.file, Content: text, Version: "test", Logger: slog.New(slog.DiscardHandler)})
	o.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.g.Run(ctx) }()
	o.stop = func() {
		o.stop = func() {}
		cancel()
		o.must(<-ended)
	}
}

// dial makes a connection and exchanges a byte on it.
func (o *observed) dial() net.Conn {
	o.Helper()
	conn, err := net.Dial("tcp", o.g.Addresses("r")[0])
	o.must(err)
	o.Cleanup(func() { conn.Close() })
	o.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	_, err = conn.Write([]byte("x"))
	o.must(err)
	_, err = conn.Read(make([]byte, 1))
	o.must(err)
	return conn
}

// empty waits until the route has no connection.
func (o *observed) empty() {
	o.Helper()
	if !eventually(func() bool {
		status, err := o.g.Status(o.Context())
		return err == nil && status.Connections == 0
	}) {
		o.Fatal("connections are left")
	}
}

// reset ends a connection so that it ends like none of the gateway before.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// With --every 1h nothing is asked for by the clock: what top shows after its first look it has heard of.
func TestTopHearsWhatHappens(t *testing.T) {
	t.Parallel()
	o := observe(t)
	conn := o.dial()
	tty := openTerminal(t, 140, 40)
	tty.start(t, "top", "--admin", o.admin, "--every", "1h")
	tty.expect(t, "error: route r is full")
	tty.expect(t, "idle_timeout in ")
	conn.Close()
	tty.expect(t, " ended client_fin: connection ")
	tty.expect(t, " over: route r is full")
	good, err := os.ReadFile(o.file)
	o.must(err)
	o.write("routes: 7")
	if done, err := o.g.Reload(t.Context()); err != nil || done.OK {
		t.Fatalf("%+v, %v", done, err)
	}
	tty.expect(t, "the policy file is refused")
	tty.expect(t, " reload refused (call): ")
	o.write(string(good))

	o.stop()
	tty.expect(t, "gone for ")
	o.start()
	tty.expect(t, "\x1b[m\x1b[K\r\n\x1b[K\r\nROUTE") // nothing is wrong
	if !eventually(func() bool {
		o.empty()
		reset(o.dial())
		return tty.has(" ended client_reset: connection ") // since it listens again
	}) {
		t.Error("no end is heard of the gateway that was started again")
	}
	tty.demand(t, tty.press("q"))
	o.must(tty.cmd.Wait())
}

// Where events cannot be heard top says so, asks for figures, and listens as soon as it can.
func TestTopWithoutEventsShowsFigures(t *testing.T) {
	t.Parallel()
	o := observe(t)
	ctx, leave := context.WithCancel(t.Context())
	listening := make(chan struct{})
	for range 16 { // as many as may
		go func() {
			_ = o.g.Listen(ctx, func([]api.Event) error { listening <- struct{}{}; return nil }, func(api.Event) error { return nil })
		}()
		<-listening
	}
	tty := openTerminal(t, 140, 40)
	tty.start(t, "top", "--admin", o.admin, "--every", "100ms")
	tty.expect(t, "events are not heard, only figures are shown: 16 callers listen to events already, and no more may; it is tried again every 2s")
	tty.expect(t, ", 0 of ")
	conn := o.dial()
	tty.expect(t, ", 1 of ")
	leave()
	tty.expect(t, "what happened last")
	conn.Close()
	tty.expect(t, " ended client_fin: connection ")
	tty.demand(t, tty.press("q"))
	o.must(tty.cmd.Wait())
}
