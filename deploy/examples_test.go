// Package deploy_test keeps what is in this folder working: every example runs, the container's binary is static, the
// unit is one that systemd understands, and what the cluster is told fits together.
package deploy_test

import (
	"cmp"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/policy"
)

const (
	mqttConnect = "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"
	postgresSSL = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
)

// answers are those to messages that a server of their protocol would not return.
var answers = map[string]string{mqttConnect: "\x20\x02\x00\x00", postgresSSL: "N"}

// firstMessages has for each example and route a message that its protocol understands, in both directions unless answers has another.
var firstMessages = map[string]map[string]string{
	"devices.yaml":  {"devices": "Headers\x00\x00\x00\x05hello"},
	"lines.yaml":    {"chat": "hello\n"},
	"mqtt.yaml":     {"mqtt": mqttConnect},
	"one_shot.yaml": {"requests": "\x05\x00\x00\x00hello"},
	"postgres.yaml": {"postgres": postgresSSL},
	"redis.yaml":    {"redis": "PING\r\n"},
	"sidecar.yaml":  {"local": "\x3f" + strings.Repeat("x", 63)},
}

func TestEveryExampleServes(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(firstMessages) {
		t.Errorf("there are %d examples and messages for %d", len(files), len(firstMessages))
	}
	backend := startEcho(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g := start(t, parse(t, file), backend)
			for route, message := range firstMessages[filepath.Base(file)] {
				for _, address := range g.Addresses(route) {
					exchange(t, address, message)
				}
			}
		})
	}
}

// parse reads an example, in which nothing may be wrong or doubtful.
func parse(t *testing.T, file string) *policy.Config {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := policy.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range cfg.Warnings() {
		t.Error(warning)
	}
	for _, r := range cfg.Routes {
		if firstMessages[filepath.Base(file)][r.Name] == "" {
			t.Errorf("%s: no message for route %s", file, r.Name)
		}
	}
	return cfg
}

// start runs an example on addresses that are free, in front of the backend.
func start(t *testing.T, cfg *policy.Config, backend policy.Address) *gateway.Gateway {
	t.Helper()
	relocate(t, cfg, backend)
	g, err := gateway.New(gateway.Config{Policy: cfg, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return g
}

// relocate keeps of every address its family, as far as that can be had anywhere.
func relocate(t *testing.T, cfg *policy.Config, backend policy.Address) {
	t.Helper()
	dir := t.TempDir()
	free := func(a policy.Address) policy.Address {
		if a.IsUnix() {
			return policy.Address{Path: filepath.Join(dir, filepath.Base(a.Path))}
		}
		return policy.Address{Host: "127.0.0.1"}
	}
	cfg.Admin.Listen = free(cfg.Admin.Listen)
	if !cfg.Admin.Metrics.IsZero() {
		cfg.Admin.Metrics = free(cfg.Admin.Metrics)
	}
	for _, r := range cfg.Routes {
		for i, a := range r.Listen {
			r.Listen[i] = free(a)
		}
	}
	for _, u := range cfg.Upstreams {
		if !u.DNS.IsZero() { // a name of a cluster
			u.DNS = policy.DNS{}
			u.Endpoints = []policy.Endpoint{{Weight: 1}}
		}
		for i := range u.Endpoints {
			u.Endpoints[i].Address = backend
		}
	}
}

// exchange sends a message through a route and wants it back.
func exchange(t *testing.T, address, message string) {
	t.Helper()
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, message); err != nil {
		t.Fatal(err)
	}
	want := cmp.Or(answers[message], message)
	reply := make([]byte, len(want))
	if _, err := io.ReadFull(conn, reply); err != nil || string(reply) != want {
		t.Errorf("%s: sent %q, got %q, %v", address, message, reply, err)
	}
}

// startEcho is a backend that sends back what it gets.
func startEcho(t *testing.T) policy.Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer conn.Close()
				first := make([]byte, 64)
				n, _ := conn.Read(first)
				_, _ = io.WriteString(conn, cmp.Or(answers[string(first[:n])], string(first[:n])))
				_, _ = io.Copy(conn, conn) // ends with the connection
			})
		}
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	address, err := policy.ParseAddress(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return address
}
