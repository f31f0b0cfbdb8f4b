package hosts_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/docker"
)

// clients are enough for each gateway and each server to have some at any time.
const clients = 24

func TestTwoGatewaysBehindHAProxy(t *testing.T) {
	n := start(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *topology)
	}{
		{"an edit acts on what is open at both", editActs},
		{"a server that is cut off gets no new connections", cutOffServer},
		{"a gateway is replaced, then the other, and no client has an error", replaceGateways},
	} {
		if !t.Run(test.name, func(t *testing.T) { test.run(t, n) }) {
			return
		}
	}
}

func editActs(t *testing.T, n *topology) {
	f := startFleet(t, n.address(t), clients, questions)
	idle := make([]net.Conn, 4)
	for i := range idle {
		conn, err := net.DialTimeout("tcp", n.address(t), patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := ask(conn, bufio.NewReader(conn), "hello"); err != nil {
			t.Fatal(err)
		}
		idle[i] = conn
	}
	n.edit(t, strings.NewReplacer("idle_timeout: 10m", "idle_timeout: 10s")) // for so long no client is silent that speaks
	for _, conn := range idle {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("a connection that was open before the edit, and idle since, ends with %v", err)
		}
	}
	ended := func(gate string) float64 {
		return n.metric(t, gate, "idlegate_connections_closed_total", `reason="idle_timeout"`)
	}
	n.await(t, "both have the edit, and ended idle connections", both(func(gate string) bool {
		return n.metric(t, gate, "idlegate_config_generation") == 2
	}))
	if a, b := ended("gate-a"), ended("gate-b"); a+b != 4 {
		t.Errorf("%v and %v connections ended as idle_timeout, of 4 that were idle", a, b)
	}
	f.more(t, n, 100)
	f.done(t, 0)
	n.edit(t, strings.NewReplacer())
	n.await(t, "the edit is taken back", both(func(gate string) bool { return n.metric(t, gate, "idlegate_config_generation") == 3 }))
}

func cutOffServer(t *testing.T, n *topology) {
	const server, endpoint = "server-1", `endpoint="server-1:9000"`
	f := startFleet(t, n.address(t), clients, questions)
	n.await(t, "the server has connections of both", both(func(gate string) bool {
		return n.metric(t, gate, "idlegate_upstream_connections", endpoint) > 0
	}))
	docker.Command(t, "network", "disconnect", n.back, n.servers[server].ID)
	healthy := func(gate string) bool { return n.metric(t, gate, "idlegate_upstream_healthy", endpoint) == 1 }
	n.await(t, "both know that the server is cut off", both(func(gate string) bool { return !healthy(gate) }))
	n.await(t, "its connections have ended", both(func(gate string) bool {
		return n.metric(t, gate, "idlegate_upstream_connections", endpoint) == 0
	}))
	attempts := func(gate string) float64 { return n.metric(t, gate, "idlegate_upstream_connects_total", endpoint) }
	before := map[string]float64{"gate-a": attempts("gate-a"), "gate-b": attempts("gate-b")}
	f.more(t, n, 40*questions) // which is as many connections
	lost := 0.0
	for gate, attempted := range before {
		if after := attempts(gate); after != attempted {
			t.Errorf("%s: %v attempts to connect to a server that is down", gate, after-attempted)
		}
		ended := func(reason string) float64 {
			return n.metric(t, gate, "idlegate_connections_closed_total", `reason="`+reason+`"`)
		}
		lost += ended("upstream_lost")
		for _, reason := range []string{"upstream_fin", "upstream_reset", "protocol_error", "no_endpoint", "shutdown", "internal_error"} {
			if n := ended(reason); n > 0 {
				t.Errorf("%s: %v connections ended as %s", gate, n, reason)
			}
		}
	}
	if lost == 0 {
		t.Error("no connection ended as upstream_lost")
	}
	docker.Command(t, "network", "connect", "--alias", server, n.back, n.servers[server].ID)
	n.await(t, "the server is back", both(func(gate string) bool {
		return healthy(gate) && n.metric(t, gate, "idlegate_upstream_connections", endpoint) > 0
	}))
	f.done(t, lost)
}

func replaceGateways(t *testing.T, n *topology) {
	f, stay := startFleet(t, n.address(t), clients/2, questions), startFleet(t, n.address(t), clients/2, endless)
	for _, name := range []string{"gate-a", "gate-b"} {
		n.await(t, "both have connections", both(func(gate string) bool { return n.metric(t, gate, "idlegate_connections") > 0 }))
		old := n.gates[name]
		old.Signal(t, "TERM")
		if code := old.Wait(t); code != 0 {
			t.Errorf("%s ends with %d", name, code)
		}
		if log := old.Logs(t); !strings.Contains(log, `"reason":"drained"`) || strings.Contains(log, `"reason":"shutdown"`) {
			t.Errorf("%s: not all connections could end by themselves", name)
		}
		docker.Command(t, "network", "disconnect", "--force", n.front, old.ID) // its name is free
		n.startGate(t, name)
		n.await(t, name+" is up for HAProxy", func() bool { return n.isUp(t, name) })
		f.more(t, n, 10*questions)
		stay.more(t, n, 10*clients)
	}
	n.await(t, "both have connections again", both(func(gate string) bool { return n.metric(t, gate, "idlegate_connections") > 0 }))
	f.done(t, 0)
	stay.done(t, 0)
}
