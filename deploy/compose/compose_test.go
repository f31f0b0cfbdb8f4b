// Package compose_test follows the README of the Compose example line by line, and looks in Prometheus whether what it says happens.
package compose_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/debian"
	"idlegate/deploy/internal/docker"
	"idlegate/deploy/internal/lab"
)

// example is a copy of the repository in which the example runs, under names of its own.
type example struct {
	*testing.T
	dir        string // deploy/compose of the copy
	env        []string
	prometheus *lab.Prometheus // once all is up
}

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

func TestTheReadmeCanBeFollowed(t *testing.T) {
	docker.Needs(t, "docker-compose", "mmdebstrap")
	e := copyExample(t)
	then := map[string]func(){
		"./up": e.up,
		"sed -i 's/idle_timeout: 10s/idle_timeout: 5s/' policy/idlegate.yaml": e.edited,
		"docker-compose kill backend-1":                                       e.killed,
		"docker-compose start backend-1":                                      e.back,
		"docker-compose down --volumes":                                       e.down,
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range shell.FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			t.Logf("$ %s\n%s", line, e.shell(line))
			if look := then[line]; look != nil {
				look()
				delete(then, line)
			}
		}
	}
	for line := range then {
		t.Errorf("the README has no line %s", line)
	}
}

// The service of Grafana cannot be started without its image, but Compose can read it, and what it mounts must be there. That it is not
// started without being asked for shows where all else starts: its image would be missing.
func TestGrafanaIsThereForThoseWhoCanPullIt(t *testing.T) {
	lab.Needs(t, "docker-compose")
	services := strings.Fields(lab.Command(t, ".", "docker-compose", "--profile", "grafana", "config", "--services"))
	if !slices.Contains(services, "grafana") {
		t.Errorf("the services are %q", services)
	}
	text, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^ +- (\.[^:]+):/`).FindAllSubmatch(text, -1) {
		if _, err := os.Stat(string(m[1])); err != nil {
			t.Errorf("it is mounted: %v", err)
		}
	}
}

// copyExample copies what is built and mounted. In the copy rules are hastened, and scrapes are a second apart.
func copyExample(t *testing.T) *example {
	t.Helper()
	root := t.TempDir()
	lab.Command(t, built.Root(t), "cp", "-r", "go.mod", "go.sum", "cmd", "deploy", "gateway", "metrics", "policy", root)
	e := &example{T: t, dir: filepath.Join(root, "deploy", "compose")}
	tag := fmt.Sprintf("test-%d", os.Getpid())
	e.env = append(os.Environ(), "IDLEGATE_TAG="+tag, "COMPOSE_PROJECT_NAME=idlegate-"+tag, "DEBIAN="+debian.Image(t, "systemd", "dbus"),
		"GATEWAY_PORT=0", "PROMETHEUS_PORT=0", "DOCKER_BUILDKIT=0", "COMPOSE_HTTP_TIMEOUT=180")
	e.change(filepath.Join(root, "deploy", "prometheus", "idlegate.rules.yml"), lab.Hasten)
	e.change(filepath.Join(e.dir, "prometheus.yml"), func(text string) (string, error) { return strings.ReplaceAll(text, "5s", "1s"), nil })
	t.Cleanup(func() { e.clear(tag) })
	return e
}

// clear removes what the example has made, but for what installing Prometheus costs most of the time.
func (e *example) clear(tag string) {
	e.Helper()
	for _, line := range []string{
		"docker-compose logs --no-color --tail 40",
		"docker-compose down --volumes --remove-orphans --timeout 1",
		"docker tag idlegate-prometheus:" + tag + " " + docker.Prefix + "prometheus",
		"docker image rm idlegate:" + tag + " idlegate-crew:" + tag + " idlegate-prometheus:" + tag,
	} {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir, cmd.Env = e.dir, e.env
		if out, _ := cmd.CombinedOutput(); e.Failed() { // it may not have come so far
			e.Logf("$ %s\n%s", line, out)
		}
	}
}

func (e *example) change(file string, by func(string) (string, error)) {
	e.Helper()
	before, err := os.ReadFile(file)
	if err != nil {
		e.Fatal(err)
	}
	after, err := by(string(before))
	if err != nil || after == string(before) {
		e.Fatalf("%s was not changed: %v", file, err)
	}
	if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
		e.Fatal(err)
	}
}

// shell runs a line in the example's folder.
func (e *example) shell(line string) string {
	e.Helper()
	cmd := exec.CommandContext(e.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = e.dir, e.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		e.Fatalf("$ %s\n%s%v", line, out, err)
	}
	return string(out)
}

// is waits until an expression has the one value.
func (e *example) is(value float64, expr string) {
	e.Helper()
	lab.Until(e, fmt.Sprintf("%s is %g", expr, value), func() bool {
		samples, err := e.prometheus.Query(expr)
		return err == nil && len(samples) == 1 && samples[0].Value == value
	})
}

func (e *example) up() {
	e.Helper()
	e.prometheus = lab.PrometheusAt(e, strings.TrimSpace(e.shell("docker-compose port prometheus 9090")))
	e.is(2, `sum(idlegate_upstream_healthy)`)
	e.is(1, `sum(idlegate_connections) > bool 30`)
	e.is(1, `sum(rate(idlegate_messages_total{from="upstream"}[10s])) > bool 0`)
	e.is(10, `idlegate_timeout_seconds{timeout="idle_timeout"}`)
}

// edited looks whether silent clients are ended by the edited timeout: they stay for 20 s if nobody ends them.
func (e *example) edited() {
	e.Helper()
	e.is(5, `idlegate_timeout_seconds{timeout="idle_timeout"}`)
	e.is(2, `idlegate_config_generation`)
	e.is(1, `sum(idlegate_timeouts_total{timeout="idle_timeout", action="closed"}) > bool 0`)
}

func (e *example) killed() {
	e.Helper()
	e.is(0, `idlegate_upstream_healthy{endpoint="backend-1:9000"}`)
	e.is(0, `idlegate_upstream_connections{endpoint="backend-1:9000"}`)
	e.is(1, `ALERTS{alertname="IdlegateEndpointUnhealthy", alertstate="firing", endpoint="backend-1:9000"}`)
	e.is(1, `idlegate_upstream_connections{endpoint="backend-2:9000"} > bool 20`)
}

func (e *example) back() {
	e.Helper()
	e.is(1, `idlegate_upstream_healthy{endpoint="backend-1:9000"}`)
	e.is(1, `idlegate_upstream_connections{endpoint="backend-1:9000"} > bool 0`)
	e.is(0, `count(ALERTS{alertname="IdlegateEndpointUnhealthy", alertstate="firing"}) or vector(0)`)
}

func (e *example) down() {
	e.Helper()
	if left := e.shell("docker-compose ps --quiet"); strings.TrimSpace(left) != "" {
		e.Errorf("containers are left: %s", left)
	}
}
