package gateway_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// redis is a real server, at a unix socket.
type redis struct {
	t    *testing.T
	path string
}

// runRedis starts a server that keeps nothing, and stops it when the test ends.
func runRedis(t *testing.T) redis {
	t.Helper()
	needs(t, "redis-server", "redis-cli", "redis-benchmark")
	dir := t.TempDir()
	r := redis{t, filepath.Join(dir, "redis")}
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", r.path, "--save", "", "--appendonly", "no", "--dir", dir)
	var output bytes.Buffer
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM) // if it has ended already, Wait tells why
		if err := server.Wait(); err != nil {
			t.Errorf("redis-server: %v\n%s", err, &output)
		}
	})
	eventually(t, "redis-server listens", func() bool {
		conn, err := net.Dial("unix", r.path)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return r
}

// address is the server's, in the words of the policy file.
func (r redis) address() string { return "unix:" + r.path }

// traffic is what the server says of the bytes on all its connections.
type traffic struct {
	input, output uint64
	reply         uint64 // size of the reply that says so, which output does not count yet
}

// askTraffic asks for it, and is in its input already.
const askTraffic = "*2\r\n$4\r\nINFO\r\n$5\r\nstats\r\n"

// traffic asks the server itself, past the gateway.
func (r redis) traffic() traffic {
	r.t.Helper()
	c := dial(r.t, r.address())
	defer c.Close()
	c.send(askTraffic)
	answers := bufio.NewReader(c)
	head, err := answers.ReadString('\n') // $ and the size of what follows
	if err != nil {
		r.t.Fatal(err)
	}
	size, err := strconv.Atoi(strings.Trim(head, "$\r\n"))
	if err != nil {
		r.t.Fatal(err)
	}
	text := make([]byte, size+len("\r\n"))
	if _, err := io.ReadFull(answers, text); err != nil {
		r.t.Fatal(err)
	}
	figure := func(name string) uint64 {
		_, rest, _ := strings.Cut(string(text), "\n"+name+":")
		digits, _, _ := strings.Cut(rest, "\r\n")
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			r.t.Fatalf("INFO has no %s: %v", name, err)
		}
		return n
	}
	return traffic{figure("total_net_input_bytes"), figure("total_net_output_bytes"), uint64(len(head) + len(text))}
}

// since returns the bytes that the server received and sent since before on connections other than those of traffic.
func (t traffic) since(before traffic) (received, sent uint64) {
	return t.input - before.input - uint64(len(askTraffic)), t.output - before.output - before.reply
}

const redisRoute = `
upstreams: {redis: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: %s, upstream: redis, policy: {long: {}}}]`

// workloads are what redis-benchmark does; its 50 connections are the default.
var workloads = map[string][]string{
	"one at a time":  {"-n", "4000"},
	"16 deep":        {"-n", "32000", "-P", "16"},
	"100 kB values":  {"-n", "400", "-d", "100000"},
	"1 kB, 100 deep": {"-n", "20000", "-d", "1000", "-P", "100"},
}

// benchmark runs redis-benchmark through the gateway, and waits until the gateway has seen all its connections end.
func benchmark(t *testing.T, g *running, args ...string) {
	t.Helper()
	output := command(t, "redis-benchmark", append(addressArgs(g), append(args, "-t", "set,get", "--csv")...)...)
	for _, want := range []string{`"SET"`, `"GET"`} {
		if !strings.Contains(output, want) {
			t.Errorf("redis-benchmark has no line for %s:\n%s", want, output)
		}
	}
	if strings.Contains(strings.ToLower(output), "err") {
		t.Errorf("redis-benchmark reports an error:\n%s", output)
	}
	eventually(t, "all connections have ended", func() bool { return g.route("r").Connections == 0 })
}

// addressArgs are the arguments by which the programs of redis find the gateway.
func addressArgs(g *running) []string {
	host, port, _ := net.SplitHostPort(g.g.Addresses("r")[0])
	return []string{"-h", host, "-p", port}
}

func TestRedisCountsTheBytesThatARawRouteCounts(t *testing.T) {
	server := runRedis(t)
	for name, args := range workloads {
		t.Run(name, func(t *testing.T) {
			g := start(t, redisRoute, server.address(), "raw")
			before := server.traffic()
			benchmark(t, g, args...)
			received, sent := server.traffic().since(before)
			figures := g.route("r")
			if figures.Bytes != [2]uint64{received, sent} {
				t.Errorf("bytes_total is %d, but redis has received %d and sent %d", figures.Bytes, received, sent)
			}
			t.Logf("%d bytes there, %d back, %d connections", received, sent, figures.Opened)
		})
	}
}

// TestMessagesAreTheDelimitersOnTheWire counts the lines, of which RESP consists, between gateway and redis.
func TestMessagesAreTheDelimitersOnTheWire(t *testing.T) {
	server := runRedis(t)
	for name, args := range workloads {
		t.Run(name, func(t *testing.T) {
			var pinned counts
			relay := backend(t, func(c *client) { pinned.relay(c, dial(t, server.address())) })
			g := start(t, redisRoute, relay, `{delimiter: {hex: "0d0a"}}`)
			benchmark(t, g, args...)
			figures := g.route("r")
			for from := range pinned {
				lines, size := pinned[from].lines.Load(), pinned[from].bytes.Load()
				if figures.Messages[from] != lines || figures.Bytes[from] != size {
					t.Errorf("from side %d: %d messages of %d bytes, but the wire carried %d of %d", from,
						figures.Messages[from], figures.Bytes[from], lines, size)
				}
			}
			if least := leastLines(args); pinned[0].lines.Load() < least {
				t.Errorf("the wire carried %d lines to redis, fewer than the %d of the requests", pinned[0].lines.Load(), least)
			}
			t.Logf("%d messages there, %d back", figures.Messages[0], figures.Messages[1])
		})
	}
}

// leastLines is how many lines the requests of a workload have: a SET is of 7, a GET of 5.
func leastLines(args []string) uint64 {
	n, _ := strconv.ParseUint(args[1], 10, 64)
	return n * (7 + 5)
}

// counts are the lines and bytes that each side has sent on all connections, by sender.
type counts [2]struct{ lines, bytes atomic.Uint64 }

// relay carries bytes both ways until one side ends, and counts them.
func (n *counts) relay(client, server *client) {
	var wg sync.WaitGroup
	for from, ends := range [2][2]net.Conn{{client, server}, {server, client}} {
		wg.Go(func() {
			defer ends[1].Close()
			n.copy(from, ends[1], ends[0])
		})
	}
	wg.Wait()
}

func (n *counts) copy(from int, dst io.Writer, src io.Reader) {
	buf, last := make([]byte, 16<<10), byte(0)
	for {
		size, err := src.Read(buf)
		for _, b := range buf[:size] {
			if last == '\r' && b == '\n' {
				n[from].lines.Add(1)
			}
			last = b
		}
		n[from].bytes.Add(uint64(size))
		if _, failure := dst.Write(buf[:size]); err != nil || failure != nil {
			return
		}
	}
}

func TestRedisCLI(t *testing.T) {
	server := runRedis(t)
	for _, protocol := range []string{"raw", "delimiter", `{delimiter: {hex: "0d0a"}}`} {
		t.Run(protocol, func(t *testing.T) {
			g := start(t, redisRoute, server.address(), protocol)
			lines := uint64(0)
			for i, row := range []struct{ say, answer string }{
				{"PING", "PONG"},
				{"SET greeting hello", "OK"},
				{"GET greeting", "hello"},
				{"SET count 0", "OK"},
				{"INCR count", "1"},
				{"INCRBY count 41", "42"},
				{"GET nothing", ""},
			} {
				words := strings.Fields(row.say)
				if got := strings.TrimSpace(command(t, "redis-cli", append(addressArgs(g), words...)...)); got != row.answer {
					t.Errorf("%s: %q, want %q", row.say, got, row.answer)
				}
				if line := g.ended("r", i+1); line.Reason != "client_fin" {
					t.Errorf("%s: ended as %s", row.say, line.Reason)
				}
				lines += uint64(1 + 2*len(words))
			}
			if figures := g.route("r"); protocol != "raw" && figures.Messages[0] != lines {
				t.Errorf("%d messages, but the commands have %d lines", figures.Messages[0], lines)
			}
		})
	}
}
