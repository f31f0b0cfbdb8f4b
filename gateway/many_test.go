package gateway_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"
)

// most is how many connections the test of many has where the descriptor limit allows them. Each takes two descriptors
// in the gateway's process, and two in this one.
const most = 9000

func manyAllowed(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	const spare = 300 // what the gateway keeps for itself, and a few for this process
	n := most
	if room := (limit.Cur - spare) / 2; room < most {
		n = int(room)
		t.Logf("the descriptor limit of %d allows only %d connections", limit.Cur, n)
	}
	return n
}

// TestManyIdleConnections holds thousands of connections, looks at what they cost, and lets all be due at once.
func TestManyIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	const idle = 20 * time.Second // in which a machine that has other work connects them all
	n := manyAllowed(t)
	g := spawn(t, oneRoute+`{long: {idle_timeout: `+idle.String()+`}}}`, crowdBackend(t))
	heap, pss := g.heap(), g.pss()
	began := time.Now()
	clients := newMembers(t, n, g.address)
	clients.exchange("hello")
	t.Logf("%d connections have exchanged a message after %v", n, time.Since(began).Round(time.Millisecond))
	heap, pss = (g.heap()-heap)/n, (g.pss()-pss)/n
	t.Logf("an idle connection takes %d bytes of the heap, %d of the process", heap, pss)
	if heap > 700 {
		t.Error("want at most 700 bytes of the heap")
	}
	const little = 100 * time.Millisecond // what Go does by itself now and then
	cpu := little + 1
	for try := 0; try < 4 && cpu > little; try++ {
		before := g.cpu()
		<-time.After(time.Second)
		cpu = g.cpu() - before
		t.Logf("all together take %v of processor time in a second", cpu)
	}
	if cpu > little {
		t.Error("want none, give or take what Go does by itself")
	}
	clients.exchange("still there")
	clients.awaitEnds(idle)
	late := clients.lateness(idle)
	t.Logf("clients see the end late by %v (half), %v (99 of 100), %v (all)", late(0.5), late(0.99), late(1))
	if late(1) > idle {
		t.Error("want it within the time that it takes to close as many, on any machine")
	}
	checkFigures(t, g, n)
}

// checkFigures compares the metrics with n connections that have exchanged two messages and ended in silence.
func checkFigures(t *testing.T, g *process, n int) {
	t.Helper()
	eventually(t, "upstream connections are closed", func() bool { return g.scrape().count("upstream_connections", "backend") == 0 })
	page := g.scrape()
	for _, row := range []struct {
		name   string
		labels []string
		want   int
	}{
		{"connections_opened_total", nil, n},
		{"connections_closed_total", []string{"idle_timeout"}, n},
		{"connections", nil, 0},
		{"timeouts_total", []string{"idle_timeout", "closed"}, n},
		{"messages_total", []string{"client"}, 2 * n},
		{"messages_total", []string{"upstream"}, 2 * n},
	} {
		if got := page.count(row.name, row.labels...); got != row.want {
			t.Errorf("%s %q is %d, want %d", row.name, row.labels, got, row.want)
		}
	}
	lateness := page.metric("timeout_lateness_seconds").GetHistogram()
	if got := int(lateness.GetSampleCount()); got != n {
		t.Errorf("timeout_lateness_seconds has counted %d, want %d", got, n)
	}
	t.Logf("the gateway says late by at most %s (half), %s (99 of 100), %s (all)",
		quantile(lateness, 0.5), quantile(lateness, 0.99), quantile(lateness, 1))
}

// members are the clients of the test of many.
type members struct {
	*crowd
	all  []*member
	byFD map[int]*member
}

type member struct {
	index, fd int
	sent      time.Time // just before its last message
	ended     time.Time
	got       int // bytes of the answer under way
}

// newMembers connects n clients to address.
func newMembers(t *testing.T, n int, address string) *members {
	t.Helper()
	m := &members{crowd: newCrowd(t), byFD: make(map[int]*member, n)}
	t.Cleanup(func() {
		for fd := range m.byFD {
			syscall.Close(fd)
		}
		syscall.Close(m.epoll)
	})
	to := netip.MustParseAddrPort(address)
	for i := range n {
		c := &member{index: i, fd: socket(t)}
		m.all, m.byFD[c.fd] = append(m.all, c), c
		if err := errors.Join(
			connect(c.fd, to),
			syscall.SetNonblock(c.fd, true),
			m.watch(c.fd),
		); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	return m
}

// exchange makes each send a message that no other sends, and waits until each has its own back.
func (m *members) exchange(text string) {
	m.t.Helper()
	for _, c := range m.all {
		c.sent, c.got = time.Now(), 0
		if _, err := syscall.Write(c.fd, []byte(c.message(text))); err != nil {
			m.t.Fatalf("connection %d: %v", c.index, err)
		}
	}
	m.receive(len(m.all), func(c *member, b []byte) (complete bool) {
		want := c.message(text)
		if len(b) == 0 || c.got+len(b) > len(want) || string(b) != want[c.got:c.got+len(b)] {
			m.t.Fatalf("connection %d received %q, want %q", c.index, b, want[c.got:])
		}
		c.got += len(b)
		return c.got == len(want)
	})
}

func (c *member) message(text string) string { return framed(fmt.Sprintf("%s %d", text, c.index)) }

// receive calls handle for everything that arrives, until it has said n times that a client has all it waits for.
func (m *members) receive(n int, handle func(c *member, b []byte) (complete bool)) {
	m.t.Helper()
	var buf [4096]byte
	for n > 0 {
		events, err := m.wait(patience)
		if err != nil || len(events) == 0 {
			m.t.Fatalf("%d clients still wait after %v: %v", n, patience, err)
		}
		for _, event := range events {
			c := m.byFD[int(event.Fd)]
			size, err := syscall.Read(c.fd, buf[:])
			if err != nil {
				m.t.Fatalf("connection %d: %v", c.index, err)
			}
			if handle(c, buf[:size]) {
				n--
			}
		}
	}
}

// awaitEnds waits until each was sent a FIN, which none may be before it has been silent for so long.
func (m *members) awaitEnds(silent time.Duration) {
	m.t.Helper()
	early := 0
	m.receive(len(m.all), func(c *member, b []byte) bool {
		if len(b) > 0 {
			m.t.Fatalf("connection %d received %q, want the end", c.index, b)
		}
		c.ended = time.Now()
		if c.ended.Sub(c.sent) < silent {
			early++
		}
		syscall.Close(c.fd)
		delete(m.byFD, c.fd)
		return true
	})
	if early > 0 {
		m.t.Errorf("%d connections were ended before they had been silent for %v", early, silent)
	}
}

// lateness returns how long after its last message plus silent a share of the clients saw the end at most.
func (m *members) lateness(silent time.Duration) func(share float64) time.Duration {
	var late []time.Duration
	for _, c := range m.all {
		late = append(late, c.ended.Sub(c.sent)-silent)
	}
	slices.Sort(late)
	return func(share float64) time.Duration {
		return late[int(share*float64(len(late)-1))].Round(10 * time.Microsecond)
	}
}
