package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Large messages pass through pipes, which must not show but in what they cost.

const largePolicy = `
upstreams: {backend: {endpoints: ["%s"]}}
routes:
  - {name: framed, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: backend, policy: {long: {}}}
  - {name: raw, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {}}}`

// TestLargeMessagesPassThroughPipes sends messages of all sizes both ways at once, and expects them whole, counted right
// and not copied.
func TestLargeMessagesPassThroughPipes(t *testing.T) {
	for _, route := range []string{"framed", "raw"} {
		t.Run(route, func(t *testing.T) {
			g := start(t, largePolicy, backend(t, echoes))
			before := openPipes(t)
			stream, messages := largeMessages(1)
			c := g.dial(route)
			var sending sync.WaitGroup
			sending.Go(func() { c.send(string(stream)) })
			back := make([]byte, len(stream))
			if _, err := io.ReadFull(c, back); err != nil {
				t.Fatal(err)
			}
			sending.Wait()
			if !bytes.Equal(back, stream) {
				t.Error("other bytes came back than were sent")
			}
			if openPipes(t) == before {
				t.Error("no pipe was used")
			}
			figures := g.route(route)
			if want := [2]uint64{uint64(len(stream)), uint64(len(stream))}; figures.Bytes != want {
				t.Errorf("%d bytes were counted, want %d", figures.Bytes, want)
			}
			if want := [2]uint64{messages, messages}; route == "framed" && figures.Messages != want {
				t.Errorf("%d messages were counted, want %d", figures.Messages, want)
			}
		})
	}
}

// largeMessages returns messages of which most are large, small ones and empty ones between.
func largeMessages(seed byte) (stream []byte, n uint64) {
	noise := rand.NewChaCha8([32]byte{seed})
	for n < 60 {
		size := [...]int{0, 5, 70_000, 16 << 10, 64<<10 - 11, 64 << 10, 300_000, 1 << 20, 2 << 20, 100}[n%10]
		body := make([]byte, size)
		_, _ = noise.Read(body)
		stream = append(stream, framed(string(body))...)
		n++
	}
	return stream, n
}

// TestBrokenFramingBehindLargeMessages expects what is whole to be passed on, and the stream to end at what is not.
func TestBrokenFramingBehindLargeMessages(t *testing.T) {
	arrived := make(chan []byte, 1)
	g := start(t, largePolicy, backend(t, func(c *client) {
		all, _ := io.ReadAll(c)
		arrived <- all
	}))
	stream, _ := largeMessages(2)
	c := g.dial("framed")
	c.send(string(stream) + "Headerz and so on")
	if got := <-arrived; !bytes.Equal(got, stream) {
		t.Errorf("%d bytes arrived, want the %d of whole messages", len(got), len(stream))
	}
	eventually(t, "it has ended", func() bool { return g.route("framed").Closed["protocol_error"] == 1 })
}

// TestPipesEndWithTheirConnections makes clients take nothing, so that pipes are full when their connections end, and sees
// that they are closed, that no more of them are open than loops may have, and that all others are served meanwhile.
func TestPipesEndWithTheirConnections(t *testing.T) {
	const deafAreCut = `
gateway: {loops: 1}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {write_timeout: WHEN}}}]`
	after := func(timeout string) string { return strings.Replace(deafAreCut, "WHEN", timeout, 1) }
	at := backend(t, floodsOrEchoes)
	g := start(t, after("10m"), at) // none of them is cut before all pipes are in use, however long that takes
	before := openPipes(t)
	const deaf, most = 50, 32
	for range deaf {
		g.dial("r").send("f")
	}
	lively := g.dial("r")
	lively.echo("e")
	eventually(t, "all pipes are in use", func() bool { return openPipes(t)-before == most })
	for i := range 50 {
		lively.echo(fmt.Sprintf("still undisturbed %d", i))
	}
	g.edit(after("1s"), at)
	eventually(t, "the deaf are cut", func() bool { return g.route("r").Closed["client_stalled"] == deaf })
	eventually(t, "nothing is held", func() bool { return g.buffered() == 0 })
	lively.echo("and after")
}

// openPipes counts the pipes of this process.
func openPipes(t *testing.T) int {
	t.Helper()
	entries, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	ends := 0
	for _, entry := range entries {
		if to, err := os.Readlink(entry); err == nil && strings.HasPrefix(to, "pipe:") {
			ends++
		}
	}
	return ends / 2
}
