package gateway_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/metrics"
	"idlegate/policy"
)

// patience bounds every wait of these tests; nothing that is right takes as long.
const patience = time.Minute

// running is a gateway under test.
type running struct {
	t    *testing.T
	g    *gateway.Gateway
	log  *logLines
	stop context.CancelFunc
	done chan error
}

// start runs a gateway with a policy whose every %s is an address. At the end it is stopped, and no descriptor may be left.
func start(t *testing.T, yaml string, addresses ...any) *running {
	t.Helper()
	return startAdmin(t, "admin: {listen: \"127.0.0.1:0\"}\n"+fmt.Sprintf(yaml, addresses...))
}

// startAdmin runs a gateway with a policy that says itself where its operator is answered.
func startAdmin(t *testing.T, text string) *running {
	t.Helper()
	cfg, err := policy.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	r := &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	logger := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.run(gateway.Config{Policy: cfg, Logger: logger, Version: "test"})
	return r
}

// run makes and runs the gateway.
func (r *running) run(cfg gateway.Config) {
	r.t.Helper()
	before := descriptors(r.t)
	var err error
	if r.g, err = gateway.New(cfg); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.done <- r.g.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		select {
		case err := <-r.done:
			if err != nil {
				r.t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			r.t.Error("Run did not return")
		}
		eventually(r.t, "descriptors are given back", func() bool { return descriptors(r.t) <= before })
	})
}

// descriptors counts the sockets, pipes and files of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// eventually waits until holds does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}

// dial connects a client to a route.
func (r *running) dial(route string) *client {
	r.t.Helper()
	return dial(r.t, r.g.Addresses(route)[0])
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	network, address := split(address)
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &client{t: t, Conn: conn}
}

func split(address string) (network, rest string) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "unix", path
	}
	return "tcp", address
}

// snapshot returns all figures.
func (r *running) snapshot() metrics.Snapshot {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := r.g.Snapshot(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// route returns the figures of a route.
func (r *running) route(name string) metrics.Route {
	r.t.Helper()
	for _, route := range r.snapshot().Routes {
		if route.Name == name {
			return route
		}
	}
	r.t.Fatalf("no figures of route %s", name)
	return metrics.Route{}
}

// ended waits for the n-th connection of a route to end and returns its log line.
func (r *running) ended(route string, n int) endedLine {
	r.t.Helper()
	var lines []endedLine
	eventually(r.t, fmt.Sprintf("connection %d of %s has ended", n, route), func() bool {
		lines = lines[:0]
		for _, l := range r.log.ended() {
			if l.Route == route {
				lines = append(lines, l)
			}
		}
		return len(lines) >= n
	})
	return lines[n-1]
}

// expectEnd waits for the only connection of a route to end and checks its reason in log and metrics.
func (r *running) expectEnd(route, reason string) endedLine {
	r.t.Helper()
	line := r.ended(route, 1)
	if line.Reason != reason {
		r.t.Fatalf("the log says %s, want %s: %+v", line.Reason, reason, line)
	}
	if figures := r.route(route); figures.Closed[reason] != 1 || figures.Connections != 0 {
		r.t.Fatalf("metrics: closed %v, open %d; want one %s", figures.Closed, figures.Connections, reason)
	}
	return line
}

// endedLine is the log line of an ended connection.
type endedLine struct {
	Message          string        `json:"msg"`
	ID               uint64        `json:"id"`
	Route            string        `json:"route"`
	Client           string        `json:"client"`
	Endpoint         string        `json:"endpoint"`
	Reason           string        `json:"reason"`
	Duration         time.Duration `json:"duration"`
	ClientBytes      uint64        `json:"client_bytes"`
	ClientMessages   uint64        `json:"client_messages"`
	UpstreamBytes    uint64        `json:"upstream_bytes"`
	UpstreamMessages uint64        `json:"upstream_messages"`
	LongestSilence   time.Duration `json:"longest_silence"`
	mayBeAbsent
}

// logLines collects the log.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logLines) ended() (lines []endedLine) {
	for _, text := range strings.Split(strings.TrimSpace(l.String()), "\n") {
		var line endedLine
		if json.Unmarshal([]byte(text), &line) == nil && line.Message == "connection ended" {
			lines = append(lines, line)
		}
	}
	return lines
}

// times returns when the lines with that message were logged.
func (l *logLines) times(message string) (all []time.Time) {
	for _, text := range strings.Split(strings.TrimSpace(l.String()), "\n") {
		var line struct {
			Message string    `json:"msg"`
			Time    time.Time `json:"time"`
		}
		if json.Unmarshal([]byte(text), &line) == nil && line.Message == message {
			all = append(all, line.Time)
		}
	}
	return all
}

// endOf waits for the end of one client's connection and returns its log line.
func (r *running) endOf(c *client) (found endedLine) {
	r.t.Helper()
	eventually(r.t, "the client's connection has ended", func() bool {
		for _, l := range r.log.ended() {
			if l.Client == c.LocalAddr().String() {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

// refused expects that a client who comes to a route is reset.
func (r *running) refused(route string) {
	r.t.Helper()
	refused(r.t, r.g.Addresses(route)[0])
}

// refused expects that a client is reset, be it before dialling has ended or after.
func refused(t *testing.T, address string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if isReset(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &client{t: t, Conn: conn}
	_ = conn.SetDeadline(time.Now().Add(patience))
	c.receiveReset()
}

// client is a connection of a test.
type client struct {
	net.Conn
	t *testing.T
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		c.t.Fatalf("send %.20q: %v", text, err)
	}
}

func (c *client) receive(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		c.t.Fatalf("received %.40q, %v; want %.40q", got[:n], err, want)
	}
}

// echo sends a message and expects it back.
func (c *client) echo(text string) {
	c.t.Helper()
	c.send(text)
	c.receive(text)
}

// receiveFIN expects that nothing more comes but the end.
func (c *client) receiveFIN() {
	c.t.Helper()
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		c.t.Fatalf("received %.40q, %v; want only the end", rest, err)
	}
}

// receiveReset expects that the connection is reset.
func (c *client) receiveReset() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c); !isReset(err) {
		c.t.Fatalf("got %v, want a reset", err)
	}
}

func (c *client) finish() {
	c.t.Helper()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		c.t.Fatal("no half-close on this connection")
	}
	if err := half.CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) reset() {
	c.t.Helper()
	if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		c.t.Fatal(err)
	}
	c.Close()
}

func isReset(err error) bool {
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && strings.Contains(err.Error(), "reset by peer")
}

// framed is a message of the framing that the tests use most: "Headers", a 4-byte big-endian length, the body.
func framed(body string) string {
	return "Headers" + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body
}

// framing is its protocol.
const framing = `{length_field: {magic: {text: "Headers"}, offset: 7, size: 4}}`

// backend is a server behind the gateway. serve handles each connection, which is closed when it returns.
func backend(t *testing.T, serve func(*client)) string {
	t.Helper()
	return backendAt(t, "tcp", "127.0.0.1:0", serve)
}

func backendAt(t *testing.T, network, address string, serve func(*client)) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				serve(&client{t: t, Conn: conn})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	if network == "unix" {
		return "unix:" + address
	}
	return l.Addr().String()
}

// echoes returns everything, and then the FIN, without the pipes of Go's splicing, which outlive their use.
func echoes(c *client) { _, _ = io.Copy(struct{ io.Writer }{c.Conn}, struct{ io.Reader }{c.Conn}) }
