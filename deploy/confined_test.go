package deploy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/docker"
)

const confinedPolicy = `admin: {metrics: ":9181"}
log: {file: /var/log/idlegate/idlegate.log}
gateway: {drain_timeout: 2s}
upstreams:
  servers: {endpoints: [%q]}
  by_path: {endpoints: ["unix:/run/idlegate/lines.sock"]}
routes:
- {name: raw, listen: ":7000", protocol: raw, upstream: servers, policy: {long: {idle_timeout: %s}}}
- {name: lines, listen: "unix:/run/idlegate/lines.sock", protocol: delimiter, upstream: servers, policy: {long: {}}}
- {name: tls, listen: ":7001", tls: {cert: c.pem, key: k.pem}, protocol: delimiter, upstream: by_path, policy: {long: {}}}
`

// Confined as deploy/container/README.md says: no root, no capability, nothing to write but two directories, and the
// system calls of the profile alone.
func TestImageServesConfined(t *testing.T) {
	image := built.Image(t)
	backend := echoServer(t)
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, folder)
	policy := func(idle string) {
		if err := os.WriteFile(filepath.Join(folder, "idlegate.yaml"), fmt.Appendf(nil, confinedPolicy, backend, idle), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	policy("1m")
	_ = read(t, "container/seccomp.json") // a result that is kept is that of the profile, which docker reads
	profile, err := filepath.Abs("container/seccomp.json")
	if err != nil {
		t.Fatal(err)
	}
	gate := docker.Run(t, docker.Options{Image: image, Flags: []string{
		"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=" + profile,
		"--tmpfs", "/run/idlegate:uid=65532,gid=65532,mode=0750", "--tmpfs", "/var/log/idlegate:uid=65532,gid=65532,mode=0750",
		"--volume", folder + ":/etc/idlegate:ro", "--health-interval", "1s",
	}})
	healthy(t, gate, "healthy")
	address := gate.Address(t, "bridge")

	t.Run("bulk is spliced", func(t *testing.T) {
		thereAndBack(t, plain(t, address+":7000"), bytes.Repeat([]byte("0123456789abcdef"), 1<<18)) // 4 MiB
	})
	t.Run("TLS, and a unix socket behind it", func(t *testing.T) {
		conn := tls.Client(plain(t, address+":7001"), &tls.Config{InsecureSkipVerify: true})
		thereAndBack(t, conn, bytes.Repeat([]byte("a line\n"), 1<<12))
	})
	t.Run("reload", func(t *testing.T) {
		policy("2m")
		gate.Signal(t, "HUP")
		if out := gate.Exec(t, "/idlegate", "reload"); !strings.Contains(out, "idle_timeout") && !strings.Contains(out, "nothing changed") {
			t.Error(out)
		}
		if out := gate.Exec(t, "/idlegate", "routes", "-o", "json"); !strings.Contains(out, `"idle_timeout_seconds": 120`) {
			t.Error(out)
		}
		gate.Signal(t, "USR1")
		gate.Exec(t, "/idlegate", "connections")
	})
	t.Run("the profile is in force", func(t *testing.T) {
		status := gate.Inspect(t, "{{.State.Pid}}")
		text := read(t, "/proc/"+status+"/status")
		for _, want := range []string{"Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "Uid:\t65532\t65532\t65532\t65532"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	})
	t.Run("the profile has the timers that the gateway looks at its files by", func(t *testing.T) {
		fds := "/proc/" + gate.Inspect(t, "{{.State.Pid}}") + "/fd"
		entries, err := os.ReadDir(fds)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if to, err := os.Readlink(filepath.Join(fds, e.Name())); err == nil && to == "anon_inode:[timerfd]" {
				return
			}
		}
		t.Error("it has no descriptor of a timer: without timerfd_create(2) it falls back to Go's own timers, which cost more CPU at rest")
	})
	t.Run("the profile lets it measure its process", func(t *testing.T) {
		resp, err := http.Get("http://" + address + ":9181/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"} {
			if !bytes.Contains(page, []byte("\n"+want+" ")) {
				t.Errorf("%s is missing", want)
			}
		}
	})
	t.Run("SIGTERM drains", func(t *testing.T) {
		client := plain(t, address+":7000")
		exchangeOpen(t, client, []byte("hello"))
		gate.Signal(t, "TERM")
		if code := gate.Wait(t); code != 0 {
			t.Errorf("it ended with %d", code)
		}
	})
}

// healthy waits until the engine's health check says state.
func healthy(t *testing.T, c *docker.Container, state string) {
	t.Helper()
	end := time.After(2 * time.Minute)
	for {
		switch got := c.Inspect(t, "{{.State.Status}} {{.State.Health.Status}}"); got {
		case "running " + state:
			return
		case "exited unhealthy":
			t.Fatal("it has ended")
		}
		select {
		case <-end:
			t.Fatalf("it is not %s: %s", state, c.Inspect(t, "{{json .State}}"))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// echoServer serves an echo at this machine's address in the network of containers, and returns where.
func echoServer(t *testing.T) string {
	t.Helper()
	docker.Needs(t)
	bridge := docker.Command(t, "network", "inspect", "--format", `{{index .Options "com.docker.network.bridge.name"}}`, "bridge")
	l, err := net.Listen("tcp4", net.JoinHostPort(addressOf(t, bridge), "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
			}()
		}
	}()
	return l.Addr().String()
}

// addressOf is the IPv4 address of an interface of this machine.
func addressOf(t *testing.T, name string) string {
	t.Helper()
	link, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := link.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	t.Fatalf("%s has no IPv4 address", name)
	return ""
}

func plain(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// thereAndBack sends text, ends its own direction and wants the same back, to the end.
func thereAndBack(t *testing.T, conn io.ReadWriter, text []byte) {
	t.Helper()
	go func() {
		_, _ = conn.Write(text)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, text) {
		t.Errorf("sent %d bytes, %d came back, %v", len(text), len(got), err)
	}
}

// exchangeOpen sends text and wants the same back; the connection stays open.
func exchangeOpen(t *testing.T, conn net.Conn, text []byte) {
	t.Helper()
	if _, err := conn.Write(text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("got %q, %v", got, err)
	}
}

// writeCertificate writes c.pem and k.pem, readable for all: the image's user has no name here.
func writeCertificate(t *testing.T, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gate"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"c.pem": {Type: "CERTIFICATE", Bytes: cert}, "k.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
