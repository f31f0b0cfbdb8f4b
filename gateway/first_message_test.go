package gateway_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"idlegate/gateway/admin/api"
)

// TestManyClientsWithAByteEachLeaveMemoryForOthers makes clients begin a first message and say no more, as many as have spent all
// memory if each of them gets what a whole message may need.
func TestManyClientsWithAByteEachLeaveMemoryForOthers(t *testing.T) {
	g := start(t, `
gateway: {buffer_memory: 16MiB}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", connect_on: first_message, protocol: `+framing+`, upstream: backend, policy: {long: {message_timeout: none}}}]`, backend(t, echoes))
	const crowd = 300 // of 64 KiB each that would be 18.75 MiB
	for range crowd {
		g.dial("r").send("H")
	}
	eventually(t, "all have begun", func() bool { return g.route("r").Bytes[0] == crowd })
	if held := g.buffered(); held > crowd*1024 {
		t.Errorf("%d bytes are held for %d", held, crowd)
	}
	message := framed(strings.Repeat("x", 60_000))
	for range 3 {
		g.dial("r").echo(message)
	}
}

// TestFirstMessagesOfEverySizeGetThroughLittleMemory sends more of them than there is memory for, in small parts, so that all have a
// part when none is left for the rest.
func TestFirstMessagesOfEverySizeGetThroughLittleMemory(t *testing.T) {
	g := start(t, `
gateway: {buffer_memory: 1MiB, loops: 2}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", connect_on: first_message, protocol: `+framing+`, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
	message := framed(strings.Repeat("x", 60_000))
	const clients, part = 60, 20_000
	all := make([]*client, clients)
	for i := range all {
		all[i] = g.dial("r")
		all[i].send(message[:part])
	}
	eventually(t, "memory is spent", func() bool { return g.buffered() > 700<<10 })
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() {
			if _, err := c.Write([]byte(message[part:])); err != nil {
				t.Errorf("send: %v", err)
			}
			got := make([]byte, len(message))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != message {
				t.Errorf("the first message did not come back whole: %v", err)
			}
		})
	}
	wg.Wait()
	eventually(t, "nothing is held", func() bool { return g.buffered() == 0 })
	if closed := g.route("r").Closed; closed["evicted"] > 0 {
		t.Errorf("%d were evicted", closed["evicted"])
	}
}

// TestFirstMessageTimeoutStartsWithTheGreeting keeps a server that speaks first silent for longer than first_message_timeout.
func TestFirstMessageTimeoutStartsWithTheGreeting(t *testing.T) {
	greet := make(chan struct{})
	r := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: nats, upstream: u, policy: {long: {first_message_timeout: 20ms}}}]`,
		backend(t, func(c *client) {
			<-greet
			c.send("INFO {}\r\n")
			_, _ = io.Copy(io.Discard, c)
		}))
	c := r.dial("r")
	eventually(t, "it is open for 100 ms, or has ended", func() bool {
		open := r.list(api.Filter{})
		return r.route("r").Opened == 1 && (len(open) == 0 || open[0].AgeSeconds > 0.1)
	})
	if open := len(r.list(api.Filter{})); open != 1 {
		t.Errorf("%d connections are open before the server has spoken", open)
	}
	close(greet)
	c.receive("INFO {}\r\n")
	if line := r.endOf(c); line.Reason != "first_message_timeout" {
		t.Errorf("it ended with %s", line.Reason)
	}
}
