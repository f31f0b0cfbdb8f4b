package deploy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/built"
	"idlegate/policy"
)

// Every row of the table of replicas follows from the figures above it.
func TestSizesAddUp(t *testing.T) {
	text := read(t, "SIZING.md")
	figure := func(pattern string) int {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("SIZING.md has nothing like %s", pattern)
		}
		return number(t, m[1])
	}
	const mib = 1 << 20
	itself := figure(`\| the gateway itself \| (\d+) MiB`) * mib
	each := figure(`\| an idle connection, with its sockets \| (\d+) KiB`) << 10
	buffers := figure("`buffer_memory: (\\d+)MiB`") * mib
	ports, more := figure(`range of ([\d,]+) \(32768 to 60999\)`), figure(`the ([\d,]+) \(10240 to 65535\)`)
	if ports != 60999-32768+1 || more != 65535-10240+1 {
		t.Errorf("the ranges have %d and %d ports", ports, more)
	}
	for _, rate := range []struct{ text, want string }{
		{fmt.Sprintf("28,232 / 60 = %d", ports/60), "of connections a second"},
		{fmt.Sprintf("or %d with 55,296 ports", more/60), "of connections a second, with more ports"},
	} {
		if !strings.Contains(text, rate.text) {
			t.Errorf("SIZING.md does not say %q %s", rate.text, rate.want)
		}
	}
	rows := regexp.MustCompile(`(?m)^\| ([\d,]+) \| (\d+) \| ([\d,]+) \| (\d+) MiB \| (\d+) \| (\d+) \|$`).FindAllStringSubmatch(text, -1)
	if len(rows) < 5 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		connections, loops := number(t, row[1]), number(t, row[2])
		want := []int{2*connections + 64*loops + 200, roundUp(itself+connections*each+buffers, 64*mib) / mib,
			roundUp(connections, ports) / ports, roundUp(connections, more) / more}
		for i, w := range want {
			if got := number(t, row[3+i]); got != w {
				t.Errorf("%s connections, column %d: %d, and it follows %d", row[1], i+3, got, w)
			}
		}
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The times of SIZING.md are those of a policy that says nothing else.
func TestTimesAreTheDefaults(t *testing.T) {
	cfg, err := policy.Parse("p.yaml", []byte("policies: {p: {long: {idle_timeout: 1m}}}\nupstreams: {u: {endpoints: [\"127.0.0.1:1\"], health: {}}}\n"+
		"routes: [{name: r, listen: \"127.0.0.1:0\", protocol: raw, upstream: u, policy: p}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	upstream, route := cfg.Upstreams[0], cfg.Routes[0]
	seconds := func(d time.Duration) int { return int(d / time.Second) }
	keepalive := route.TCP.Keepalive
	if dead := keepalive.Idle + time.Duration(keepalive.Count)*keepalive.Interval; dead != route.TCP.UserTimeout {
		t.Errorf("keepalive gives up after %s, user_timeout is %s", dead, route.TCP.UserTimeout)
	}
	text := read(t, "SIZING.md")
	for _, want := range []string{
		fmt.Sprintf("| 2m: keepalive's %d s and %d probes each %d s |", seconds(keepalive.Idle), keepalive.Count, seconds(keepalive.Interval)),
		fmt.Sprintf("| %d s × %d = %d s by default |", seconds(upstream.ConnectTimeout), upstream.Retries+1,
			seconds(upstream.ConnectTimeout)*(upstream.Retries+1)),
		fmt.Sprintf("| %d s × %d + %d s = %d s by default,", seconds(upstream.Health.Every), upstream.Health.Fall, seconds(upstream.Health.Timeout),
			seconds(upstream.Health.Every)*upstream.Health.Fall+seconds(upstream.Health.Timeout)),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("SIZING.md does not say %q", want)
		}
	}
}

func TestConnectionsFitTheDescriptors(t *testing.T) {
	const limit, loops = 4000, 2
	dir := t.TempDir()
	file := filepath.Join(dir, "idlegate.yaml")
	text := fmt.Sprintf("admin: {listen: \"unix:%s/admin.sock\"}\ngateway: {loops: %d}\nlog: {file: %s/log}\npolicies: {p: {long: {idle_timeout: 1m}}}\n"+
		"upstreams: {u: {endpoints: [\"127.0.0.1:1\"]}}\nroutes: [{name: r, listen: \"127.0.0.1:0\", protocol: raw, upstream: u, policy: p}]\n", dir, loops, dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d && exec \"$0\" run -c \"$1\"", limit), built.Binary(t, runtime.GOARCH), file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has no connection
		_ = cmd.Wait()         // it was killed
	})
	want := fmt.Sprintf("\nidlegate_connections_max %d\n", (limit-200-64*loops)/2)
	for end := time.Now().Add(2 * time.Minute); ; {
		metrics, err := scrape(filepath.Join(dir, "admin.sock"))
		if err == nil {
			if !strings.Contains(metrics, want) {
				t.Errorf("it does not say %q:\n%s", want, regexp.MustCompile(`(?m)^idlegate_connections_max.*$`).FindString(metrics))
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// scrape returns the metrics that are served on a unix socket.
func scrape(socket string) (string, error) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	response, err := client.Get("http://localhost/metrics")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
