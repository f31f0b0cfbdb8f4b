package admin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"idlegate/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeGateway answers with its fields.
type fakeGateway struct {
	notReady string
	ready    func() // called first, where set
	snapshot func(context.Context) (metrics.Snapshot, error)
}

func (g *fakeGateway) Ready() (bool, string) {
	if g.ready != nil {
		g.ready()
	}
	return g.notReady == "", g.notReady
}

func (g *fakeGateway) Snapshot(ctx context.Context) (metrics.Snapshot, error) {
	if g.snapshot != nil {
		return g.snapshot(ctx)
	}
	return metrics.Snapshot{ConnectionsMax: 77}, nil
}

// running is a server on real listeners, shut down with the test.
type running struct {
	*Server
	operator, scrapers net.Listener
	log                *lockedBuffer
	reopened           chan net.Listener
	served             chan struct{}
}

func start(t *testing.T, g Gateway, operator net.Listener) *running {
	t.Helper()
	r := prepare(t, g, operator)
	r.serve()
	return r
}

// serve makes it answer.
func (r *running) serve() { go func() { defer close(r.served); r.Serve() }() }

// prepare is start, but does not answer yet.
func prepare(t *testing.T, g Gateway, operator net.Listener) *running {
	t.Helper()
	r := &running{
		operator: operator,
		scrapers: listen(t, "tcp", "127.0.0.1:0"),
		log:      new(lockedBuffer),
		served:   make(chan struct{}),
		reopened: make(chan net.Listener, 2),
	}
	r.Server = New(Config{
		Listener: operator,
		Metrics:  r.scrapers,
		Gateway:  g,
		Operated: fakeFleet(),
		Logger:   slog.New(slog.NewTextHandler(r.log, nil)),
		Version:  "v1.2.3",
		Reopen: func(failed net.Listener) (net.Listener, error) {
			again, err := net.Listen(failed.Addr().Network(), failed.Addr().String())
			if err == nil {
				r.reopened <- again
			}
			return again, err
		},
	})
	t.Cleanup(func() { _ = r.Shutdown(context.Background()) })
	return r
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// call sends one request on a connection of its own and gives the status and the body.
func call(t *testing.T, l net.Listener, method, host, target string) (int, string) {
	t.Helper()
	conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, target, host)
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestEachListenerHasItsPages(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	for name, test := range map[string]struct {
		listener             net.Listener
		method, host, target string
		status               int
		body                 string // part of it
	}{
		"operator: index":            {s.operator, "GET", "localhost", "/", 200, "<title>idlegate"},
		"operator: metrics":          {s.operator, "GET", "localhost", "/metrics", 200, "\nidlegate_connections_max 77\n"},
		"operator: health":           {s.operator, "GET", "localhost", "/healthz", 200, "ok\n"},
		"operator: readiness":        {s.operator, "GET", "localhost", "/readyz", 200, "ready\n"},
		"operator: elsewhere":        {s.operator, "GET", "localhost", "/debug/pprof/", 404, ""},
		"operator: write":            {s.operator, "POST", "localhost", "/healthz", 405, ""},
		"operator: only the head":    {s.operator, "HEAD", "localhost", "/metrics", 200, ""},
		"operator: foreign name":     {s.operator, "GET", "evil.example", "/metrics", 403, "host"},
		"operator: name in the line": {s.operator, "GET", "localhost", "http://evil.example/metrics", 403, "host"},
		"operator: options of all":   {s.operator, "OPTIONS", "evil.example", "*", 403, "host"},
		"scrapers: metrics":          {s.scrapers, "GET", "gate.monitoring.svc", "/metrics", 200, "\nidlegate_build_info{"},
		"scrapers: health":           {s.scrapers, "GET", "gate.monitoring.svc", "/healthz", 200, "ok\n"},
		"scrapers: readiness":        {s.scrapers, "GET", "gate.monitoring.svc", "/readyz", 200, "ready\n"},
		"scrapers: only the head":    {s.scrapers, "HEAD", "gate.monitoring.svc", "/readyz", 200, ""},
		"scrapers: no index":         {s.scrapers, "GET", "gate.monitoring.svc", "/", 404, ""},
		"scrapers: write":            {s.scrapers, "POST", "gate.monitoring.svc", "/metrics", 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := call(t, test.listener, test.method, test.host, test.target)
			if status != test.status || !strings.Contains(body, test.body) {
				t.Errorf("status %d, want %d with %q in:\n%s", status, test.status, test.body, body)
			}
			if test.method == "HEAD" && body != "" {
				t.Errorf("HEAD has a body: %s", body)
			}
		})
	}
}

func TestUnixSocketIsCalledByItsPlaceholder(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "unix", filepath.Join(t.TempDir(), "admin.sock")))
	if status, body := call(t, s.operator, "GET", UnixHost, "/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("status %d: %s", status, body)
	}
}

func TestDrainingGatewayIsHealthyButNotReady(t *testing.T) {
	s := start(t, &fakeGateway{notReady: "draining"}, listen(t, "tcp", "127.0.0.1:0"))
	for _, l := range []net.Listener{s.operator, s.scrapers} {
		if status, body := call(t, l, "GET", "127.0.0.1", "/readyz"); status != 503 || body != "draining\n" {
			t.Errorf("/readyz: status %d: %s", status, body)
		}
		if status, body := call(t, l, "GET", "127.0.0.1", "/healthz"); status != 200 {
			t.Errorf("/healthz: status %d: %s", status, body)
		}
	}
}

func TestScrapeWithoutFiguresIsA503(t *testing.T) {
	g := &fakeGateway{snapshot: func(context.Context) (metrics.Snapshot, error) {
		return metrics.Snapshot{}, errors.New("loop 3 does not answer")
	}}
	s := start(t, g, listen(t, "tcp", "127.0.0.1:0"))
	status, body := call(t, s.scrapers, "GET", "x", "/metrics")
	if status != 503 || !strings.Contains(body, "loop 3 does not answer") {
		t.Errorf("status %d: %s", status, body)
	}
}

func TestFaultInACallIsLoggedWithItsListener(t *testing.T) {
	g := &fakeGateway{ready: func() { panic("no gateway") }}
	s := start(t, g, listen(t, "tcp", "127.0.0.1:0"))
	conn, err := net.Dial("tcp", s.operator.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 { // the server logs before it closes
		t.Errorf("answer %q, %v", answer, err)
	}
	for _, want := range []string{"level=WARN", "panic serving", "no gateway", "listener=" + s.operator.Addr().String()} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, s.log)
		}
	}
}

func TestShutdownEndsServeAndClosesBothListeners(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	call(t, s.operator, "GET", "localhost", "/healthz")
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-s.served
	expectClosed(t, s.operator)
	expectClosed(t, s.scrapers)
}

func TestShutdownBeforeServeClosesTheListeners(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	s := New(Config{Listener: l, Gateway: &fakeGateway{}, Logger: slog.New(slog.DiscardHandler)})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	expectClosed(t, l)
	s.Serve() // and it returns
}

func TestShutdownCutsOffCallsWhenItsContextEnds(t *testing.T) {
	asked := make(chan struct{})
	g := &fakeGateway{snapshot: func(ctx context.Context) (metrics.Snapshot, error) {
		close(asked)
		<-ctx.Done()
		return metrics.Snapshot{}, ctx.Err()
	}}
	s := start(t, g, listen(t, "tcp", "127.0.0.1:0"))
	conn, err := net.Dial("tcp", s.scrapers.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), s.scrapers.Addr().String()) {
		t.Errorf("Shutdown gives %v", err)
	}
	if answer, _ := io.ReadAll(conn); len(answer) > 0 {
		t.Errorf("the call was answered: %q", answer)
	}
}

func TestABrokenListenerIsOpenedAgain(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	for _, l := range []net.Listener{s.operator, s.scrapers} {
		call(t, l, "GET", "localhost", "/healthz") // it serves
		l.Close()
	}
	for _, l := range []net.Listener{s.operator, s.scrapers} {
		again := <-s.reopened
		if status, body := call(t, again, "GET", "localhost", "/healthz"); status != 200 {
			t.Errorf("%s, opened again: status %d: %s", l.Addr(), status, body)
		}
		if want := `the admin server does not answer" listener=` + l.Addr().String(); !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q in\n%s", want, s.log)
		}
	}
}

func TestConnectionsOfAListenerAreBounded(t *testing.T) {
	s := prepare(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	counted := &countingListener{Listener: s.scrapers}
	s.endpoints[1].listener = counted
	s.serve()
	for range 3 * maxConnections { // each keeps a connection
		conn, err := net.Dial("tcp", s.scrapers.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	if status, _ := call(t, s.scrapers, "GET", "x", "/healthz"); status != 200 {
		t.Errorf("amid idle connections: status %d", status)
	}
	if most := counted.most.Load(); most > maxConnections || most < crowded {
		t.Errorf("%d connections were open at once, at most %d may be", most, maxConnections)
	}
}

// countingListener counts its connections that are open at once.
type countingListener struct {
	net.Listener
	open, most atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.most.Store(max(l.most.Load(), l.open.Add(1))) // one goroutine accepts
	return &countedConn{Conn: conn, gone: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
}

type countedConn struct {
	net.Conn
	gone func()
}

func (c *countedConn) Close() error {
	c.gone()
	return c.Conn.Close()
}

func expectClosed(t *testing.T, l net.Listener) {
	t.Helper()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%s is not closed: %v", l.Addr(), err)
	}
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
