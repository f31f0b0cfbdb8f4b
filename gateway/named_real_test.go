package gateway_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Real servers of named protocols, and their own clients through the gateway. Each wants no error, and as many messages as are
// counted in another way.

// serveAt starts a server that does not go into the background, waits until it listens at a unix socket, and ends it with the test.
func serveAt(t *testing.T, socket, program string, args ...string) {
	t.Helper()
	serveOn(t, "unix", socket, program, args...)
}

// serveOn is serveAt for an address of any network.
func serveOn(t *testing.T, network, address, program string, args ...string) {
	t.Helper()
	server := exec.Command(program, args...)
	var output bytes.Buffer
	server.Stdout, server.Stderr = &output, &output
	must(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM) // if it has ended already, that shows below
		_ = server.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", program, &output)
		}
	})
	eventually(t, program+" listens", func() bool {
		conn, err := net.Dial(network, address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// through starts a gateway with a route of a protocol to a server at a unix socket.
func through(t *testing.T, protocol, socket string) *running {
	t.Helper()
	return start(t, `
upstreams: {u: {endpoints: ["unix:%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: %s, upstream: u, policy: {long: {}}}]`, socket, protocol)
}

// port is where clients find the gateway.
func (g *running) port() string {
	_, port, _ := net.SplitHostPort(g.g.Addresses("r")[0])
	return port
}

// settled waits until all connections have ended, and wants none to have ended by a fault.
func (g *running) settled(t *testing.T) (messages [2]uint64) {
	t.Helper()
	eventually(t, "all connections have ended", func() bool { return g.route("r").Connections == 0 })
	for reason, n := range g.route("r").Closed {
		if n > 0 && reason != "client_fin" && reason != "upstream_fin" && reason != "client_reset" {
			t.Errorf("%d connections ended as %s", n, reason)
		}
	}
	return g.route("r").Messages
}

func (r redis) commands() int {
	r.t.Helper()
	info := command(r.t, "redis-cli", "-s", r.path, "info", "stats")
	found := regexp.MustCompile(`total_commands_processed:(\d+)`).FindStringSubmatch(info)
	n, err := strconv.Atoi(found[1])
	must(r.t, err)
	return n
}

func TestRESPCountsTheCommandsOfRedis(t *testing.T) {
	server := runRedis(t)
	for name, args := range workloads {
		t.Run(name, func(t *testing.T) {
			g := through(t, "resp", server.path)
			before := server.commands()
			benchmark(t, g, args...)
			messages := g.settled(t)
			want := uint64(server.commands() - before - 1) // the last INFO is not counted yet, the first is
			if messages != [2]uint64{want, want} {
				t.Errorf("%d messages, but redis has processed %d commands", messages, want)
			}
		})
	}
}

func TestRESPConversations(t *testing.T) {
	server := runRedis(t)
	g := through(t, "resp", server.path)
	c := dial(t, g.g.Addresses("r")[0])
	for _, step := range []struct{ say, answer string }{
		{"*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
		{"MULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\nPING\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+PONG\r\n"},
		{"*3\r\n$5\r\nBLPOP\r\n$5\r\nqueue\r\n$3\r\n0.1\r\n", "*-1\r\n"},
		{"HELLO 3\r\nSUBSCRIBE a\r\nPUBLISH a hello\r\nRESET\r\n", "%"},
	} {
		c.send(step.say)
		c.receive(step.answer)
	}
	must(t, c.Close())
	g.settled(t)
}

func TestMemcachedConversations(t *testing.T) {
	needs(t, "memcached")
	socket := filepath.Join(t.TempDir(), "socket")
	serveAt(t, socket, "memcached", "-u", "root", "-s", socket)
	g := through(t, "memcached", socket)
	c := dial(t, g.g.Addresses("r")[0])
	value := strings.Repeat("v\r\n", 10_000)
	requests, replies := uint64(0), uint64(0)
	for _, step := range []struct {
		say, answer       string
		requests, replies uint64
	}{
		{"set a 0 0 2\r\nhi\r\n", "STORED\r\n", 1, 1},
		{"set b 0 0 2 noreply\r\nho\r\nget a b none\r\n", "VALUE a 0 2\r\nhi\r\nVALUE b 0 2\r\nho\r\nEND\r\n", 2, 1},
		{fmt.Sprintf("set big 7 0 %d\r\n%s\r\nget big\r\n", len(value), value), fmt.Sprintf("STORED\r\nVALUE big 7 %d\r\n%s\r\nEND\r\n", len(value), value), 2, 2},
		{"incr none 1\r\ndelete a\r\nversion\r\n", "NOT_FOUND\r\nDELETED\r\nVERSION ", 3, 3},
	} {
		c.send(step.say)
		c.receive(step.answer)
		requests, replies = requests+step.requests, replies+step.replies
	}
	_, _ = io.CopyN(io.Discard, c, 1) // of the version, whose end is not awaited
	c.send("quit\r\n")
	c.drained()
	must(t, c.Close())
	if messages := g.settled(t); messages != [2]uint64{requests + 1, replies} {
		t.Errorf("%d messages, want %d and %d", messages, requests+1, replies)
	}
}

// drained reads to the end.
func (c *client) drained() { _, _ = io.Copy(io.Discard, c) }

func TestMosquittoThroughTheGateway(t *testing.T) {
	needs(t, "mosquitto", "mosquitto_pub", "mosquitto_sub")
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o777))
	socket, config := filepath.Join(dir, "socket"), filepath.Join(dir, "conf")
	must(t, os.WriteFile(config, []byte("listener 0 "+socket+"\nallow_anonymous true\nuser root\n"), 0o644))
	serveAt(t, socket, "mosquitto", "-c", config)
	for _, version := range []string{"mqttv31", "mqttv311", "mqttv5"} {
		t.Run(version, func(t *testing.T) {
			g := through(t, "mqtt", socket)
			publish := exec.CommandContext(t.Context(), "mosquitto_pub", "-h", "127.0.0.1", "-p", g.port(), "-V", version, "-q", "1", "-t", "topic", "-l")
			const lines = 500
			publish.Stdin = strings.NewReader(strings.Repeat("a line of a message\n", lines))
			output, err := publish.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			if messages := g.settled(t); messages != [2]uint64{1 + lines + 1, 1 + lines} { // CONNECT, PUBLISH, DISCONNECT; CONNACK, PUBACK
				t.Errorf("%d messages", messages)
			}
		})
	}
}

// runNATS starts a server and returns its address.
func runNATS(t *testing.T) (address string) {
	t.Helper()
	needs(t, "nats-server")
	dir := t.TempDir()
	server := exec.Command("nats-server", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", dir)
	must(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Signal(syscall.SIGTERM); _ = server.Wait() })
	eventually(t, "nats-server listens", func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "*.ports"))
		if len(files) == 0 {
			return false
		}
		text, _ := os.ReadFile(files[0])
		found := regexp.MustCompile(`nats://(127\.0\.0\.1:\d+)`).FindSubmatch(text)
		if found == nil {
			return false
		}
		address = string(found[1])
		return true
	})
	return address
}

func TestNATSConversation(t *testing.T) {
	address := runNATS(t)
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: nats, upstream: u, policy: {long: {}}}]`, address)
	c := dial(t, g.g.Addresses("r")[0])
	c.receive("INFO ")
	c.send("CONNECT {\"verbose\":false}\r\nPING\r\n")
	line := ""
	for !strings.HasSuffix(line, "PONG\r\n") {
		b := make([]byte, 1)
		if _, err := c.Read(b); err != nil {
			t.Fatal(err)
		}
		line += string(b)
	}
	c.send("SUB a 1\r\nPUB a 5\r\nhello\r\nPING\r\n")
	c.receive("MSG a 1 5\r\nhello\r\nPONG\r\n")
	must(t, c.Close())
	if messages := g.settled(t); messages != [2]uint64{5, 4} { // CONNECT PING SUB PUB PING; INFO PONG MSG PONG
		t.Errorf("%d messages", messages)
	}
}

// postgresProgram finds a program of the server, which is not on the path.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		needs(t, name)
		return name
	}
	return found[len(found)-1]
}

// runPostgres starts a server with some settings as the user postgres, who alone may run it, and returns its socket, whose name
// has the port.
func runPostgres(t *testing.T, port string, settings ...string) string {
	t.Helper()
	needs(t, "psql", "setpriv")
	if os.Getuid() != 0 {
		t.Skip("needs to be root, to become the user postgres")
	}
	dir, err := os.MkdirTemp("/tmp", "pg") // a short one: the path of a unix socket has 107 bytes at most
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o777))
	as := []string{"--reuid=postgres", "--regid=postgres", "--clear-groups"}
	data := filepath.Join(dir, "data")
	command(t, "setpriv", append(as, postgresProgram(t, "initdb"), "-D", data, "-A", "trust", "-N")...)
	socket := filepath.Join(dir, ".s.PGSQL."+port)
	as = append(as, postgresProgram(t, "postgres"), "-D", data, "-k", dir, "-p", port, "-c", "listen_addresses=", "-c", "fsync=off")
	for _, setting := range settings {
		as = append(as, "-c", setting)
	}
	serveAt(t, socket, "setpriv", as...)
	return socket
}

func TestPostgresThroughTheGateway(t *testing.T) {
	socket := runPostgres(t, "5432")
	var pinned pgWire
	relay := backend(t, func(c *client) { pinned.relay(c, dial(t, "unix:"+socket)) })
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: postgres, upstream: u, policy: {long: {}}}]`, relay)
	at := []string{"-h", "127.0.0.1", "-p", g.port(), "-U", "postgres"}
	eventually(t, "the server has started", func() bool {
		return exec.CommandContext(t.Context(), "psql", append(at, "-c", "select 1", "postgres")...).Run() == nil
	})
	psql := func(script string) string {
		c := exec.CommandContext(t.Context(), "psql", append(at, "-v", "ON_ERROR_STOP=1", "-At", "postgres")...)
		c.Stdin = strings.NewReader(script)
		output, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		return string(output)
	}
	if got := psql("create table t (n int);\ncopy t from stdin;\n1\n2\n3\n\\.\nselect sum(n) from t;\ncopy t to stdout;\n"); !strings.Contains(got, "6\n1\n2\n3\n") {
		t.Errorf("psql says %q", got)
	}
	pgbench := append([]string{}, at...)
	bench := "/usr/bin/pgbench"
	if _, err := os.Stat(bench); err != nil {
		bench = postgresProgram(t, "pgbench")
	}
	command(t, bench, append(pgbench, "-i", "-q", "postgres")...)
	for _, mode := range []string{"simple", "extended", "prepared"} {
		output := command(t, bench, append(pgbench, "-M", mode, "-c", "4", "-t", "50", "-n", "postgres")...)
		if !strings.Contains(output, "number of failed transactions: 0 ") {
			t.Errorf("pgbench -M %s says:\n%s", mode, output)
		}
	}
	if got, want := g.settled(t), pinned.count(t); got != want {
		t.Errorf("%d messages, but the wire carried %d", got, want)
	}
}

// pgWire records what PostgreSQL and its clients say, connection by connection.
type pgWire struct {
	running sync.WaitGroup // what is recorded is read when it is all over

	mu    sync.Mutex
	conns []*[2]bytes.Buffer
}

func (w *pgWire) relay(client, server *client) {
	w.running.Add(1)
	defer w.running.Done()
	said := new([2]bytes.Buffer)
	w.mu.Lock()
	w.conns = append(w.conns, said)
	w.mu.Unlock()
	var wg sync.WaitGroup
	for from, ends := range [2][2]net.Conn{{client, server}, {server, client}} {
		wg.Go(func() {
			defer ends[1].Close()
			_, _ = io.Copy(io.MultiWriter(&said[from], ends[1]), ends[0])
		})
	}
	wg.Wait()
}

// count counts the messages, each stream by itself: the requests for encryption and the startup message have no type, nor has
// the refusal of encryption.
func (w *pgWire) count(t *testing.T) (n [2]uint64) {
	t.Helper()
	w.running.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, said := range w.conns {
		b := said[0].Bytes()
		asked := uint64(0)
		for len(b) >= 8 {
			size, code := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
			b = b[size:]
			n[0]++
			if code>>16 == 3 || code == 80877102 {
				break
			}
			asked++
		}
		n[0] += pgTyped(t, b)
		n[1] += asked + pgTyped(t, said[1].Bytes()[asked:])
	}
	return n
}

func pgTyped(t *testing.T, b []byte) (n uint64) {
	t.Helper()
	for ; len(b) > 0; n++ {
		size := 1 + int(binary.BigEndian.Uint32(b[1:]))
		if size > len(b) {
			t.Fatalf("a message of %d bytes, of which %d are there", size, len(b))
		}
		b = b[size:]
	}
	return n
}
