package gateway_test

import (
	"io"
	"os"
	"testing"
	"time"
)

// TestABackendThatIsCutOffIsLostThoughAllRequestsFitTheKernel has packets of the backend vanish. What the client goes on sending never
// waits in the gateway, so write_timeout does not run: the kernel gives up on the backend when the first of it is user_timeout old.
func TestABackendThatIsCutOffIsLostThoughAllRequestsFitTheKernel(t *testing.T) {
	if os.Getenv(ownNetwork) == "" {
		needs(t, "ip", "nsenter", "unshare")
		inOwn(t, "mount -t tmpfs tmpfs /run && ip link set lo up")
		return
	}
	far := boot(t, 1)
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, tcp: {user_timeout: 2s},
  policy: {long: {write_timeout: 400ms}}}]`, far.address)
	c := g.dial("r")
	c.echo("before")
	far.route("add")
	cut := time.Now()
	asking := time.NewTicker(50 * time.Millisecond)
	defer asking.Stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, c.Conn)
	}()
	for {
		select {
		case <-asking.C:
			_, _ = io.WriteString(c.Conn, "request") // fails where the end is not heard yet
			continue
		case <-ended:
		}
		break
	}
	g.expectEnd("r", "upstream_lost")
	// The kernel's clock counts in ticks, up to a second of them ahead of ours.
	if took := time.Since(cut); took < time.Second {
		t.Errorf("it ended %v after the backend was cut off, want 2s", took)
	}
}
