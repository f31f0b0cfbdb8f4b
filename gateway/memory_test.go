package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAClientThatNeverReads floods one client while others go on, while memory stays bounded.
func TestAClientThatNeverReads(t *testing.T) {
	g := start(t, `
gateway: {buffer_memory: 1MiB}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {write_timeout: 3s}}}]`, backend(t, floodsOrEchoes))
	const deaf = 40
	for range deaf {
		g.dial("r").send("f")
	}
	eventually(t, "bytes are held", func() bool { return g.buffered() > 0 })
	lively := g.dial("r")
	lively.echo("e")
	for i := range 200 {
		lively.echo(fmt.Sprintf("still undisturbed %d", i))
		if held := g.buffered(); held > 1<<20 {
			t.Fatalf("%d bytes are held, more than buffer_memory", held)
		}
	}
	eventually(t, "the deaf are cut", func() bool { return g.route("r").Closed["client_stalled"] == deaf })
	lively.echo("and after")
	eventually(t, "nothing is held", func() bool { return g.buffered() == 0 })
}

// floodsOrEchoes is a server that returns what a client sends who begins with an e, and floods every other.
func floodsOrEchoes(c *client) {
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return
	}
	if first[0] == 'e' {
		_, _ = c.Write(first)
		echoes(c)
		return
	}
	flood := []byte(strings.Repeat("x", 1<<20))
	for {
		if _, err := c.Write(flood); err != nil {
			return
		}
	}
}

func (r *running) buffered() int64 {
	r.t.Helper()
	return r.snapshot().BufferBytes
}

// TestSlowPeersLoseNothing pushes megabytes both ways through peers that read slowly, with and without memory to hold
// what they do not take.
func TestSlowPeersLoseNothing(t *testing.T) {
	for _, protocol := range []string{"raw", "{fixed: {size: 1000}}", "delimiter"} {
		for _, conns := range []int{1, 24} { // 24 times two directions of 64 KiB are more than the memory
			t.Run(fmt.Sprintf("%s/connections=%d", protocol, conns), func(t *testing.T) {
				g := start(t, `
gateway: {buffer_memory: 1MiB}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+protocol+`, upstream: backend, policy: {long: {}}}]`,
					backend(t, echoes))
				var wg sync.WaitGroup
				for i := range conns {
					c := g.dial("r")
					wg.Go(func() { exchangeSlowly(t, c, byte(i)) })
				}
				wg.Wait()
				figures := g.route("r")
				if want := uint64(conns * slowly); figures.Bytes[0] != want || figures.Bytes[1] != want {
					t.Errorf("bytes_total is %d, want %d each way", figures.Bytes, want)
				}
			})
		}
	}
}

const slowly = 8_000_000 // bytes; more than the kernel's buffers of all four sockets hold

// exchangeSlowly sends everything before it reads anything back, so that every buffer on the way fills.
func exchangeSlowly(t *testing.T, c *client, seed byte) {
	sent := make([]byte, slowly)
	for i := range sent {
		sent[i] = seed + byte(i/977) + byte(i%251)
		if i%1000 == 999 {
			sent[i] = '\n'
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.Write(sent); err != nil {
			t.Errorf("send: %v", err)
		}
		c.finish()
	})
	hash, piece := sha256.New(), make([]byte, 3000)
	total := 0
	for {
		_ = c.SetDeadline(time.Now().Add(patience)) // for the next bytes, not for all
		n, err := c.Read(piece)
		hash.Write(piece[:n])
		total += n
		if err != nil {
			break
		}
	}
	wg.Wait()
	if want := sha256.Sum256(sent); total != slowly || !bytes.Equal(hash.Sum(nil), want[:]) {
		t.Errorf("received %d bytes of %d, or others than were sent", total, slowly)
	}
}

// TestMoreFirstMessagesThanMemory makes more clients begin a first message than there is memory to hold.
func TestMoreFirstMessagesThanMemory(t *testing.T) {
	g := start(t, `
gateway: {buffer_memory: 1MiB}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", connect_on: first_message, protocol: `+framing+`, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
	message := framed(strings.Repeat("x", 50_000))
	var clients []*client
	for range 30 { // of 64 KiB each
		c := g.dial("r")
		c.send(message[:len(message)-1])
		clients = append(clients, c)
	}
	eventually(t, "memory is nearly spent", func() bool { return g.buffered() > 1<<19 })
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			if _, err := c.Write([]byte(message[len(message)-1:])); err != nil {
				t.Errorf("send: %v", err)
			}
			got := make([]byte, len(message))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != message {
				t.Errorf("the first message did not come back whole: %v", err)
			}
		})
		if held := g.buffered(); held > 1<<20 {
			t.Errorf("%d bytes are held, more than buffer_memory", held)
		}
	}
	wg.Wait()
	eventually(t, "nothing is held", func() bool { return g.buffered() == 0 })
}
