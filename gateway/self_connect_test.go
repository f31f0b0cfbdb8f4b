package gateway_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// ownNetwork is the environment variable that says to a test that it runs in a network namespace of its own.
const ownNetwork = "IDLEGATE_TEST_NETWORK"

// inOwnNetwork runs a test in a network namespace of its own, with a loopback interface and these local ports. It reports
// whether that is here.
func inOwnNetwork(t *testing.T, ports string) bool {
	t.Helper()
	if os.Getenv(ownNetwork) != "" {
		return true
	}
	inOwn(t, `ip link set lo up && echo "`+ports+`" > /proc/sys/net/ipv4/ip_local_port_range`)
	return false
}

// inOwn runs a test in namespaces of its own, for networks and mounts, that are set up by a script.
func inOwn(t *testing.T, setUp string) {
	t.Helper()
	script := setUp + ` && exec "$0" -test.v -test.run "^$1\$"`
	again := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c", script, os.Args[0], t.Name())
	again.Env = append(os.Environ(), ownNetwork+"=1")
	output, err := again.CombinedOutput()
	if err != nil && !strings.Contains(string(output), "--- FAIL") {
		t.Skipf("no network namespace is to be had: %v\n%s", err, output)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// TestNoClientIsConnectedToHimself has an endpoint at which nobody listens among the few ports that the kernel chooses from.
func TestNoClientIsConnectedToHimself(t *testing.T) {
	if !inOwnNetwork(t, "40000 40007") {
		return
	}
	const dead = "127.0.0.1:40002" // even, as those are which Linux takes for connecting where it can
	r := startAdmin(t, fmt.Sprintf(`
admin: {listen: "127.0.0.1:9180"}
upstreams: {u: {endpoints: ["%s"], eject: none}}
routes: [{name: r, listen: "127.0.0.1:7000", protocol: raw, upstream: u, policy: {long: {}}}]`, dead))
	for i := range 200 {
		c := dial(t, "127.0.0.1:7000")
		_, _ = c.Write([]byte("echo?"))
		if n, _ := io.Copy(io.Discard, c); n > 0 {
			t.Fatalf("client %d got %d of its own bytes", i, n)
		}
		c.reset() // its port is needed again
	}
	closed := r.snapshot().Routes[0].Closed // the log sums such ends up
	for reason, n := range closed {
		if reason != "connect_refused" && reason != "connect_failed" && reason != "client_reset" && n > 0 {
			t.Errorf("%d ended as %s", n, reason)
		}
	}
	connects := r.snapshot().Upstreams[0].Endpoints[0].Connects
	if connects["local"] == 0 || connects["ok"] > 0 {
		t.Errorf("attempts are %v, want some that connected to themselves, and none that counts as one", connects)
	}
	backendAt(t, "tcp", dead, echoes) // its port is free
	c := dial(t, "127.0.0.1:7000")
	c.echo("served")
	c.reset()
}

// TestALocalFailureIsNotTheEndpoints has no port left to connect from.
func TestALocalFailureIsNotTheEndpoints(t *testing.T) {
	if !inOwnNetwork(t, "40000 40003") {
		return
	}
	at := backendAt(t, "tcp", "127.0.0.1:30000", echoes)
	r := startAdmin(t, fmt.Sprintf(`
admin: {listen: "127.0.0.1:9180"}
upstreams: {u: {endpoints: ["%s"], eject: {failures: 1, for: 1h}}}
routes: [{name: r, listen: "unix:%s/socket", protocol: raw, upstream: u, policy: {long: {}}}]`, at, t.TempDir()))
	for range 4 {
		r.dial("r").echo("served")
	}
	for i := range 3 {
		r.dial("r").receiveFIN()
		if line := r.ended("r", i+1); line.Reason != "connect_failed" || line.Endpoint != at || line.Error != "cannot assign requested address" {
			t.Errorf("it ended as %+v", line)
		}
	}
	u := r.snapshot().Upstreams[0].Endpoints[0]
	if !u.Healthy || u.Connects["local"] != 3 || u.Connects["failed"] != 0 {
		t.Errorf("healthy: %v, connects: %v; want no failure of the endpoint's", u.Healthy, u.Connects)
	}
}
