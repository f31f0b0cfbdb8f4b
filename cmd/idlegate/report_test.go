package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idlegate/gateway"
	"idlegate/policy"
)

// reported is a gateway that knows secrets of every kind.
const reported = `
admin: {listen: "127.0.0.1:0", token_file: %[1]s/token, viewer_token_file: %[1]s/viewer}
log: {file: %[1]s/log}
upstreams:
  u: {endpoints: ["127.0.0.1:%[2]d"], health: {every: 1h, send: {text: "AUTH \"%[3]s\"}\r\n"}, expect: {text: "+OK"}}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: mqtt, upstream: u, policy: {long: {}}}
`

func TestAReportHasWhatItTakesAndNoSecrets(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DATABASE_PASSWORD", "secret-environment")
	for name, secret := range map[string]string{"token": "secret-token", "viewer": "secret-viewer"} {
		saved(t, filepath.Join(dir, name), secret+"\n")
	}
	backend, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { backend.Close() })
	port := backend.Addr().(*net.TCPAddr).Port
	file := filepath.Join(dir, "idlegate.yaml")
	text := func(secret string) string { return fmt.Sprintf(reported, dir, port, secret) }
	saved(t, file, text("secret-check"))
	cfg, err := policy.Parse(file, []byte(text("secret-check")))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Policy: cfg, File: file, Version: "1.2.3-test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	routes, err := g.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	breakProtocol(t, routes.Routes[0].Listen[0], "secret-password")
	saved(t, file, text("secret-other"))
	if _, err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}

	parts := reportOf(t, g, dir)
	for name, wants := range map[string][]string{
		"about.txt":        {"made by idlegate ", "left out: what health checks and probes send"},
		"process.json":     {`"version": "1.2.3-test"`, `"go_version": "go1`, `"kernel": "`, "gateway.(*Gateway).Run", "msg=started", "policy file took over"},
		"status.json":      {`"generation": 2`, `"alarms"`, `"host"`},
		"config.json":      {"idle_timeout: 1m", "send: {text: left out}", `"upstreams.u.health.send.text: left out"`},
		"metrics.txt":      {`idlegate_connections_closed_total{reason="protocol_error",route="r"} 1`},
		"ended.json":       {`"reason": "protocol_error"`, `"rule"`},
		"connections.json": {`"connections"`}, "routes.json": {`"r"`}, "upstreams.json": {`"u"`}, "policies.json": {`"idle_timeout"`},
		"history.json": {`"minutes"`}, "silence.json": {`"bounds`}, "advice.json": {`"certainty"`},
	} {
		for _, want := range wants {
			if !strings.Contains(parts[name], want) {
				t.Errorf("%s has no %s:\n%s", name, want, parts[name])
			}
		}
	}
	expectNoSecrets(t, parts)
	if !strings.Contains(reportOf(t, g, dir, "--with-bytes")["ended.json"], fmt.Sprintf("%x", "secret-password")) {
		t.Error("the bytes are not in it, though they were asked for")
	}
	before, _, _ := strings.Cut(text(""), "send:")
	expectNoSecretsOfRefused(t, g, file, before)
}

// expectNoSecretsOfRefused makes g refuse a file that ends in secrets, of each kind in turn.
func expectNoSecretsOfRefused(t *testing.T, g *gateway.Gateway, file, before string) {
	t.Helper()
	for _, wrong := range []string{
		"send: AUTH secret-word", `send: {txt: "AUTH secret-key"}`, `send: {hex: "secret-hex"}`, "send: {text:\n  \"AUTH secret-line\\q\"}", "send: {text: letme secret-start",
	} {
		saved(t, file, before+wrong+"}}\n")
		if done, err := g.Reload(t.Context()); err != nil || len(done.Problems) == 0 {
			t.Fatalf("%s: %+v, %v", wrong, done, err)
		}
		expectNoSecrets(t, reportOf(t, g, filepath.Dir(file)))
	}
}

// reportOf are the files of a report of g, by their names.
func reportOf(t *testing.T, g *gateway.Gateway, dir string, more ...string) map[string]string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args := append([]string{"report", "--admin", g.AdminAddress(), "--token-file", filepath.Join(dir, "token"), "--file", "-"}, more...)
	if code := execute(t.Context(), args, &stdout, &stderr); code != exitDone || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	return unpacked(t, &stdout)
}

func expectNoSecrets(t *testing.T, parts map[string]string) {
	t.Helper()
	for name, part := range parts {
		for _, line := range strings.Split(part, "\n") {
			if strings.Contains(line, "secret-") || strings.Contains(line, fmt.Sprintf("%x", "secret-password")) {
				t.Errorf("%s has a secret:\n%s", name, line)
			}
		}
	}
}

func saved(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// breakProtocol sends a gateway what is no MQTT, and waits until it ends the connection.
func breakProtocol(t *testing.T, address, more string) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "\x10\xff\xff\xff\xff\x7f"+more); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, c)
}

// unpacked are the files of an archive, by their names in its folder.
func unpacked(t *testing.T, archive io.Reader) map[string]string {
	t.Helper()
	packed, err := gzip.NewReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for files := tar.NewReader(packed); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		parts[filepath.Base(header.Name)] = string(body)
	}
}

func TestWhatChecksSendIsLeftOut(t *testing.T) {
	for text, want := range map[string]string{
		`    health: {every: 5s, send: {text: "AUTH \"a}\"b\r\n"}, expect: {text: "+OK"}}`: `    health: {every: 5s, send: {text: left out}, expect: {text: "+OK"}}`,
		`health: {send: {hex: 4155}, rise: 2}`:                                             `health: {send: {hex: left out}, rise: 2}`,
		`health: {send: {text: 'it''s a}'}, rise: 2}`:                                      `health: {send: {text: left out}, rise: 2}`,
		`what="upstreams.a.health.send.text: \"x\" -> \"y\""`:                              `what="upstreams.a.health.send.text: left out`,
		`what="upstreams.a.health: none -> {send: {text: \"x}y\"}, rise: 2}"`:              `what="upstreams.a.health: none -> {send: {text: left out`,
		"      send: {text: \"broken":                                                      "      send: {text: left out",
		`problem="upstreams.a.health.send: must be a mapping, not \"x\""`:                  `problem="upstreams.a.health.send: left out`,
		`a: {send: {hex: 41}}, b: {send: {text: letme in`:                                  `a: {send: {hex: left out}}, b: {send: {text: left out`,
		"health: {send: {text: letme in":                                                   "health: {send: {text: left out",
		"nothing of the kind":                                                              "nothing of the kind",
		"a: 1\nhealth: {send: {text: AUTH x}}\nb: 2":                                       "a: 1\nhealth: {send: {text: left out}}\nb: 2",
	} {
		if got := cleanedText(text); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", text, got, want)
		}
	}
}
