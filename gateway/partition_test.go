package gateway_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// echoProcess is the environment variable by which this test binary is a backend and nothing else: its value is where it listens.
const echoProcess = "IDLEGATE_TEST_ECHO"

// serveEchoes is what such a process does, until it is killed.
func serveEchoes(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "listening")
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	}
}

// machine is a backend in a network of its own, behind a link.
type machine struct {
	t       *testing.T
	name    string // of its network
	address string
	process *exec.Cmd
}

// boot makes the n-th machine's network and starts its backend.
func boot(t *testing.T, n int) *machine {
	t.Helper()
	m := &machine{t: t, name: fmt.Sprintf("b%d", n), address: fmt.Sprintf("10.9.%d.2:9000", n)}
	command(t, "sh", "-ec", strings.NewReplacer("B", m.name, "N", fmt.Sprint(n)).Replace(`
ip netns add B
ip link add vN type veth peer name eth netns B
ip addr add 10.9.N.1/24 dev vN
ip link set vN up
ip -n B addr add 10.9.N.2/24 dev eth
ip -n B link set eth up
ip -n B link set lo up`))
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *machine) start() {
	m.t.Helper()
	m.process = exec.Command("nsenter", "--net=/run/netns/"+m.name, os.Args[0])
	m.process.Env = append(os.Environ(), echoProcess+"="+m.address)
	m.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := m.process.StdoutPipe()
	if err == nil {
		err = m.process.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := io.ReadFull(output, make([]byte, len("listening"))); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) kill() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
}

func (m *machine) signal(s os.Signal) {
	if err := m.process.Process.Signal(s); err != nil {
		m.t.Error(err)
	}
}

// route changes what the machine does with packets to the gateway.
func (m *machine) route(what string) {
	m.t.Helper()
	command(m.t, "ip", "-n", m.name, "route", what, "blackhole", strings.Replace(m.address, ".2:9000", ".1/32", 1))
}

// load is clients that come one after the other, each with a message and its echo.
type load struct {
	mu    sync.Mutex
	calls []call
	stop  chan struct{}
	done  sync.WaitGroup
}

type call struct {
	began time.Time
	ok    bool
}

func startLoad(address string, clients int) *load {
	l := &load{stop: make(chan struct{})}
	for range clients {
		l.done.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-l.stop:
					return
				case <-tick.C:
				}
				one := callOn(address)
				l.mu.Lock()
				l.calls = append(l.calls, one)
				l.mu.Unlock()
			}
		})
	}
	return l
}

// callOn gives up after 5 s: a client of a frozen backend would wait for ever.
func callOn(address string) call {
	const longest = 5 * time.Second
	one := call{began: time.Now()}
	conn, err := net.DialTimeout("tcp", address, longest)
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(one.began.Add(longest))
		message := framed("ping")
		if _, err = io.WriteString(conn, message); err == nil {
			_, err = io.ReadFull(conn, make([]byte, len(message)))
		}
	}
	one.ok = err == nil
	return one
}

// since returns how many clients came after an instant and have gone, and how many of them were not served.
func (l *load) since(at time.Time) (came, unserved int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.calls {
		if one.began.Before(at) {
			continue
		}
		if came++; !one.ok {
			unserved++
		}
	}
	return came, unserved
}

// TestBackendsThatDieFreezeOrVanishUnderLoad has three machines with addresses of their own, and clients all the time.
func TestBackendsThatDieFreezeOrVanishUnderLoad(t *testing.T) {
	if os.Getenv(ownNetwork) == "" {
		needs(t, "ip", "nsenter", "unshare")
		inOwn(t, "mount -t tmpfs tmpfs /run && ip link set lo up")
		return
	}
	sick, two, three := boot(t, 1), boot(t, 2), boot(t, 3)
	r := startAdmin(t, fmt.Sprintf(`
admin: {listen: "127.0.0.1:9180"}
upstreams: {u: {endpoints: ["%s", "%s", "%s"], balance: round_robin, connect_timeout: 2s, eject: {failures: 3, for: 200ms},
  health: {every: 200ms, timeout: 2s, rise: 2, fall: 2, send: {text: "PING"}, expect: {text: "PING"}}}}
routes: [{name: r, listen: "127.0.0.1:7000", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, sick.address, two.address, three.address))
	clients := startLoad("127.0.0.1:7000", 4)
	defer func() { close(clients.stop); clients.done.Wait() }()
	for _, fault := range []struct {
		name          string
		begin, revive func()
		words         string // of the health check
	}{
		{"killed", sick.kill, sick.start, "connection refused"},
		{"frozen", func() { sick.signal(syscall.SIGSTOP) }, func() { sick.signal(syscall.SIGCONT) }, "no answer within 2s"},
		{"partitioned", func() { sick.route("add") }, func() { sick.route("del") }, "not connected within 2s"},
	} {
		eventually(t, fault.name+": it gets connections before", func() bool { return r.endpointOf("u", sick.address).State() == "active" })
		fault.begin()
		eventually(t, fault.name+": it is down", func() bool { return r.endpointOf("u", sick.address).State() == "down" })
		if words := r.endpointOf("u", sick.address).Check.LastError; !strings.Contains(words, fault.words) {
			t.Errorf("%s: its health check says %q, want %q", fault.name, words, fault.words)
		}
		var dialled uint64
		eventually(t, fault.name+": attempts that were under way have ended", func() bool {
			before := dialled
			dialled = attemptsAt(r, sick.address)
			return dialled == before && r.endpointOf("u", sick.address).State() == "down"
		})
		down := time.Now()
		eventually(t, fault.name+": 300 clients come while it is down", func() bool { came, _ := clients.since(down); return came >= 300 })
		if came, unserved := clients.since(down); unserved > came/100 {
			t.Errorf("%s: %d of %d clients were not served after it was down", fault.name, unserved, came)
		}
		if n := attemptsAt(r, sick.address); n > dialled+1 { // one that was under way may have ended
			t.Errorf("%s: %d connections went to it after it was down", fault.name, n-dialled)
		}
		fault.revive()
		eventually(t, fault.name+": it gets connections again", func() bool { return attemptsAt(r, sick.address) > dialled+10 })
	}
	for reason, n := range r.route("r").Closed {
		switch reason {
		case "client_fin", "upstream_reset", "upstream_fin", "client_reset", "connect_timeout", "connect_refused":
		default:
			if n > 0 {
				t.Errorf("%d connections ended as %s", n, reason)
			}
		}
	}
}
