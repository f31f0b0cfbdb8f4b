package floor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"idlegate/cmd/idlebench/internal/process"
)

// patience bounds everything that is waited for.
const patience = 20 * time.Second

// relay is a floor at work, with the listener of the backend behind it.
type relay struct {
	child   *process.Child
	address string
	backend *net.TCPListener
}

func build(t *testing.T) string {
	t.Helper()
	binary, err := Build(t.Context(), t.TempDir(), "-Wall", "-Wextra", "-Werror")
	if errors.Is(err, ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

func start(t *testing.T, binary string) *relay {
	t.Helper()
	free := listen(t)
	free.Close()
	r := &relay{address: free.Addr().String(), backend: listen(t)}
	argv, err := Argv(binary, 2, r.address, r.backend.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if r.child, err = process.Start(process.Config{Name: "floor", Argv: argv, Env: os.Environ()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.child.Stop)
	return r
}

// pair returns both ends of a connection through the relay, whose listener is waited for.
func (r *relay) pair(t *testing.T) (client, upstream *net.TCPConn) {
	t.Helper()
	client = r.dial(t)
	if err := r.backend.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	upstream, err := r.backend.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*net.TCPConn{client, upstream} {
		t.Cleanup(func() { _ = c.Close() }) // most tests have closed it
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	return client, upstream
}

func (r *relay) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patience); ; <-tick.C {
		c, err := net.Dial("tcp", r.address)
		if err == nil {
			return c.(*net.TCPConn)
		}
		select {
		case <-r.child.Ended():
			t.Fatal(r.child.Failure())
		default:
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// sockets is how many descriptors of the relay are sockets.
func (r *relay) sockets(t *testing.T) int {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", r.child.PID()))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// awaitOnlyListener fails where a socket of an ended connection is left.
func (r *relay) awaitOnlyListener(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patience); r.sockets(t) != 1; <-tick.C {
		if time.Now().After(until) {
			t.Fatalf("%d sockets are left", r.sockets(t))
		}
	}
}

func TestFloor(t *testing.T) {
	binary := build(t)
	for name, test := range map[string]func(*testing.T, *relay){
		"bytes arrive as they were sent, both ways at once": bothWays,
		"many connections at once, each with its own bytes": manyConnections,
		"a side that does not read holds the other back":    slowReader,
		"FIN passes one way, bytes still pass the other":    halfClose,
		"a reset passes on":                                          resets,
		"a client whose upstream refuses is reset":                   refused,
		"a client that goes at once is no fault, nor leaves a thing": goesAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, binary)
			test(t, r)
			r.awaitOnlyListener(t)
		})
	}
}

// pattern is n bytes that differ at every offset and for every seed.
func pattern(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b) // it never fails
	return b
}

// send writes in pieces of all sizes from a byte to twice the relay's buffer, then FIN.
func send(c *net.TCPConn, b []byte) error {
	for piece := 1; len(b) > 0; piece = piece*2 + 1 {
		if piece > 128<<10 {
			piece = 1
		}
		n, err := c.Write(b[:min(piece, len(b))])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return c.CloseWrite()
}

// exchange sends on both ends at once and checks what arrives.
func exchange(client, upstream *net.TCPConn, toUpstream, toClient []byte) error {
	var wg sync.WaitGroup
	failures := make([]error, 4)
	receive := func(c *net.TCPConn, want []byte) error {
		have, err := io.ReadAll(c)
		if err == nil && !bytes.Equal(have, want) {
			err = fmt.Errorf("%d bytes came, which are not the %d that were sent", len(have), len(want))
		}
		return err
	}
	wg.Go(func() { failures[0] = send(client, toUpstream) })
	wg.Go(func() { failures[1] = send(upstream, toClient) })
	wg.Go(func() { failures[2] = receive(client, toClient) })
	wg.Go(func() { failures[3] = receive(upstream, toUpstream) })
	wg.Wait()
	return errors.Join(failures...)
}

func bothWays(t *testing.T, r *relay) {
	client, upstream := r.pair(t)
	if err := exchange(client, upstream, pattern(1, 24<<20), pattern(2, 16<<20)); err != nil {
		t.Error(err)
	}
}

func manyConnections(t *testing.T, r *relay) {
	var wg sync.WaitGroup
	for i := range 100 {
		client, upstream := r.pair(t)
		wg.Go(func() {
			to, from := pattern(uint64(i), 200<<10), pattern(uint64(1000+i), 300<<10)
			if err := exchange(client, upstream, to, from); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// slowReader offers more than fits into all buffers on the way, until no more is taken, and reads only then.
func slowReader(t *testing.T, r *relay) {
	client, upstream := r.pair(t)
	const stalled = 300 * time.Millisecond
	b := pattern(3, 64<<20)
	sent := 0
	for {
		if err := upstream.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
			t.Fatal(err)
		}
		n, err := upstream.Write(b[sent:min(sent+64<<10, len(b))])
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil || sent == len(b) {
			t.Fatalf("%d bytes were taken, nothing was read; %v", sent, err)
		}
	}
	if err := upstream.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := send(upstream, b[sent:]); err != nil {
			t.Error(err)
		}
	})
	have, err := io.ReadAll(client)
	wg.Wait()
	if err != nil || !bytes.Equal(have, b) {
		t.Errorf("%d of %d bytes came, or others; %v", len(have), len(b), err)
	}
	client.Close()
}

func halfClose(t *testing.T, r *relay) {
	for _, upstreamFirst := range []bool{false, true} {
		first, second := r.pair(t)
		if upstreamFirst {
			first, second = second, first
		}
		if err := send(first, []byte("question")); err != nil {
			t.Fatal(err)
		}
		if have, err := io.ReadAll(second); string(have) != "question" || err != nil {
			t.Fatalf("read %q, %v", have, err)
		}
		if err := exchangeAfterFIN(second, first); err != nil {
			t.Error(err)
		}
		r.awaitOnlyListener(t)
	}
}

func exchangeAfterFIN(from, to *net.TCPConn) error {
	answer := pattern(4, 1<<20)
	var sending error
	var wg sync.WaitGroup
	wg.Go(func() { sending = send(from, answer) })
	have, err := io.ReadAll(to)
	wg.Wait()
	if err == nil && !bytes.Equal(have, answer) {
		err = fmt.Errorf("%d bytes of the answer came", len(have))
	}
	return errors.Join(sending, err)
}

func resets(t *testing.T, r *relay) {
	for upstreamResets, name := range []string{"client", "upstream"} {
		client, upstream := r.pair(t)
		ends := []*net.TCPConn{client, upstream}
		if err := ends[upstreamResets].SetLinger(0); err != nil {
			t.Fatal(err)
		}
		if err := ends[upstreamResets].Close(); err != nil {
			t.Fatal(err)
		}
		_, err := ends[1-upstreamResets].Read(make([]byte, 1))
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after a reset of the %s the other sees %v", name, err)
		}
	}
}

func refused(t *testing.T, r *relay) {
	client, upstream := r.pair(t) // so that the relay is there
	r.backend.Close()
	late := r.dial(t)
	defer late.Close()
	if err := late.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read gives %v", err)
	}
	client.Close()
	upstream.Close()
}

func goesAtOnce(t *testing.T, r *relay) {
	for range 200 {
		client, upstream := r.pair(t)
		client.Close()
		if n, err := upstream.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Fatalf("upstream reads %d bytes, %v", n, err)
		}
		upstream.Close()
	}
}
