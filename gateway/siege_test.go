package gateway_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

// A siege: attackers of every kind at once, endpoints that die within handshakes, a name whose addresses come and go, edits, health
// checks and limits, while honest clients are served by TLS on both edges as if nothing were.

const besieged = `
admin: {listen: "127.0.0.1:0"}
gateway: {drain_timeout: 1h, max_connections: 3000, on_full: evict_idlest}
upstreams:
  u:
    dns: {name: devices.test, port: 9000, every: 1s}
    balance: round_robin
    retries: 5
    proxy_protocol: v2
    health: {every: 200ms, timeout: 10s, rise: 1, fall: 2, send: {hex: "00"}, expect: {hex: "01"}}
    tls: {server_name: devices.internal, ca: %[1]s}
routes:
  - name: devices
    listen: 127.0.0.1:7000
    accept_proxy_protocol: {from: [127.7.0.0/16]}
    match: {sni: ["*.example"]}
    tls: {cert: %[2]s, key: %[3]s, client_ca: %[1]s}
    limits: {connections_per_source: %[4]d, accepts_per_second: 5000, messages_per_second: {rate: 1000, over: delay}, message_size: 64KiB}
    protocol: ` + framing + `
    upstream: u
    policy: {long: {idle_timeout: %[5]s, tls_handshake_timeout: 20s}}
`

// fortress is what is besieged.
type fortress struct {
	*running
	trusted, foreign *tls.Config // of clients
	stop             chan struct{}
	dying            atomic.Bool // one of the endpoints resets within its handshakes
	served           atomic.Int64
	attacks          atomic.Int64
}

// serveAt is an endpoint: PROXY header, TLS, echo.
func (f *fortress) serveAt(address string, config *tls.Config, mayDie bool) {
	backendAt(f.t, "tcp", address, func(c *client) {
		behind := proxyproto.NewConn(c.Conn)
		head := behind.ProxyHeader()
		if head == nil {
			return
		}
		if mayDie && f.dying.Load() {
			_, _ = behind.Read(make([]byte, 100)) // a part of its ClientHello
			_ = c.Conn.(*net.TCPConn).SetLinger(0)
			return
		}
		secure := tls.Server(behind, config)
		if head.Command.IsLocal() {
			if b := make([]byte, 1); readFull(secure, b) {
				_, _ = secure.Write([]byte{1})
			}
		} else {
			_, _ = io.Copy(struct{ io.Writer }{secure}, struct{ io.Reader }{secure})
		}
		_ = secure.Close()
	})
}

// arrive connects by a proxy as a client of its own address.
func (f *fortress) arrive(n int) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 7, 0, byte(1+n%200))}, Timeout: patience}
	conn, err := d.Dial("tcp", "127.0.0.1:7000")
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, headerOf(n))
	return conn, err
}

func headerOf(n int) string {
	return fmt.Sprintf("PROXY TCP4 192.0.2.%d 198.51.100.1 %d 443\r\n", 1+n%250, 1024+n%60000)
}

// honest is one visit of a client that must be served.
func (f *fortress) honest(n int) error {
	conn, err := f.arrive(n)
	if err != nil {
		return err
	}
	defer conn.Close()
	secure := tls.Client(conn, f.trusted)
	for i := range 3 {
		message := framed(fmt.Sprintf("visit %d, message %d", n, i))
		if _, err := io.WriteString(secure, message); err != nil {
			return err
		}
		answer := make([]byte, len(message))
		if _, err := io.ReadFull(secure, answer); err != nil || string(answer) != message {
			return fmt.Errorf("answered %q: %w", answer, err)
		}
	}
	if err := secure.CloseWrite(); err != nil {
		return err
	}
	if _, err := secure.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("at the end: %w", err)
	}
	f.served.Add(1)
	return nil
}

// attacks are what is done to it, each again and again. Their errors say nothing.
func attacks(f *fortress) map[string]func(n int) {
	hello := string(recordedHello(f.t, "gate.example"))
	with := func(n int, do func(net.Conn)) {
		if conn, err := f.arrive(n); err == nil {
			do(conn)
			conn.Close()
		}
	}
	shaken := func(n int, do func(*tls.Conn)) {
		with(n, func(conn net.Conn) {
			if secure := tls.Client(conn, f.trusted); secure.Handshake() == nil {
				do(secure)
			}
		})
	}
	return map[string]func(n int){
		"a header that is cut": func(n int) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 7, 1, 1)}}
			if conn, err := d.Dial("tcp", "127.0.0.1:7000"); err == nil {
				_, _ = io.WriteString(conn, headerOf(n)[:n%len(headerOf(n))]+hello)
				_, _ = conn.Read(make([]byte, 1))
				conn.Close()
			}
		},
		"a hello that is cut": func(n int) {
			with(n, func(conn net.Conn) { _, _ = io.WriteString(conn, hello[:n%len(hello)]) })
		},
		"a reset within the handshake": func(n int) {
			with(n, func(conn net.Conn) {
				_, _ = io.WriteString(conn, hello)
				_, _ = conn.Read(make([]byte, 1+n%500))
				_ = conn.(*net.TCPConn).SetLinger(0)
			})
		},
		"an endless hello": func(n int) { with(n, func(conn net.Conn) { _, _ = io.WriteString(conn, endlessHello()) }) },
		"a foreign client": func(n int) { with(n, func(conn net.Conn) { _, _ = tls.Client(conn, f.foreign).Read(make([]byte, 1)) }) },
		"another name": func(n int) {
			with(n, func(conn net.Conn) {
				_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
				_, _ = conn.Read(make([]byte, 1))
			})
		},
		"a stream cut": func(n int) {
			shaken(n, func(c *tls.Conn) { _, _ = io.WriteString(c, framed("half")[:9]); c.NetConn().Close() })
		},
		"a record forged": func(n int) {
			shaken(n, func(c *tls.Conn) {
				_, _ = io.WriteString(c.NetConn(), "\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))
				_, _ = c.Read(make([]byte, 1))
			})
		},
		"no message at all": func(n int) {
			shaken(n, func(c *tls.Conn) { _, _ = io.WriteString(c, "Hearts and minds"); _, _ = c.Read(make([]byte, 1)) })
		},
	}
}

// recordedHello is a ClientHello.
func recordedHello(t *testing.T, name string) []byte {
	t.Helper()
	near, far := net.Pipe()
	go func() { _ = tls.Client(near, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake() }()
	defer near.Close()
	hello := make([]byte, 4096)
	n, err := far.Read(hello)
	must(t, err)
	return hello[:n]
}

// repeat does something again and again until the siege is over.
func (f *fortress) repeat(all *sync.WaitGroup, do func(n int)) {
	all.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-f.stop:
				return
			default:
				do(n)
			}
		}
	})
}

// slow makes clients come that begin a ClientHello, or a handshake, and do not go on, more all the time, until the siege is over.
func (f *fortress) slow(all *sync.WaitGroup, hello string) {
	all.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		var open []net.Conn
		for n := 0; ; n++ {
			select {
			case <-f.stop:
				for _, conn := range open {
					conn.Close()
				}
				return
			case <-tick.C:
			}
			if conn, err := f.arrive(n); err == nil && len(open) < 500 {
				_, _ = io.WriteString(conn, hello[:50+n%2*(len(hello)-50)])
				open = append(open, conn)
			} else if err == nil {
				conn.Close()
			}
		}
	})
}

func (f *fortress) heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestASiege(t *testing.T) {
	z, inside := inOwnNames(t)
	if !inside {
		return
	}
	needs(t, "openssl")
	dir := t.TempDir()
	a, other := newAuthority(t, dir), newAuthority(t, t.TempDir())
	front, behind, device := a.issue(t, dir, "gate.example"), a.issue(t, dir, "devices.internal"), a.issue(t, dir, "device")
	f := &fortress{running: &running{t: t}, stop: make(chan struct{}), trusted: a.trusting(t, device), foreign: a.trusting(t, other.issue(t, t.TempDir(), "device"))}
	f.trusted.ServerName, f.foreign.ServerName = "gate.example", "gate.example"
	f.trusted.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	config := &tls.Config{Certificates: []tls.Certificate{behind.pair(t)}}
	for i, mayDie := range []bool{false, true, false} {
		f.serveAt(fmt.Sprintf("127.1.0.%d:9000", i+1), config, mayDie)
	}
	names := func(addresses ...string) { z.set(func(z *zone) { z.a["devices.test."] = addresses }) }
	names("127.1.0.1", "127.1.0.2")
	policy := func(perSource int, idle string) string {
		return fmt.Sprintf(besieged, a.file, front.cert, front.key, perSource, idle)
	}
	f.running = startAdmin(t, policy(500, "60s"))
	eventually(t, "an endpoint is up", func() bool { return f.honest(0) == nil })
	before, goroutines := f.heap(), runtime.NumGoroutine()

	var besiegers sync.WaitGroup
	for _, attack := range attacks(f) {
		f.repeat(&besiegers, func(n int) { attack(n); f.attacks.Add(1) })
	}
	f.slow(&besiegers, string(recordedHello(t, "gate.example")))
	f.repeat(&besiegers, func(int) { // spoken without a PROXY header, and by another program
		_, _ = talk(t, []string{"Q\n"}, "openssl", "s_client", "-connect", "127.0.0.1:7000", "-servername", "gate.example",
			"-CAfile", a.file, "-cert", device.cert, "-key", device.key)
	})
	failures := make(chan error, 100)
	for i := range 4 {
		f.repeat(&besiegers, func(n int) {
			if err := f.honest(4*n + i); err != nil {
				select {
				case failures <- err:
				default:
				}
			}
		})
	}
	for round := range 3 {
		f.dying.Store(true)
		names("127.1.0.1", "127.1.0.2", "127.1.0.3")
		f.expectMembers("u", "127.1.0.1:9000 127.1.0.2:9000 127.1.0.3:9000")
		f.editAll(policy(400+round, "61s"))
		f.dying.Store(false)
		names("127.1.0.1", "127.1.0.2")
		eventually(t, "the third has gone from the name", func() bool { _, all := f.members("u"); return !strings.Contains(all, " 127.1.0.3:9000") })
		f.editAll(policy(500, "60s"))
		served := f.served.Load()
		eventually(t, "honest clients are served", func() bool { return f.served.Load() > served+4 })
	}
	close(f.stop)
	besiegers.Wait()
	close(failures)
	for err := range failures {
		t.Errorf("an honest client: %v", err)
	}
	f.expectPeace(before, goroutines)
}

// expectPeace demands that everything is as it was before.
func (f *fortress) expectPeace(heap int64, goroutines int) {
	f.t.Helper()
	eventually(f.t, "nothing is open or held", func() bool {
		s := f.snapshot()
		return f.route("devices").Connections == 0 && s.BufferBytes == 0
	})
	eventually(f.t, "goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines+5 }) // of checks under way
	const most = 8 << 20                                                                                    // the ring of ended connections, tables of the loops, what clients of the test keep
	eventually(f.t, "the heap is what it was", func() bool { return f.heap()-heap < most })
	figures, unrouted := f.route("devices"), f.snapshot().Unrouted
	if n := figures.Closed["internal_error"]; n > 0 {
		f.t.Errorf("%d internal errors", n)
	}
	if unrouted["bad_proxy_header"] == 0 || unrouted["no_route"] == 0 || figures.Closed["tls_handshake_failed"] == 0 || figures.Closed["client_reset"] == 0 || figures.Closed["protocol_error"] == 0 {
		f.t.Errorf("not every attack was met: refused %v, closed %v", unrouted, figures.Closed)
	}
	f.t.Logf("%d attacks, %d honest visits", f.attacks.Load(), f.served.Load())
}
