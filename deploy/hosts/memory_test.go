package hosts_test

import (
	"bufio"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/debian"
	"idlegate/deploy/internal/docker"
)

// What an idle connection takes of a container's memory is what ../SIZING.md says, at most: the gateway's own and the kernel's, both
// sockets included.
func TestAnIdleConnectionTakesNoMoreThanItIsSizedFor(t *testing.T) {
	docker.Needs(t, "mmdebstrap")
	const connections = 2000
	n := &topology{front: docker.Network(t), back: docker.Network(t), image: built.Image(t), policy: t.TempDir(),
		gates: map[string]*docker.Container{}, servers: map[string]*docker.Container{}}
	n.edit(t, strings.NewReplacer("accept_proxy_protocol", "# "))
	n.startServer(t, debian.Image(t, hostPackages...), "server-1")
	n.startServer(t, debian.Image(t, hostPackages...), "server-2")
	n.startGate(t, "gate-a")
	n.await(t, "the gateway is ready", func() bool { return n.metric(t, "gate-a", "idlegate_config_generation") == 1 })
	address := n.gates["gate-a"].Address(t, n.front) + ":7000"
	open(t, address, 100) // what the first ones take is the gateway's, not theirs
	before := memory(t, n.gates["gate-a"])
	open(t, address, connections)
	each := (memory(t, n.gates["gate-a"]) - before) / connections
	t.Logf("%.0f bytes a connection, and %.1f MiB before", each, before/(1<<20))
	if sized := sizedFor(t, "an idle connection, with its sockets"); each > sized {
		t.Errorf("an idle connection takes %.0f bytes, and is sized for %.0f", each, sized)
	}
	if sized := sizedFor(t, "the gateway itself"); before > sized {
		t.Errorf("the gateway takes %.0f bytes, and is sized for %.0f", before, sized)
	}
}

// open opens connections that are idle after a question, some at a time.
func open(t *testing.T, address string, connections int) {
	t.Helper()
	var all sync.WaitGroup
	places := make(chan struct{}, 16)
	for range connections {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			conn, err := net.DialTimeout("tcp", address, patience)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { conn.Close() })
			if err := ask(conn, bufio.NewReader(conn), "hello"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// memory is what a container has of its control group's, caches of files left out, in bytes.
func memory(t *testing.T, c *docker.Container) float64 {
	t.Helper()
	out := docker.Command(t, "stats", "--no-stream", "--format", "{{.MemUsage}}", c.ID)
	m := regexp.MustCompile(`^([0-9.]+)([KMG])iB `).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("docker stats says %q", out)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v * map[string]float64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[m[2]]
}

// sizedFor is a figure of ../SIZING.md, in bytes.
func sizedFor(t *testing.T, what string) float64 {
	t.Helper()
	return readSize(t, "../SIZING.md", what)
}

// readSize is a figure of a table in a text, in bytes.
func readSize(t *testing.T, file, what string) float64 {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(what) + ` \| ([0-9.]+) ([KM]iB|B) \|`).FindStringSubmatch(string(text))
	if m == nil {
		t.Fatalf("%s has no figure for %q", file, what)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v * map[string]float64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[m[2]]
}
