package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/policy"
)

// startFile runs a gateway whose policy is in a file, and returns how to write that file.
func startFile(t *testing.T, yaml string) (*running, func(yaml string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "idlegate.yaml")
	write := func(yaml string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("admin: {listen: \"127.0.0.1:0\"}\n"+yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(yaml)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := policy.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	logger := slog.New(slog.NewJSONHandler(r.log, nil))
	r.run(gateway.Config{Policy: cfg, File: file, Logger: logger, Version: "test"})
	return r, write
}

// manyWays are policies for the same two routes, of which the second is not always there, that end no connection which
// speaks.
func manyWays(at string) (ways []string) {
	const yaml = `
log: {connections: %s}
gateway: {buffer_memory: %s, max_connections: %d, edit_grace: %s}
policies:
  p: {long: {idle_timeout: %s, message_timeout: %s, jitter: %s}}
upstreams:
  u: {endpoints: ["%s"], balance: %s}
routes:
  - name: r
    listen: ["127.0.0.1:0"%s]
    protocol: ` + framing + `
    upstream: u
    policy: p
    limits: {message_size: %s}
    tcp: {keepalive: %s}
%s
`
	second := `  - {name: second, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: p}`
	for _, w := range [][]any{
		{"all", "64MiB", 500, "2s", "1m", "1m", "0%", at, "round_robin", "", "16MiB", "none", ""},
		{"faults", "32MiB", 400, "none", "45s", "none", "10%", at, "least_connections", `, "127.0.0.1:0"`, "8MiB", "{idle: 30s}", second},
		{"none", "16MiB", 300, "1s", "none", "30s", "50%", at, "round_robin", "", "none", "{idle: 60s, interval: 5s, count: 9}", second},
		{"all", "64MiB", 300, "5s", "90s", "1m", "0%", at, "least_connections", `, "127.0.0.1:0", "127.0.0.1:0"`, "1MiB", "{idle: 60s}", ""},
	} {
		ways = append(ways, fmt.Sprintf(yaml, w...))
	}
	return ways
}

// TestAThousandReloadsUnderLoadBreakNoConnection reloads as fast as it can while connections of all kinds carry as much as
// they can. A machine that has other work makes fewer.
func TestAThousandReloadsUnderLoadBreakNoConnection(t *testing.T) {
	const most, least, enough, streams = 1000, 200, 2 * time.Minute, 8
	ways := manyWays(backend(t, echoes))
	r, write := startFile(t, ways[0])
	address := r.g.Addresses("r")[0]
	var over atomic.Bool
	var carried, connected atomic.Int64
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() { carried.Add(stream(t, address, uint64(i), &over)) })
	}
	wg.Go(func() {
		for !over.Load() {
			if exchangeOnce(t, address, int(connected.Add(1))) != nil {
				return
			}
		}
	})
	reloads := 0
	for began := time.Now(); reloads < most && (reloads < least || time.Since(began) < enough); reloads++ {
		write(ways[reloads%len(ways)])
		done, err := r.g.Reload(context.Background())
		if err != nil || !done.OK {
			t.Errorf("reload %d: %+v, %v", reloads, done, err)
			break
		}
	}
	over.Store(true)
	wg.Wait()
	t.Logf("%d MiB and %d connections in %d reloads", carried.Load()>>20, connected.Load(), reloads)
	if now := r.g.Addresses("r")[0]; now != address {
		t.Errorf("the listener moved from %s to %s", address, now)
	}
	s := r.snapshot()
	if s.Config.Generation != uint64(reloads) { // the first reload has changed nothing
		t.Errorf("generation %d, want %d", s.Config.Generation, reloads)
	}
	eventually(t, "all connections have ended", func() bool { return r.route("r").Connections == 0 })
	for reason, n := range r.route("r").Closed {
		if reason != "client_fin" && n > 0 {
			t.Errorf("%d connections ended with %s", n, reason)
		}
	}
	if closed := r.route("r").Closed["client_fin"]; closed != uint64(connected.Load())+streams {
		t.Errorf("%d connections were counted, want %d: an edit lost some", closed, connected.Load()+streams)
	}
}

// inFlight is how much a stream has under way at most. With more it is the kernel's buffers that are tried: they overflow,
// and what they drop is sent again with pauses that double up to 26 s.
const inFlight = 256 << 10

// stream sends messages of all sizes until over, and checks that they come back. It returns how many bytes did.
func stream(t *testing.T, address string, seed uint64, over *atomic.Bool) (carried int64) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	progress := func() { _ = conn.SetDeadline(time.Now().Add(2 * patience)) } // however long all of it takes
	progress()
	sent, received := &digest{}, &digest{}
	back := make(chan int64, 1) // how many bytes have come back
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { _ = conn.(*net.TCPConn).CloseWrite() }()
		random := rand.New(rand.NewPCG(seed, 1))
		filler := strings.Repeat("0123456789abcdef", 1<<13)
		for returned := int64(0); !over.Load(); {
			size := random.IntN(1 << (2 + random.IntN(16)))
			message := []byte(framed(filler[random.IntN(100):][:min(size, 1<<16)]))
			sent.add(message)
			if _, err := conn.Write(message); err != nil {
				t.Errorf("stream %d: %v after %d bytes", seed, err, sent.n)
				return
			}
			for ok := true; ok && sent.n-returned > inFlight; {
				returned, ok = <-back
			}
		}
	})
	buf := make([]byte, 64<<10)
	for err == nil {
		var n int
		n, err = conn.Read(buf)
		progress()
		received.add(buf[:n])
		select {
		case <-back:
		default:
		}
		back <- received.n
	}
	close(back)
	if !errors.Is(err, io.EOF) {
		t.Errorf("stream %d: %v after %d bytes", seed, err, received.n)
	}
	wg.Wait()
	if *sent != *received {
		t.Errorf("stream %d: sent %d bytes, received %d, or others", seed, sent.n, received.n)
	}
	return received.n
}

// digest is a sum over a stream (FNV-1a) and its length.
type digest struct {
	n   int64
	sum uint64
}

func (d *digest) add(b []byte) {
	for _, c := range b {
		d.sum = (d.sum ^ uint64(c)) * 1099511628211
	}
	d.n += int64(len(b))
}

// exchangeOnce connects, sends a message, has it back and closes.
func exchangeOnce(t *testing.T, address string, n int) error {
	message := []byte(framed(fmt.Sprint("message ", n)))
	conn, err := net.Dial("tcp", address)
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Write(message)
	}
	back := make([]byte, len(message))
	if err == nil {
		_, err = io.ReadFull(conn, back)
	}
	if err != nil || !bytes.Equal(back, message) {
		t.Errorf("connection %d: %q, %v", n, back, err)
		return io.ErrUnexpectedEOF
	}
	return nil
}

func TestARefusedFileLeavesTheOneBeforeInForce(t *testing.T) {
	at := backend(t, echoes)
	ways := manyWays(at)
	r, write := startFile(t, ways[0])
	c := r.dial("r")
	c.echo(framed("hello"))
	write(strings.Replace(ways[1], "idle_timeout: 45s", "idle_timout: 45s", 1))
	done, err := r.g.Reload(context.Background())
	if err != nil || done.OK || done.Generation != 1 || len(done.Problems) != 1 {
		t.Fatalf("reload: %+v, %v", done, err)
	}
	p := done.Problems[0]
	if p.Line != 6 || !strings.HasPrefix(p.Text, `policies.p.long: unknown key "idle_timout"`) || !strings.Contains(p.Source, "p: {long: {idle_timout: 45s") {
		t.Errorf("the problem is %+v", p)
	}
	if s := r.snapshot(); s.Config.LastReloadSuccessful || s.Config.Generation != 1 {
		t.Errorf("metrics say %+v", s.Config)
	}
	if !strings.Contains(r.log.String(), "idle_timout") {
		t.Errorf("the log does not say what is wrong:\n%s", r.log)
	}
	c.echo(framed("still served"))

	write(ways[1])
	if done, err = r.g.Reload(context.Background()); err != nil || !done.OK || done.Generation != 2 || len(done.Changes) == 0 {
		t.Errorf("reload: %+v, %v", done, err)
	}
	if s := r.snapshot(); !s.Config.LastReloadSuccessful || s.Config.Generation != 2 {
		t.Errorf("metrics say %+v", s.Config)
	}
	if again, err := r.g.ReloadFor(t.Context(), gateway.TriggerFile); err != nil || again.Generation != 2 || again.Trigger != gateway.TriggerCall {
		t.Errorf("the same content took over again: %+v, %v", again, err)
	}
}
