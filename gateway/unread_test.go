package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// unreadPolicy is one under which a client is not read for each reason that a connection which goes on may have: its upstream is slow, it
// is being connected to, a handshake is under way, memory is short, and the client does not take the answers to its heartbeats.
const unreadPolicy = `
gateway: {buffer_memory: %[1]s, loops: 2, edit_grace: none}
policies: {p: {long: {heartbeat: %[2]s, message_timeout: none, idle_timeout: %[3]s, tls_handshake_timeout: 10m}}}
upstreams:
  plain: {endpoints: ["%[4]s"]}
  tls: {endpoints: ["%[5]s"], tls: {ca: %[6]s}}
routes:
  - {name: plain, listen: "127.0.0.1:0", protocol: %[9]s, upstream: plain, policy: p}
  - {name: late, listen: "127.0.0.1:0", connect_on: first_message, protocol: %[9]s, upstream: plain, policy: p}
  - {name: tls, listen: "127.0.0.1:0", connect_on: first_message, tls: {cert: %[7]s, key: %[8]s}, protocol: %[9]s, upstream: tls, policy: p}
  - {name: shed, listen: "127.0.0.1:0", tls: {cert: %[7]s, key: %[8]s}, protocol: %[9]s, upstream: plain, policy: p}
`

var (
	beatingFraming = strings.TrimSuffix(framing, "}") + `, heartbeat: {match: {text: "ping"}, answer: {text: "` + pong + `"}}}`
	pong           = strings.Repeat("pong", 50)
)

// TestAClientIsReadAgainWhateverKeptItFromBeingRead has connections meet these reasons at random, several at a time, under edits that
// change them. Every message must come back.
func TestAClientIsReadAgainWhateverKeptItFromBeingRead(t *testing.T) {
	const each = 12 // clients of a route at a time
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	plain := backend(t, returnsSlowly)
	secure := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{server.pair(t)}}, returnsSlowly)
	policy := func(memory, heartbeat, idle string) string {
		return fmt.Sprintf(unreadPolicy, memory, heartbeat, idle, plain, secure, a.file, server.cert, server.key, beatingFraming)
	}
	r, write := startFile(t, policy("1MiB", "answer", "10m"))
	var clients, edits sync.WaitGroup
	var over atomic.Bool
	edits.Go(func() {
		ways := []string{policy("1MiB", "answer", "10m"), policy("4MiB", "answer", "5m"), policy("1MiB", "forward", "none"), policy("1MiB", "answer", "5m")}
		for i := 1; !over.Load(); i++ {
			write(ways[i%len(ways)])
			if done, err := r.g.Reload(context.Background()); err != nil || !done.OK {
				t.Errorf("%+v, %v", done, err)
				return
			}
			<-time.After(30 * time.Millisecond) // the pace of edits
		}
	})
	for i := range each {
		for n, route := range []string{"plain", "late", "tls", "shed"} {
			c := r.dial(route)
			_ = c.Conn.(*net.TCPConn).SetReadBuffer(8 << 10)
			if route == "tls" || route == "shed" {
				c.Conn = tls.Client(c.Conn, a.trusting(t, nil))
			}
			seed := rand.Uint64()
			clients.Go(func() {
				if err := converse(c, rand.New(rand.NewPCG(seed, uint64(i*4+n)))); err != nil {
					t.Errorf("client of %s: %v", route, err)
				}
			})
		}
	}
	clients.Wait()
	over.Store(true)
	edits.Wait()
	eventually(t, "nothing is held", func() bool { return r.snapshot().BufferBytes == 0 })
	for _, route := range []string{"plain", "late", "tls", "shed"} {
		if closed := r.route(route).Closed["client_fin"]; closed != each {
			t.Errorf("%s: %d connections have ended as they should", route, closed)
			for _, line := range r.log.ended() {
				if line.Route == route && line.Reason != "client_fin" {
					t.Logf("%+v", line)
				}
			}
		}
	}
}

// returnsSlowly is a server that returns what it is sent, and does nothing now and then.
func returnsSlowly(c *client) {
	buf := make([]byte, 20_000)
	for {
		_ = c.SetDeadline(time.Now().Add(2 * patience))
		n, err := c.Read(buf[:1+rand.IntN(len(buf))])
		if _, failed := c.Write(buf[:n]); failed != nil || err != nil {
			return
		}
		pauseAtTimes()
	}
}

// pauseAtTimes is how a slow peer spends its time.
func pauseAtTimes() {
	if rand.IntN(40) == 0 {
		<-time.After(time.Duration(rand.IntN(40)) * time.Millisecond)
	}
}

// converse sends messages and heartbeats in parts of any size, and expects every message back, and for each heartbeat its answer or itself.
func converse(c *client, random *rand.Rand) error {
	var stream strings.Builder
	var sums []uint64 // of the messages
	beats := 0
	for range 600 {
		body := "ping"
		if random.IntN(2) == 0 {
			body = strings.Repeat(string(rune('a'+random.IntN(26))), random.IntN(1<<(1+random.IntN(15))))
			sums = append(sums, sumOf(body))
		} else {
			beats++
		}
		stream.WriteString(framed(body))
	}
	sent := make(chan error, 1)
	parts := rand.New(rand.NewPCG(random.Uint64(), 0))
	go func() {
		for left := stream.String(); left != ""; {
			n := min(len(left), 1+parts.IntN(1<<(1+parts.IntN(17))))
			_ = c.SetWriteDeadline(time.Now().Add(2 * patience))
			if _, err := io.WriteString(c.Conn, left[:n]); err != nil {
				sent <- err
				return
			}
			left = left[n:]
			pauseAtTimes()
		}
		sent <- c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	heard, err := hearAll(c, sums)
	if err != nil {
		return err
	}
	if heard != beats {
		return fmt.Errorf("%d heartbeats were answered or returned, want %d", heard, beats)
	}
	return <-sent
}

// hearAll reads to the end what must have these messages, and returns how many others there are.
func hearAll(c *client, sums []uint64) (others int, err error) {
	from := bufio.NewReaderSize(c.Conn, 4000)
	header := make([]byte, len(framed("")))
	for {
		_ = c.SetReadDeadline(time.Now().Add(2 * patience))
		if _, err := io.ReadFull(from, header); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, fmt.Errorf("%d messages and %d heartbeats before the end: %w", len(sums), others, err)
		}
		body := make([]byte, binary.BigEndian.Uint32(header[len(header)-4:]))
		if _, err := io.ReadFull(from, body); err != nil {
			return 0, err
		}
		pauseAtTimes()
		if text := string(body); text == "ping" || text == pong {
			others++
			continue
		}
		if len(sums) == 0 || sumOf(string(body)) != sums[0] {
			return 0, fmt.Errorf("a message of %d bytes came that was not sent", len(body))
		}
		sums = sums[1:]
	}
	if len(sums) > 0 {
		return 0, fmt.Errorf("%d messages did not come back", len(sums))
	}
	return others, nil
}

func sumOf(body string) uint64 {
	var d digest
	d.add([]byte(body))
	return d.sum
}
