package gateway_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// limited is a policy whose route has the limits that are to be filled in.
const limited = `
gateway: {%s}
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", accept_proxy_protocol: {from: [127.7.0.0/16]}, limits: {%s}, protocol: raw, upstream: u, policy: {long: {}}}`

// TestOneSourceCannotTakeAllConnections makes one try, and another come after it.
func TestOneSourceCannotTakeAllConnections(t *testing.T) {
	g := start(t, limited, "max_connections: 20", backend(t, echoes), "connections_per_source: 3")
	at := g.g.Addresses("r")[0]
	var greedy []*client
	for range 3 {
		c := dialFrom(t, "127.2.0.1", at)
		c.echo("mine")
		greedy = append(greedy, c)
	}
	for range 40 {
		refusedFrom(t, "127.2.0.1", at)
	}
	dialFrom(t, "127.3.0.1", at).echo("still room")
	if n := g.route("r").Refused["over_source_limit"]; n != 40 {
		t.Errorf("%d were refused, not 40", n)
	}
	greedy[0].finish()
	greedy[0].receiveFIN()
	g.endOf(greedy[0])
	dialFrom(t, "127.2.0.1", at).echo("one has left")
}

// refusedFrom expects that a client from an address is reset, be it before dialling has ended or after.
func refusedFrom(t *testing.T, source, address string) {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}).Dial("tcp", address)
	if isReset(err) {
		return
	}
	must(t, err)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	(&client{t: t, Conn: conn}).receiveReset()
}

// TestSourcesAreThoseBehindProxies makes a proxy bring clients of one IPv6 subnet, and of another.
func TestSourcesAreThoseBehindProxies(t *testing.T) {
	g := start(t, limited, "", backend(t, echoes), "connections_per_source: 1")
	come := func(from string) *client {
		c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
		c.send("PROXY TCP6 " + from + " 2001:db8::1 1 2\r\nhello")
		return c
	}
	come("2001:db8:0:1::1").receive("hello")
	come("2001:db8:0:1::2").receiveReset()
	come("2001:db8:0:2::1").receive("hello")
}

// TestALimitForSourcesCountsWhatIsOpen sets it by an edit.
func TestALimitForSourcesCountsWhatIsOpen(t *testing.T) {
	at := backend(t, echoes)
	g := start(t, limited, "", at, "")
	first, second := g.dial("r"), g.dial("r")
	first.echo("a")
	second.echo("b")
	g.edit(limited, "", at, "connections_per_source: 2")
	g.refused("r")
	g.edit(limited, "", at, "")
	first.finish()
	first.receiveFIN()
	g.endOf(first)
	g.edit(limited, "", at, "connections_per_source: 2")
	g.dial("r").echo("in its place")
	g.refused("r")
}

func TestAcceptsPerSecond(t *testing.T) {
	g := start(t, limited, "", backend(t, echoes), "accepts_per_second: 5")
	began := time.Now()
	for range 30 {
		if conn, err := net.Dial("tcp", g.g.Addresses("r")[0]); err == nil { // else it was refused already
			t.Cleanup(func() { conn.Close() })
		}
	}
	eventually(t, "all have an answer", func() bool {
		f := g.route("r")
		return f.Opened+f.Refused["accept_rate"] == 30
	})
	f, most := g.route("r"), 5+uint64(5*(time.Since(began)+time.Second).Seconds())
	if f.Opened < 5 || f.Opened > most {
		t.Errorf("%d were opened, which is not from 5 to %d", f.Opened, most)
	}
	eventually(t, "somebody is let in again", func() bool {
		if conn, err := net.Dial("tcp", g.g.Addresses("r")[0]); err == nil {
			t.Cleanup(func() { conn.Close() })
		}
		return g.route("r").Opened > f.Opened
	})
}

// TestTheIdlestMakesRoom fills the gateway, has all but two speak again, and wants those two to go, the idler one first.
func TestTheIdlestMakesRoom(t *testing.T) {
	for _, loops := range []string{"1", "2"} {
		t.Run("loops "+loops, func(t *testing.T) {
			g := start(t, limited, "loops: "+loops+", max_connections: 10, on_full: evict_idlest", backend(t, echoes), "")
			var open []*client
			for range 10 {
				c := g.dial("r")
				c.echo("hello")
				open = append(open, c)
			}
			for _, c := range open[2:] {
				c.echo("I am here")
			}
			for i := range 2 {
				g.dial("r").echo("room for me?")
				open[i].receiveReset()
				if line := g.endOf(open[i]); line.Reason != "evicted" {
					t.Errorf("client %d: %+v", i, line)
				}
			}
			for _, c := range open[2:] {
				c.echo("still here")
			}
			if all := g.list(api.Filter{}); len(all) != 10 {
				t.Errorf("%d are open", len(all))
			}
			if !strings.Contains(g.log.String(), "the idlest connections make room") {
				t.Error("the log does not say it")
			}
		})
	}
}

// TestManyNewClientsMakeRoomByTurns brings more than one look finds idle connections.
func TestManyNewClientsMakeRoomByTurns(t *testing.T) {
	g := start(t, limited, "max_connections: 100, on_full: evict_idlest", backend(t, echoes), "")
	for range 400 {
		g.dial("r").echo("hello")
	}
	figures := g.route("r")
	if figures.Opened != 400 || figures.Closed["evicted"] != 300 || figures.Connections != 100 {
		t.Errorf("opened %d, evicted %d, open %d", figures.Opened, figures.Closed["evicted"], figures.Connections)
	}
}
