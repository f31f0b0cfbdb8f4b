package gateway_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// floods sends without end.
func floods(c *client) {
	flood := make([]byte, 64<<10)
	for {
		if _, err := c.Write(flood); err != nil {
			return
		}
	}
}

// takes reads size bytes at each tick, until it is told to stop or the connection has ended.
func takes(c *client, size int, stop <-chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if _, err := io.ReadFull(c, make([]byte, size)); err != nil {
			return
		}
	}
}

// unhurried is a policy under which nothing but min_rate ends who is slow.
const unhurried = "write_timeout: none, message_timeout: none, idle_timeout: none"

// narrow gives a client a small receive buffer, so that what it reads is soon acknowledged.
func narrow(c *client) { _ = c.Conn.(*net.TCPConn).SetReadBuffer(16 << 10) }

func (r *running) minRates(side string) (all []api.Timer) {
	r.t.Helper()
	for _, c := range r.list(api.Filter{}) {
		e, err := r.g.Explain(r.t.Context(), c.ID)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, timer := range e.Timers {
			if timer.Timer == "min_rate" && timer.Side == side {
				all = append(all, timer)
			}
		}
	}
	return all
}

// TestASlowReaderIsEndedByItsRateAlone makes one client read a trickle, which write_timeout lets pass, and one much more than it must.
func TestASlowReaderIsEndedByItsRateAlone(t *testing.T) {
	for name, test := range map[string]struct {
		each int
		slow bool
	}{
		"a trickle":   {256, true},        // 5 KiB a second of the 32 demanded
		"fast enough": {256 << 10, false}, // more than a hundred times what is demanded
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, rated, backend(t, floods), "min_rate: {bytes: 64KiB, over: 2s}", "raw", unhurried)
			c, stop := g.dial("r"), make(chan struct{})
			if test.slow {
				narrow(c)
			}
			done := make(chan struct{})
			go func() { defer close(done); takes(c, test.each, stop) }()
			defer func() { close(stop); <-done }()
			eventually(t, "explain says that its rate is counted", func() bool {
				rates := g.minRates("client")
				return len(rates) == 1 && rates[0].Standing == "running" && *rates[0].ValueSeconds == 2 && rates[0].From == "limits.min_rate"
			})
			if test.slow {
				if line := g.endOf(c); line.Reason != "client_stalled" {
					t.Errorf("%+v", line)
				}
				g.expectTimeouts(t, 1)
				return
			}
			<-time.After(5 * time.Second) // more than two times over
			if f := g.route("r"); f.Connections != 1 {
				t.Errorf("it has ended: %v", f.Closed)
			}
		})
	}
}

// expectTimeouts demands that min_rate has ended that many connections.
func (r *running) expectTimeouts(t *testing.T, want uint64) {
	t.Helper()
	eventually(t, "min_rate is counted", func() bool {
		for _, n := range r.route("r").Timeouts {
			if n.Timeout == "min_rate" && n.Count == want {
				return true
			}
		}
		return false
	})
}

func TestASlowUpstreamIsEndedByItsRate(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	g := start(t, rated, backend(t, func(c *client) {
		narrow(c)
		takes(c, 256, stop)
	}), "min_rate: {bytes: 1MiB, over: 1s}", "delimiter", unhurried)
	c := g.dial("r")
	go floodsLines(c)
	if line := g.endOf(c); line.Reason != "upstream_stalled" {
		t.Errorf("%+v", line)
	}
	g.expectTimeouts(t, 1)
}

func floodsLines(c *client) {
	lines := []byte(strings.Repeat(strings.Repeat("x", 63)+"\n", 1024))
	for {
		if _, err := c.Write(lines); err != nil {
			return
		}
	}
}

// TestASlowSenderIsEndedByItsRate makes clients go on with a message a part at a time.
func TestASlowSenderIsEndedByItsRate(t *testing.T) {
	g := start(t, rated, backend(t, echoes), "min_rate: {bytes: 1KiB, over: 2s}", "delimiter", unhurried)
	slow, honest, silent := g.dial("r"), g.dial("r"), g.dial("r")
	silent.echo("whole\n")
	stop, done := make(chan struct{}), make(chan struct{}, 2)
	for c, part := range map[*client]string{slow: "x", honest: strings.Repeat("x", 1<<10)} {
		go func() {
			defer func() { done <- struct{}{} }()
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				if _, err := c.Write([]byte(part)); err != nil {
					return
				}
			}
		}()
	}
	if line := g.endOf(slow); line.Reason != "message_timeout" {
		t.Errorf("%+v", line)
	}
	<-time.After(3 * time.Second) // the honest one is under way for more than two times over
	if f := g.route("r"); f.Connections != 2 {
		t.Errorf("others have ended, too: %v", f.Closed)
	}
	g.expectTimeouts(t, 1)
	close(stop)
	<-done
	<-done
	if _, err := fmt.Fprint(honest, "\n"); err != nil {
		t.Error(err)
	}
	silent.echo("still there\n")
}

// TestAnEditSetsAMinRate makes a client take nothing, which nobody minds, until the file does.
func TestAnEditSetsAMinRate(t *testing.T) {
	at := backend(t, floods)
	g := start(t, rated, at, "", "raw", unhurried)
	c := g.dial("r")
	eventually(t, "it takes no more", func() bool { return g.buffered() > 0 })
	if rates := g.minRates("client"); len(rates) > 0 {
		t.Errorf("explain lists a rate that there is none of: %+v", rates)
	}
	g.edit(rated, at, "min_rate: {bytes: 1KiB, over: 500ms}", "raw", unhurried)
	if line := g.endOf(c); line.Reason != "client_stalled" {
		t.Errorf("%+v", line)
	}
}
