// Package hosts_test runs what is in this folder on hosts of their own, which are containers on private networks: two gateways behind
// HAProxy, in front of two servers.
package hosts_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/debian"
	"idlegate/deploy/internal/docker"
)

// topology is
//
//	clients ── HAProxy ── gate-a, gate-b ── server-1, server-2
//	            front                   back
//
// where clients are this process.
type topology struct {
	front, back string // networks
	image       string // the gateway's
	policy      string // the directory that both gateways have at /etc/idlegate
	gates       map[string]*docker.Container
	servers     map[string]*docker.Container
	haproxy     *docker.Container
}

func start(t *testing.T) *topology {
	t.Helper()
	docker.Needs(t, "mmdebstrap")
	host := debian.Image(t, hostPackages...)
	n := &topology{front: docker.Network(t), back: docker.Network(t), image: built.Image(t), policy: t.TempDir(),
		gates: map[string]*docker.Container{}, servers: map[string]*docker.Container{}}
	n.edit(t, strings.NewReplacer()) // what the file says
	for _, name := range []string{"server-1", "server-2"} {
		n.startServer(t, host, name)
	}
	for _, name := range []string{"gate-a", "gate-b"} {
		n.startGate(t, name)
	}
	config, err := filepath.Abs("haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	n.haproxy = docker.Run(t, docker.Options{Image: host, Flags: []string{"--network", n.front, "--volume", config + ":/haproxy.cfg:ro"}},
		"haproxy", "-db", "-f", "/haproxy.cfg")
	n.await(t, "both gateways are up for HAProxy", func() bool { return n.isUp(t, "gate-a") && n.isUp(t, "gate-b") })
	return n
}

// hostPackages are what HAProxy's host and those of the servers are made of.
var hostPackages = []string{"haproxy", "redis-server", "socat"}

// startServer starts a Redis server.
func (n *topology) startServer(t *testing.T, host, name string) {
	t.Helper()
	n.servers[name] = docker.Run(t, docker.Options{Image: host, Flags: []string{"--network", n.back, "--network-alias", name}},
		"redis-server", "--port", "9000", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "")
}

// startGate starts a gateway, or another in its place.
func (n *topology) startGate(t *testing.T, name string) {
	t.Helper()
	gate := docker.Run(t, docker.Options{Image: n.image, Flags: []string{"--network", n.front, "--network-alias", name,
		"--read-only", "--cap-drop", "ALL", "--ulimit", "nofile=20000:20000", "--volume", n.policy + ":/etc/idlegate:ro"}})
	docker.Command(t, "network", "connect", n.back, gate.ID)
	n.gates[name] = gate
}

// edit exchanges the policy of both gateways as the kubelet does that of a ConfigMap: the file is a link into a directory, which is
// a link to the one that has the present content, and that link is replaced.
func (n *topology) edit(t *testing.T, change *strings.Replacer) {
	t.Helper()
	text, err := os.ReadFile("idlegate.yaml")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.MkdirTemp(n.policy, "..")
	if err != nil {
		t.Fatal(err)
	}
	data, next := filepath.Join(n.policy, "..data"), filepath.Join(n.policy, "..data_tmp")
	for _, err := range []error{
		os.Chmod(content, 0o755), //nolint:gosec // the gateway is another user
		os.WriteFile(filepath.Join(content, "idlegate.yaml"), []byte(change.Replace(string(text))), 0o644), //nolint:gosec // the same
		os.Symlink(filepath.Base(content), next),
		os.Rename(next, data),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..data/idlegate.yaml", filepath.Join(n.policy, "idlegate.yaml")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
}

// isUp says whether HAProxy gives a gateway new connections.
func (n *topology) isUp(t *testing.T, gate string) bool {
	t.Helper()
	out, err := n.haproxy.TryExec(t, "sh", "-ec", "echo show servers state clients | socat - /run/haproxy.sock")
	if err != nil {
		return false // it starts
	}
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 5 && fields[3] == gate {
			return fields[5] == "2" // srv_op_state: running
		}
	}
	return false
}

// address is where clients connect to.
func (n *topology) address(t *testing.T) string {
	t.Helper()
	return n.haproxy.Address(t, n.front) + ":7000"
}

// metric is the sum of the series of a gateway that have this name and all these labels, each as in reason="drained".
func (n *topology) metric(t *testing.T, gate, name string, labels ...string) (sum float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	url := fmt.Sprintf("http://%s:9181/metrics", n.gates[gate].Address(t, n.front))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0 // it starts
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if series != name && !strings.HasPrefix(series, name+"{") || !hasAll(series, labels) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

func hasAll(series string, labels []string) bool {
	for _, label := range labels {
		if !strings.Contains(series, label) {
			return false
		}
	}
	return true
}

// both says whether something holds of both gateways.
func both(holds func(gate string) bool) func() bool {
	return func() bool { return holds("gate-a") && holds("gate-b") }
}

func (n *topology) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("still not after three minutes: %s", what)
		}
		<-time.After(200 * time.Millisecond)
	}
}
