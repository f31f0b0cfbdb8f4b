package lab

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// GatewayConfig says what a gateway runs.
type GatewayConfig struct {
	Binary string // its path
	Policy string // without admin and log, which the gateway of a test has of its own

	// StalledLog sends the log to a pipe that nobody reads once the gateway serves.
	StalledLog bool
}

// Gateway is a gateway in a process of its own.
type Gateway struct {
	// Set once, then read only.
	Dir   string // of the policy file, and of all that it names
	Admin string // the address of the admin server
	t     testing.TB
	cfg   GatewayConfig
	cmd   *exec.Cmd
	ended chan struct{}
	ready chan struct{} // closed once all listens

	// Guarded by mu.
	mu     sync.Mutex
	routes map[string]string // where each listens
	log    []byte            // as much of it as is kept
}

// StartGateway starts a gateway and waits until it serves. Files that its policy names must be in dir already.
func StartGateway(t testing.TB, dir string, cfg GatewayConfig) *Gateway {
	t.Helper()
	g := &Gateway{Dir: dir, t: t, cfg: cfg, ended: make(chan struct{}), ready: make(chan struct{}), routes: map[string]string{}}
	g.Edit(cfg.Policy)
	log, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	g.cmd = exec.Command(cfg.Binary, "run", "-c", "idlegate.yaml")
	g.cmd.Dir, g.cmd.Stderr = dir, stderr
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	go g.follow(log)
	go func() {
		_ = g.cmd.Wait() // how it ends is the test's matter
		close(g.ended)
	}()
	t.Cleanup(func() {
		g.Kill()
		log.Close()
		if t.Failed() {
			g.mu.Lock()
			defer g.mu.Unlock()
			t.Logf("the log of the gateway in %s begins with\n%s", dir, g.log)
		}
	})
	select {
	case <-g.ready:
	case <-g.ended:
		t.Fatalf("the gateway did not start with this policy:\n%s", cfg.Policy)
	}
	return g
}

// Edit writes the policy file, as a shell's redirection does.
func (g *Gateway) Edit(policy string) {
	g.t.Helper()
	text := "admin: {listen: 127.0.0.1:0}\nlog: {level: info}\n" + policy
	if err := os.WriteFile(filepath.Join(g.Dir, "idlegate.yaml"), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// Address is where a route listens.
func (g *Gateway) Address(route string) string {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.routes[route] == "" {
		g.t.Fatalf("route %s listens nowhere", route)
	}
	return g.routes[route]
}

// Pid is the process's.
func (g *Gateway) Pid() int { return g.cmd.Process.Pid }

// OneDescriptorLeft is the limit of descriptors (RLIMIT_NOFILE) with which the process could open exactly one more.
func (g *Gateway) OneDescriptorLeft() uint64 {
	g.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.Pid()))
	if err != nil {
		g.t.Fatal(err)
	}
	open := map[string]bool{}
	for _, e := range entries {
		open[e.Name()] = true
	}
	free := 0
	for limit := uint64(0); ; limit++ { // it bounds the numbers of descriptors, of which the least that is free is taken
		if !open[strconv.FormatUint(limit, 10)] {
			free++
		}
		if free > 1 {
			return limit
		}
	}
}

// Signal sends the process a signal.
func (g *Gateway) Signal(s syscall.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(s); err != nil {
		g.t.Error(err)
	}
}

// Kill ends the process at once; it may have ended before.
func (g *Gateway) Kill() {
	_ = g.cmd.Process.Kill()
	<-g.ended
}

var (
	listening = regexp.MustCompile(`msg=listening route=(\S+) address=(\S+)`)
	serving   = regexp.MustCompile(`msg="serving the operator" address=(\S+)`) // the last line of a start
)

// logKept is how many of the first bytes of a log are kept for a test that fails.
const logKept = 4 << 10

// follow reads the log for as long as it lasts, or only until the gateway serves.
func (g *Gateway) follow(log io.Reader) {
	serves := false
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if g.note(lines.Text()) && !serves {
			serves = true
			close(g.ready)
		}
		if serves && g.cfg.StalledLog {
			return
		}
	}
}

// note takes a line of the log, and reports whether it is the one that says where the admin server is.
func (g *Gateway) note(line string) (serves bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.log) < logKept {
		g.log = append(g.log, line+"\n"...)
	}
	if m := listening.FindStringSubmatch(line); m != nil {
		g.routes[m[1]] = m[2]
	}
	m := serving.FindStringSubmatch(line)
	if m != nil {
		g.Admin = m[1]
	}
	return m != nil
}
