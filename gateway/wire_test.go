package gateway_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// wire stands between a gateway and a server, carries what both say, and keeps it in the order in which it came.
type wire struct {
	server string // its address

	mu    sync.Mutex
	conns []*spoken // in the order in which they were accepted
}

// spoken is what was said on one connection, in turns.
type spoken struct {
	mu    sync.Mutex
	turns []turn
}

type turn struct {
	from  int // 0 is the client
	bytes []byte
}

// tap puts a wire before a server and returns where the gateway finds it.
func tap(t *testing.T, server string) (w *wire, address string) {
	t.Helper()
	w = &wire{server: server}
	return w, backend(t, w.carry)
}

func (w *wire) carry(from *client) {
	network, address := split(w.server)
	to, err := net.DialTimeout(network, address, patience)
	if err != nil {
		from.t.Errorf("the wire to %s: %v", w.server, err)
		return
	}
	defer to.Close()
	said := &spoken{}
	w.mu.Lock()
	w.conns = append(w.conns, said)
	w.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { said.copy(0, to, from.Conn) })
	wg.Go(func() { said.copy(1, from.Conn, to) })
	wg.Wait()
}

// copy passes on what one side says, and its end.
func (s *spoken) copy(from int, dst, src net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		s.note(from, buf[:n])
		if _, failure := dst.Write(buf[:n]); failure != nil {
			_, _ = io.Copy(io.Discard, src) // so that its end is a FIN, too
			return
		}
		if err == nil {
			continue
		}
		if half, ok := dst.(interface{ CloseWrite() error }); ok && errors.Is(err, io.EOF) {
			_ = half.CloseWrite() // the other side may be gone
			return
		}
		dst.Close()
		return
	}
}

func (s *spoken) note(from int, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.turns) - 1; last >= 0 && s.turns[last].from == from {
		s.turns[last].bytes = append(s.turns[last].bytes, b...)
		return
	}
	if len(b) > 0 {
		s.turns = append(s.turns, turn{from, append([]byte(nil), b...)})
	}
}

// streams returns what each side has said.
func (s *spoken) streams() (by [2][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, turn := range s.turns {
		by[turn.from] = append(by[turn.from], turn.bytes...)
	}
	return by
}

// tally is how many messages each side has sent, and how many of them were heartbeats.
type tally struct{ messages, heartbeats [2]uint64 }

// decoder counts the messages of one connection in another way than the gateway.
type decoder func(t *testing.T, said [2][]byte) tally

// tally adds up all connections.
func (w *wire) tally(t *testing.T, count decoder) (sum tally) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, said := range w.conns {
		n := count(t, said.streams())
		for from := range 2 {
			sum.messages[from] += n.messages[from]
			sum.heartbeats[from] += n.heartbeats[from]
		}
	}
	return sum
}

// agrees waits until all connections have ended, and wants the gateway to have counted what the wire carried.
func (w *wire) agrees(t *testing.T, g *running, count decoder) tally {
	t.Helper()
	g.settled(t)
	figures := g.route("r")
	got, want := tally{figures.Messages, figures.Heartbeats}, w.tally(t, count)
	for limit := time.Now().Add(patience); got != want && time.Now().Before(limit); want = w.tally(t, count) { // it may be behind
		<-time.After(10 * time.Millisecond)
	}
	if got != want {
		t.Errorf("the gateway has counted %v, the wire carried %v", got, want)
	}
	if want.messages[0] == 0 || want.messages[1] == 0 {
		t.Errorf("the wire carried %v", want)
	}
	return want
}

// capture writes what was said on a connection to the folder that IDLEGATE_CAPTURE names, as a conversation for the tests of
// the protocol: the first connection, or the one that pick chooses.
func (w *wire) capture(t *testing.T, name, about string, count decoder, pick func(said [2][]byte) bool) {
	t.Helper()
	dir := os.Getenv("IDLEGATE_CAPTURE")
	if dir == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, said := range w.conns {
		if by := said.streams(); pick == nil || pick(by) {
			n := count(t, by)
			text := fmt.Sprintf("# %s\n# client %d messages, %d heartbeats; upstream %d messages, %d heartbeats\n", about,
				n.messages[0], n.heartbeats[0], n.messages[1], n.heartbeats[1])
			for _, turn := range said.turns {
				text += [...]string{"client ", "upstream "}[turn.from] + strconv.Quote(string(turn.bytes)) + "\n"
			}
			must(t, os.WriteFile(filepath.Join(dir, name+".txt"), []byte(text), 0o644))
			return
		}
	}
	t.Error("no connection to capture")
}

// tapped starts a gateway with a route of a protocol to a server and a wire between them. more are further keys of the route.
func tapped(t *testing.T, protocol, server, more string) (*wire, *running) {
	t.Helper()
	w, address := tap(t, server)
	return w, start(t, `
gateway: {drain_timeout: 100ms}
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: %s, upstream: u, %s}]`, address, protocol, cmp.Or(more, "policy: {long: {}}"))
}

// address is where clients find the gateway.
func (g *running) address() string { return "127.0.0.1:" + g.port() }

// launch starts a server in a process group of its own and waits until it is ready. It is ended when the test is.
func launch(t *testing.T, server *exec.Cmd, ready func() bool) {
	t.Helper()
	var output lockedBuffer
	server.Stdout, server.Stderr = &output, &output
	if server.SysProcAttr == nil {
		server.SysProcAttr = &syscall.SysProcAttr{}
	}
	server.SysProcAttr.Setpgid = true
	must(t, server.Start())
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			_ = syscall.Kill(-server.Process.Pid, signal) // if it has ended already, that shows below
			select {
			case <-ended:
			case <-time.After(patience):
				t.Errorf("%s does not end on %v", server.Path, signal)
				continue
			}
			break
		}
		if t.Failed() {
			t.Logf("%s:\n%s", server.Path, output.String())
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(2 * patience) // some take their time
	for !ready() {
		select {
		case <-tick.C:
		case <-ended:
			t.Fatalf("%s has ended", server.Path)
		case <-limit:
			t.Fatalf("%s is not ready", server.Path)
		}
	}
}

// lockedBuffer is what a process writes, to be read while it does.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// listens returns whether a server accepts connections at an address.
func listens(address string) func() bool {
	network, address := split(address)
	return func() bool {
		conn, err := net.Dial(network, address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
}

// freeAddress returns an address where nobody listens, for what is dead until then, and for a server that cannot choose one itself. It
// lies below the ports that Linux gives out, or another test could be given it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	const first, ports = 20_000, 12_000
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(ports)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no address is free")
	return ""
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// asUser gives a server a short folder of its own and the arguments to setpriv by which it runs as an unprivileged user, since
// some refuse to run as root.
func asUser(t *testing.T, user string) (dir string, setpriv []string) {
	t.Helper()
	needs(t, "setpriv")
	if os.Getuid() != 0 {
		t.Skipf("needs to be root, to become the user %s", user)
	}
	dir, err := os.MkdirTemp("/tmp", user) // a short one: the path of a unix socket has 107 bytes at most
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	command(t, "chown", user, dir)
	return dir, []string{"--reuid=" + user, "--regid=" + user, "--clear-groups", "--"}
}
