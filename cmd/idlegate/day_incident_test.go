package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// incidentPolicy is what the second day begins with: gateway.max_connections, endpoints and idle_timeout are filled in, since the edit that
// helps changes these three.
const incidentPolicy = `admin: {listen: 127.0.0.1:0}
log: {file: gateway.log}
gateway: {max_connections: %d, edit_grace: 500ms}

upstreams:
  servers:
    endpoints: [%s]
    balance: round_robin
    health: {every: 5s, timeout: 5s, fall: 2}

policies:
  patient:
    long: {idle_timeout: %s}

routes:
  - name: devices
    listen: 127.0.0.1:0
    protocol: {length_field: {magic: {text: "Headers"}, offset: 7, size: 4}}
    upstream: servers
    policy: patient
`

const (
	room   = 40               // connections that the gateway has room for in the morning
	silent = 16               // of them are silent ones
	tooOld = 10 * time.Second // what the edit that helps sets idle_timeout to
)

// hands are what an incident is worked with: the commands, or the page.
type hands interface {
	sees(parts ...string)                // among what is wrong
	allClear()                           // nothing is wrong
	finds(reason string, n int)          // n connections that ended for a reason
	findsDown(endpoint, words string)    // an endpoint, with its last failure
	planRefused(policy, words string)    // an edit is refused before it is made
	plan(policy string) (atOnce int)     // how many connections an edit would end at once
	reloadRefused(words string)          // the file as it was saved is refused
	reload()                             // the file as it was saved takes over
	hears(kind string, parts ...string)  // of what has happened, as it happened
	saysWhyItEnded(id uint64, by string) // one connection that ended, and how
}

// TestOperatorsSecondDay works one incident twice, with the commands only and with the page only: a backend dies, the gateway fills up, an
// edit with a mistake is planned and refused, one without is planned, made, and ends as many as was planned.
func TestOperatorsSecondDay(t *testing.T) {
	built := &readme{dir: t.TempDir()}
	built.build(t, "make build")
	binary := filepath.Join(built.dir, "idlegate")
	t.Run("with commands only", func(t *testing.T) {
		i := beginIncident(t, binary)
		i.work(i.withCommands())
	})
	t.Run("with the page only", func(t *testing.T) {
		path := browser(t)
		if path == "" {
			t.Skip("needs chromium, chromium-browser or google-chrome, none of which is installed")
		}
		i := beginIncident(t, binary)
		i.work(i.withPage(path))
	})
}

// incident is a gateway between a fleet and two backends, one of which dies.
type incident struct {
	*operator
	fleet    *fleet
	backends []*mortal
}

func beginIncident(t *testing.T, binary string) *incident {
	t.Helper()
	i := &incident{backends: []*mortal{startMortal(t), startMortal(t)}}
	i.operator = employ(t, binary, i.file(room, "10m", i.backends...))
	i.serve()
	i.fleet = &fleet{address: i.inLog(`msg=listening route=devices address=(\S+)`), stop: make(chan struct{})}
	t.Cleanup(func() { close(i.fleet.stop); i.fleet.running.Wait() })
	for n := range silent + 12 {
		i.fleet.welcome(t, []habit{dead, talker}[min(n/silent, 1)])
	}
	i.until("all are connected", func() bool {
		open := told[api.Connections](i.operator, "connections", "--state", "open", "--limit", "100").Connections
		return len(open) == silent+12 && !slices.ContainsFunc(open, func(c api.Connection) bool { return c.Client == "" })
	})
	return i
}

func (i *incident) file(most int, idle string, endpoints ...*mortal) string {
	return fmt.Sprintf(incidentPolicy, most, strings.Join(each(endpoints, (*mortal).String), ", "), idle)
}

// work is the incident, from a morning on which nothing is wrong to an evening on which nothing is.
func (i *incident) work(h hands) {
	h.allClear()

	dying := i.backends[0]
	lost := dying.die()
	h.sees("endpoint "+dying.String()+" of servers is down", "connection refused")
	h.findsDown(dying.String(), "connection refused")
	h.finds("upstream_reset", lost)
	h.hears("health", dying.String()+" of servers", "down")
	i.until("the lost have a line each", func() bool { return i.logged(`reason=upstream_reset .*`) == lost })
	h.saysWhyItEnded(i.ended("upstream_reset").ID, dying.String())

	var newcomers []*device
	for open := silent + 12 - lost; open < room; open++ {
		newcomers = append(newcomers, i.fleet.welcome(i.T, talker))
	}
	h.sees("the gateway is full", fmt.Sprintf("%d of %d connections", room, room))
	i.until("those that came meanwhile are served by the other", func() bool {
		return !slices.ContainsFunc(newcomers, func(d *device) bool { return !d.isOpen() || d.heardOf() == 0 })
	})
	waiting := i.fleet.welcome(i.T, talker)

	mistaken := strings.Replace(i.policy(), "idle_timeout", "idle_timeuot", 1)
	h.planRefused(mistaken, `did you mean "idle_timeout"?`)
	i.save(mistaken)
	h.reloadRefused(`did you mean "idle_timeout"?`)
	h.sees("the policy file is refused")

	i.until("those that say nothing have been silent for long", func() bool {
		idle := told[api.Connections](i.operator, "connections", "--idle", (tooOld + 2*time.Second).String(), "--limit", "100")
		return len(idle.Connections) == silent-i.lostSilent()
	})
	if waiting.heardOf() > 0 {
		i.Error("the gateway has served one more than it has room for")
	}
	helps := i.file(10*room, tooOld.String(), i.backends[1])
	planned := h.plan(helps)
	before := i.figure(`connections_closed_total{reason="idle_timeout",route="devices"}`)
	i.save(helps)
	h.reload()
	h.hears("reload", "generation 2", "3 changes")
	i.until("the one that waited is served", func() bool { return waiting.heardOf() > 0 })
	h.finds("idle_timeout", planned)
	if ended := i.figure(`connections_closed_total{reason="idle_timeout",route="devices"}`) - before; int(ended) != planned || planned == 0 {
		i.Errorf("the edit has ended %g, planned were %d", ended, planned)
	}
	for _, d := range append(newcomers, waiting) {
		if !d.isOpen() {
			i.Errorf("%s has lost its connection", d.client())
		}
	}
	h.allClear()
	i.signal(syscall.SIGTERM)
}

// lostSilent counts the silent ones that the death of the backend has ended.
func (i *incident) lostSilent() int {
	return len(i.fleet.of(dead, func(d *device) bool { return !d.isOpen() }))
}

// ended is a connection that ended for a reason.
func (i *incident) ended(reason string) api.Ended {
	i.Helper()
	all := told[api.Endings](i.operator, "ended", "--reason", reason).Ended
	if len(all) == 0 {
		i.Fatalf("none has ended with %s", reason)
	}
	return all[0]
}

// heardOf is how many echoes have come.
func (d *device) heardOf() uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.echoed
}

// mortal is a backend that echoes until it dies.
type mortal struct {
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // with something received: that of a check has nothing
}

func startMortal(t *testing.T) *mortal {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{listener: l, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { m.die() })
	m.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.running.Go(func() { m.echo(conn) })
		}
	})
	return m
}

func (m *mortal) String() string { return m.listener.Addr().String() }

func (m *mortal) echo(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 4<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			break
		}
		m.mu.Lock()
		m.conns[conn] = true
		m.mu.Unlock()
		if _, err := conn.Write(buf[:n]); err != nil {
			break
		}
	}
	m.mu.Lock()
	delete(m.conns, conn)
	m.mu.Unlock()
}

// die resets all connections, of which it gives the number, and listens no more.
func (m *mortal) die() int {
	m.listener.Close()
	m.mu.Lock()
	n := len(m.conns)
	for conn := range m.conns {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	m.mu.Unlock()
	m.running.Wait()
	return n
}
