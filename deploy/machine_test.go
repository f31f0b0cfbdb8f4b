package deploy_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/debian"
	"idlegate/deploy/internal/docker"
)

const machinePolicy = `upstreams: {servers: {endpoints: ["127.0.0.1:9000"]}}
routes:
- {name: lines, listen: "0.0.0.0:7000", protocol: delimiter, upstream: servers, policy: {long: {idle_timeout: %s}}}
`

// machine is a container that systemd runs.
type machine struct {
	*docker.Container
	t *testing.T
}

// bootMachine starts one, with an echo server.
func bootMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{docker.Run(t, docker.Options{Image: debian.Host(t), Flags: debian.Systemd()}, "/lib/systemd/systemd"), t}
	m.Eventually(t, "systemctl is-system-running | grep -qx running")
	m.sh("systemd-run --unit=echo socat TCP-LISTEN:9000,fork,reuseaddr EXEC:cat")
	return m
}

// liveOnAMachine follows a deb through its life, with systemd as process 1.
func liveOnAMachine(t *testing.T, deb string) {
	m := bootMachine(t)
	m.Copy(t, deb, "/"+filepath.Base(deb))
	page := commands(t, "package/README.md") // its first command has made the deb
	if len(page) != 2 || page[0] != "make release" {
		t.Errorf("the page says %q", page)
	}

	if out := m.sh("cd / && " + page[1] + " 2>&1"); !strings.Contains(out, "write /etc/idlegate/idlegate.yaml") {
		t.Errorf("the installation does not say what to do next:\n%s", out)
	}
	m.want("without a policy it does not start", "systemctl show --property ActiveState,ConditionResult idlegate", "ActiveState=inactive\nConditionResult=no")
	m.want("it is enabled", "systemctl is-enabled idlegate", "enabled")
	m.want("the policy is readable for its group", "stat -c '%U %G %a' /etc/idlegate", "root idlegate 750")
	m.sh("man --warnings idlegate-run | grep -q SIGTERM && bash -n /usr/share/bash-completion/completions/idlegate && logrotate --debug /etc/logrotate.d/idlegate")

	m.policy("1m")
	m.sh("systemctl start idlegate") // returns when it is ready
	m.want("it is ready when the start is over", "idlegate status --ready", "ready")
	m.Eventually(t, "systemctl show --property StatusText idlegate | grep -q 'serving, 0 connections open'")
	m.want("it is not root", "stat -c %U /proc/$(systemctl show --property MainPID --value idlegate)", "idlegate")
	client := m.dial()
	client.echoes(t)

	t.Run("reload", func(t *testing.T) { m.reloads(t) })
	t.Run("upgrade", func(t *testing.T) { m.upgrades(t, client) })
	t.Run("watchdog", func(t *testing.T) { m.watched(t) })
	t.Run("socket", func(t *testing.T) { m.socket(t) })
	t.Run("drain", func(t *testing.T) { m.drains(t) })
	t.Run("hardening", func(t *testing.T) { m.hardened(t) })
	t.Run("removal", func(t *testing.T) { m.removed(t) })
}

func (m *machine) reloads(t *testing.T) {
	m.t = t
	m.policy("2m")
	m.sh("systemctl reload idlegate")
	if out := m.sh("idlegate routes -o json | tr -d ' '"); !strings.Contains(out, `"idle_timeout_seconds":120`) {
		t.Errorf("the reload did not act: %s", out)
	}
	m.policy("nonsense")
	if out, err := m.TryExec(t, "systemctl", "reload", "idlegate"); err == nil {
		t.Errorf("the reload of a refused file succeeded: %s", out)
	}
	m.Eventually(t, "systemctl show --property ActiveState idlegate | grep -qx ActiveState=active")
	m.want("the policy before is in force", "idlegate status --ready", "ready")
	m.policy("2m")
	m.sh("systemctl reload idlegate")
}

// An upgrade leaves the old version to serve until the operator has it restarted.
func (m *machine) upgrades(t *testing.T, client *lineClient) {
	m.t = t
	before := m.sh("systemctl show --property MainPID --value idlegate")
	m.sh("dpkg-deb --raw-extract /idlegate_*.deb /next && sed -i 's/^Version: .*/Version: 99.0/' /next/DEBIAN/control && dpkg-deb -Zgzip -z1 --build /next /next.deb >/dev/null")
	out := m.sh("dpkg --install /next.deb 2>&1")
	if !strings.Contains(out, "systemctl restart idlegate") {
		t.Errorf("the upgrade does not say that the old version goes on:\n%s", out)
	}
	if after := m.sh("systemctl show --property MainPID --value idlegate"); after != before {
		t.Errorf("process %s is %s after the upgrade", before, after)
	}
	client.echoes(t)
	client.Close()
	m.sh("systemctl restart idlegate")
	m.serves()
}

// A gateway whose file is refused is started again until the file is right, more often than the five times of systemd's default.
func (m *machine) mended() {
	m.t.Helper()
	m.policy("nonsense")
	m.sh("systemctl stop idlegate && systemctl start --no-block idlegate")
	m.Eventually(m.t, `test "$(systemctl show --property NRestarts --value idlegate)" -ge 8`)
	m.policy("2m")
	m.Eventually(m.t, "systemctl is-active -q idlegate")
	m.serves()
}

// A gateway whose loops do not turn is killed and started again.
func (m *machine) watched(t *testing.T) {
	m.t = t
	m.sh("mkdir -p /run/systemd/system/idlegate.service.d && printf '[Service]\nWatchdogSec=6s\n' >/run/systemd/system/idlegate.service.d/watchdog.conf")
	m.sh("systemctl daemon-reload && systemctl restart idlegate")
	before := m.sh("systemctl show --property MainPID --value idlegate")
	m.sh("kill -STOP " + before)
	m.Eventually(t, `systemctl is-active -q idlegate && test "$(systemctl show --property MainPID --value idlegate)" != `+before)
	m.sh(`test "$(systemctl show --property NRestarts --value idlegate)" -ge 1 && journalctl --unit idlegate | grep -q "Failed with result 'watchdog'"`)
	m.serves()
	m.sh("rm -r /run/systemd/system/idlegate.service.d && systemctl daemon-reload && systemctl restart idlegate")
}

// Clients wait while a socket of systemd has no gateway.
func (m *machine) socket(t *testing.T) {
	m.t = t
	m.sh("sed 's/^ListenStream=.*/ListenStream=0.0.0.0:7000/' /usr/share/doc/idlegate/examples/idlegate.socket >/etc/systemd/system/idlegate.socket")
	m.sh("systemctl daemon-reload && systemctl stop idlegate && systemctl start idlegate.socket")
	m.serves() // which starts the service
	m.want("the listener is systemd's", "systemctl show --property ActiveState,SubState idlegate.socket", "ActiveState=active\nSubState=running")
	m.policy("3m")
	m.sh("systemctl reload idlegate")
	m.serves()
	m.sh("systemctl restart idlegate")
	m.serves()
	m.sh("systemctl stop idlegate.socket idlegate && rm /etc/systemd/system/idlegate.socket && systemctl daemon-reload && systemctl start idlegate")
}

// A drain may last longer than TimeoutStopSec.
func (m *machine) drains(t *testing.T) {
	m.t = t
	m.sh("mkdir -p /run/systemd/system/idlegate.service.d && printf '[Service]\nTimeoutStopSec=2s\nWatchdogSec=3s\n' >/run/systemd/system/idlegate.service.d/stop.conf && systemctl daemon-reload")
	m.sh("echo 'gateway: {drain_timeout: 8s}' >>/etc/idlegate/idlegate.yaml && systemctl restart idlegate")
	client := m.dial()
	client.echoes(t)
	client.hold(t) // a message that has begun: it is cut at the end only
	m.sh("systemctl stop idlegate")
	m.want("the drain ended by itself", "systemctl show --property Result --value idlegate", "success")
	m.sh("rm -r /run/systemd/system/idlegate.service.d && systemctl daemon-reload && systemctl start idlegate")
}

// mostExposed is the exposure that systemd-analyze may find, in tenths, of 100. It is 16 with systemd 252.
const mostExposed = "17"

func (m *machine) hardened(t *testing.T) {
	m.t = t
	out := m.sh("systemd-analyze security --no-pager --offline=true --threshold=" + mostExposed + " /usr/lib/systemd/system/idlegate.service")
	t.Log(out[strings.LastIndex(out, "Overall"):])
	m.sh("systemd-analyze verify /usr/lib/systemd/system/idlegate.service")
}

func (m *machine) removed(t *testing.T) {
	m.t = t
	m.sh("sed 's/^ListenStream=.*/ListenStream=0.0.0.0:7000/' /usr/share/doc/idlegate/examples/idlegate.socket >/etc/systemd/system/idlegate.socket")
	m.sh("systemctl daemon-reload && systemctl stop idlegate && systemctl enable --now idlegate.socket")
	m.serves() // which starts the service
	m.sh("touch /var/lib/idlegate/state && dpkg --remove idlegate")
	m.want("nothing listens that would start it", "systemctl is-active idlegate.socket || true", "inactive")
	m.sh("systemctl disable idlegate.socket && rm /etc/systemd/system/idlegate.socket && systemctl daemon-reload")
	m.want("the service is gone", "systemctl is-active idlegate || true", "inactive")
	m.sh("test -f /etc/idlegate/idlegate.yaml && test -f /var/lib/idlegate/state && test -f /etc/default/idlegate && ! test -e /usr/bin/idlegate")
	m.sh("printf 'a line\\n' >/var/log/idlegate/idlegate.log && logrotate --force /etc/logrotate.d/idlegate") // its file stays until a purge

	m.sh("dpkg --install /next.deb")
	m.want("installed again it is enabled", "systemctl is-enabled idlegate", "enabled")
	m.want("installed again it serves", "systemctl is-active idlegate", "active")
	m.serves()
	m.sh("systemctl disable --now idlegate && dpkg --install /next.deb")
	m.want("an upgrade does not enable what was disabled", "systemctl is-enabled idlegate || true", "disabled")
	m.want("an upgrade does not start what was stopped", "systemctl is-active idlegate || true", "inactive")

	m.sh("systemctl enable idlegate && dpkg --remove idlegate")
	m.policy("nonsense")
	if out := m.sh("dpkg --install /next.deb 2>&1"); !strings.Contains(out, "journalctl --unit idlegate") {
		t.Errorf("the installation does not say that the service does not start:\n%s", out)
	}
	m.sh("systemctl stop idlegate && systemctl reset-failed idlegate")

	m.sh("dpkg --purge idlegate 2>&1")
	m.sh("test -f /etc/idlegate/idlegate.yaml && ! test -e /var/lib/idlegate && ! test -e /etc/default/idlegate && ! test -e /etc/logrotate.d/idlegate")
	m.want("systemd is as before", "systemctl is-system-running", "running")
}

func (m *machine) sh(script string) string {
	m.t.Helper()
	return m.Shell(m.t, script)
}

func (m *machine) want(what, script, want string) {
	m.t.Helper()
	if got := m.sh(script); strings.TrimSpace(got) != want {
		m.t.Errorf("%s: %q is %q, want %q", what, script, got, want)
	}
}

// policy writes the policy file.
func (m *machine) policy(idle string) {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), "idlegate.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, machinePolicy, idle), 0o644); err != nil {
		m.t.Fatal(err)
	}
	m.Copy(m.t, file, "/etc/idlegate/idlegate.yaml")
}

// lineClient is a client of the route lines.
type lineClient struct {
	net.Conn
	reader *bufio.Reader
}

func (m *machine) dial() *lineClient {
	m.t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(m.Address(m.t, "bridge"), "7000"), time.Minute)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { conn.Close() })
	return &lineClient{conn, bufio.NewReader(conn)}
}

func (c *lineClient) echoes(t *testing.T) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := c.reader.ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("got %q, %v", line, err)
	}
}

// serves makes a client come, be answered and go: one that stayed would hold up what drains.
func (m *machine) serves() {
	m.t.Helper()
	client := m.dial()
	client.echoes(m.t)
	client.Close()
}

// hold begins a message and does not end it.
func (c *lineClient) hold(t *testing.T) {
	t.Helper()
	if _, err := c.Write([]byte("not the end")); err != nil {
		t.Fatal(err)
	}
}
