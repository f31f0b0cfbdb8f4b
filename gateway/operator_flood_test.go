package gateway_test

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// flooded is a gateway that answers its operator at two addresses.
const flooded = `
admin: {listen: "127.0.0.1:0", metrics: "unix:%s"}
upstreams: {u: {endpoints: [%q]}}
routes:
  - {name: echo, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}
`

func TestClientsGoOnWhileTheAdminServerIsFlooded(t *testing.T) {
	metrics := filepath.Join(t.TempDir(), "metrics")
	r := startAdmin(t, fmt.Sprintf(flooded, metrics, backend(t, echoes)))
	client := r.dial("echo")
	client.echo("before")
	before := descriptors(t)
	const flood = 300 // of each listener, half of them in the middle of a request
	for i := range flood {
		for network, address := range map[string]string{"tcp": r.g.AdminAddress(), "unix": metrics} {
			conn, err := net.Dial(network, address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			request := "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
			if _, err := conn.Write([]byte(request[:len(request)-i%2*20])); err != nil && i == 0 {
				t.Fatal(err)
			}
		}
	}
	if taken := descriptors(t) - before - 2*flood; taken > 2*64 { // 2*flood are this test's ends of them
		t.Errorf("the admin server holds %d descriptors", taken)
	}
	client.echo("amid the flood")
	r.dial("echo").echo("a client that comes amid the flood")
}

func TestClientsGoOnWhileAnAdminListenerFails(t *testing.T) {
	metrics := filepath.Join(t.TempDir(), "metrics")
	r := startAdmin(t, fmt.Sprintf(flooded, metrics, backend(t, echoes)))
	client := r.dial("echo")
	client.echo("before")
	breakListener(t, r.g.AdminAddress())
	eventually(t, "the log says that it does not answer", func() bool {
		return strings.Contains(r.log.String(), "the admin server does not answer")
	})
	client.echo("without an admin server")
	r.dial("echo").echo("a client that comes without an admin server")
	eventually(t, "the admin server answers again", func() bool {
		response, err := http.Get("http://" + r.g.AdminAddress() + "/healthz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	http.DefaultClient.CloseIdleConnections()
	client.echo("after")
}

// breakListener makes accept on the listening socket of this process at address fail, as a faulty network does: it is shut down.
func breakListener(t *testing.T, address string) {
	t.Helper()
	for fd := range 4096 {
		if listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err != nil || listening == 0 {
			continue
		}
		name, err := syscall.Getsockname(fd)
		if at, ok := name.(*syscall.SockaddrInet4); err != nil || !ok || fmt.Sprintf("127.0.0.1:%d", at.Port) != address {
			continue
		}
		if err := syscall.Shutdown(fd, syscall.SHUT_RDWR); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no socket of this process listens at %s", address)
}
