package gateway_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDnsmasqIsFollowed has a real name server change its answers, lie, and die, while connections are open. Its names are IPv4 and IPv6.
func TestDnsmasqIsFollowed(t *testing.T) {
	if os.Getenv(ownNetwork) == "" {
		needs(t, "dnsmasq")
		resolv := t.TempDir() + "/resolv.conf"
		writeFile(t, resolv, "nameserver 127.0.0.53\noptions attempts:1\n")
		inOwn(t, `ip link set lo up && mount --bind `+resolv+` /etc/resolv.conf`)
		return
	}
	for _, address := range []string{"127.0.1.1:9000", "127.0.1.2:9000", "[::1]:9000"} {
		backendAt(t, "tcp", address, echoes)
	}
	hosts := filepath.Join(t.TempDir(), "hosts")
	server := exec.Command("dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--addn-hosts="+hosts, "--local=/test/",
		"--listen-address=127.0.0.53", "--bind-interfaces", "--port=53", "--pid-file=")
	said := &logLines{}
	server.Stdout, server.Stderr = said, said
	names := func(addresses ...string) {
		t.Helper()
		text := ""
		for _, a := range addresses {
			text += a + " devices.test\n"
		}
		writeFile(t, hosts, text)
		if server.Process != nil {
			must(t, server.Process.Signal(syscall.SIGHUP)) // it reads the file again
		}
	}
	names("127.0.1.1")
	must(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may be dead by then
		_ = server.Wait()
		if t.Failed() {
			t.Logf("dnsmasq:\n%s", said)
		}
	})
	r := startAdmin(t, fmt.Sprintf(discovering, ""))
	r.expectMembers("u", "127.0.1.1:9000")
	first := r.dial("r")
	first.echo(framed("1"))
	names("127.0.1.1", "127.0.1.2", "::1")
	r.expectMembers("u", "127.0.1.1:9000 127.0.1.2:9000 [::1]:9000")
	var last *client
	for range 3 {
		last = r.dial("r")
		last.echo(framed("each of them serves"))
	}
	names("127.0.1.2", "::1")
	r.expectMembers("u", "127.0.1.2:9000 [::1]:9000 (127.0.1.1:9000)")
	first.echo(framed("a connection of one that has gone drains"))
	names("0.0.0.0", "::") // which nobody can have
	eventually(t, "the lie is told of", func() bool { u, _ := r.members("u"); return len(u.Lookups) == 1 && u.Lookups[0].Failures > 0 })
	must(t, server.Process.Kill())
	for range 2 {
		last = r.dial("r")
		last.echo(framed("those that were known last stay"))
	}
	if _, all := r.members("u"); !strings.HasPrefix(all, "127.0.1.2:9000 [::1]:9000") {
		t.Errorf("members are %s", all)
	}
}
