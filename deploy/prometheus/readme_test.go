package prometheus_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/lab"
)

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestTheReadmeCanBeFollowed runs its commands line by line, in a copy of the folder. Only ports are others.
func TestTheReadmeCanBeFollowed(t *testing.T) {
	lab.Needs(t, "prometheus", "promtool")
	gateway := lab.StartGateway(t, t.TempDir(), lab.GatewayConfig{
		Binary: built.Binary(t, runtime.GOARCH), Policy: lines("any", patient, "", lab.StartBackend(t).Address),
	})
	dir := t.TempDir()
	for _, name := range []string{rulesFile, testsFile, "prometheus.yml"} {
		text := strings.ReplaceAll(read(t, name), "127.0.0.1:9180", gateway.Admin)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "15s", "1s")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var server *lab.Prometheus
	for _, block := range shell.FindAllStringSubmatch(read(t, "README.md"), -1) {
		for line := range strings.Lines(block[1]) {
			words := strings.Fields(line)
			switch {
			case words[0] == "prometheus" && words[1] == "--config.file=prometheus.yml":
				config := read(t, filepath.Join(dir, "prometheus.yml"))
				server = lab.StartPrometheus(t, lab.PrometheusConfig{Config: config, Dir: dir, Flags: words[2:]})
			case strings.HasPrefix(line, "promtool query"):
				words[3] = server.URL
				lab.Until(t, line+" finds something", func() bool {
					out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput()
					return err == nil && strings.Contains(string(out), gateway.Admin)
				})
			default:
				lab.Command(t, dir, words[0], words[1:]...)
			}
		}
	}
	if server == nil {
		t.Error("the README starts no Prometheus")
	}
}

var inline = regexp.MustCompile("`idlegate ([^`]+)`")

// TestTheRunbooksCommandsAreUnderstood gives each command of the README to a gateway that has what it names.
func TestTheRunbooksCommandsAreUnderstood(t *testing.T) {
	backend := lab.StartBackend(t)
	binary := built.Binary(t, runtime.GOARCH)
	gateway := lab.StartGateway(t, t.TempDir(), lab.GatewayConfig{Binary: binary, Policy: lines("any", patient, "", backend.Address)})
	names := strings.NewReplacer("ROUTE", "any", "UPSTREAM", "any", "ENDPOINT", backend.Address, "FILE", "idlegate.yaml")
	found := inline.FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(found) < 15 {
		t.Errorf("the README has only %d commands", len(found))
	}
	for _, m := range found {
		cmd := exec.CommandContext(t.Context(), binary, strings.Fields(names.Replace(m[1]))...)
		cmd.Dir = gateway.Dir
		cmd.Env = append(os.Environ(), "IDLEGATE_ADMIN="+gateway.Admin)
		out, err := cmd.CombinedOutput()
		if err != nil && !strings.Contains(string(out), "no open connection matches") {
			t.Errorf("idlegate %s: %v\n%s", m[1], err, out)
		}
	}
}
