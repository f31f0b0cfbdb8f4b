package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// readme is the README and a directory in which to follow it.
type readme struct {
	tested   []string // commands, in order
	dir      string
	gateway  *exec.Cmd         // that runs since the command that starts it
	log      string            // the file that its standard error goes to
	replaced *strings.Replacer // what the README's ports are in this test
	route    string            // its address
	clients  []net.Conn
	again    func(*testing.T) string // runs the last command once more
	said     string                  // by the last command
}

// block is a fenced block of the README.
type block struct{ language, text string }

func blocks(text string) (found []block) {
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		found = append(found, block{m[1], m[2]})
	}
	return found
}

// policies is that section of a policy file.
var policies = regexp.MustCompile(`(?ms)^policies:\n.*?^$`)

// edit writes redis.yaml, or changes its policies: with ports that are free, and timeouts that a test can wait for.
func (r *readme) edit(t *testing.T, text string) {
	file := filepath.Join(r.dir, "redis.yaml")
	if r.gateway != nil {
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = policies.ReplaceAllLiteralString(string(before), text)
		r.enliven(t)
	}
	if _, err := policy.Parse("redis.yaml", []byte(text)); err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer(
		"127.0.0.1:6379", `"unix:`+filepath.Join(r.dir, "redis.sock")+`"`,
		"127.0.0.1:6380", "127.0.0.1:0",
		"idle_timeout: 1m", "idle_timeout: 10s",
		"dry_run: {idle_timeout: 20s}", "dry_run: {idle_timeout: 1s}",
		"idle_timeout: 20s", "idle_timeout: 5s",
	).Replace(text)
	if r.gateway == nil {
		moved += "\nadmin: {listen: 127.0.0.1:0}\n"
	}
	if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *readme) inRepository(t *testing.T, command string) { run(t, root, command) }

func (r *readme) inDirectory(t *testing.T, command string) { run(t, r.dir, command) }

func (r *readme) runsInCI(t *testing.T, command string) {
	if !strings.Contains(read(t, ".ci/run"), "\nstep "+command+"\n") {
		t.Errorf(".ci/run does not run %s", command)
	}
	if line := run(t, root, "make --no-print-directory -n test"); !strings.Contains(line, "./...") {
		t.Errorf("make test does not run every test: %s", line)
	}
}

// build makes the binary elsewhere than in the repository.
func (r *readme) build(t *testing.T, _ string) {
	line := run(t, root, "make --no-print-directory -n build")
	moved := strings.Replace(line, "-o idlegate ", "-o "+filepath.Join(r.dir, "idlegate")+" ", 1)
	if moved == line {
		t.Fatalf("make build does not make ./idlegate: %s", line)
	}
	run(t, root, moved)
}

// serve starts Redis and the gateway, and leaves them running. A client has come and gone when it is done.
func (r *readme) serve(t *testing.T, command string) {
	r.startRedis(t)
	r.log = filepath.Join(r.dir, "log")
	r.gateway = exec.Command("sh", "-c", "exec "+command+" 2> "+r.log)
	r.gateway.Dir = r.dir
	if err := r.gateway.Start(); err != nil {
		t.Fatal(err)
	}
	var route, admin []string
	serving := eventually(func() bool {
		log, _ := os.ReadFile(r.log) // not there yet
		route = regexp.MustCompile(`msg=listening route=redis address=127\.0\.0\.1:(\d+) `).FindStringSubmatch(string(log))
		admin = regexp.MustCompile(`msg="serving the operator" address=(\S+)`).FindStringSubmatch(string(log))
		return route != nil && admin != nil
	})
	if !serving {
		t.Fatal("the gateway does not say what it serves")
	}
	r.route = "127.0.0.1:" + route[1]
	r.replaced = strings.NewReplacer("6380", route[1], "127.0.0.1:9180", admin[1], "./idlegate ", "IDLEGATE_ADMIN="+admin[1]+" ./idlegate ")
	r.dial(t).Close()
}

// startRedis runs a server until the whole test ends, or where there is none what answers as one does.
func (r *readme) startRedis(t *testing.T) {
	socket := filepath.Join(r.dir, "redis.sock")
	server, err := exec.LookPath("redis-server")
	if err != nil {
		standIn(t, socket)
		return
	}
	cmd := exec.Command(server, "--port", "0", "--unixsocket", socket, "--save", "", "--daemonize", "yes",
		"--pidfile", filepath.Join(r.dir, "redis.pid"), "--dir", r.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !eventually(func() bool { _, err := os.Stat(socket); return err == nil }) {
		t.Fatal("redis-server does not listen")
	}
}

const request, reply = "ECHO hello\r\n", "$5\r\nhello\r\n"

// standIn answers each request until the process ends.
func standIn(t *testing.T, socket string) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for buf := make([]byte, len(request)); ; {
					if _, err := io.ReadFull(conn, buf); err != nil {
						return
					}
					_, _ = io.WriteString(conn, reply)
				}
			}()
		}
	}()
}

// dial opens a connection through the gateway on which something was said.
func (r *readme) dial(t *testing.T) net.Conn {
	conn, err := net.Dial("tcp", r.route)
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange(conn); err != nil {
		t.Fatal(err)
	}
	return conn
}

func exchange(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, len(reply)))
	return err
}

// enliven makes three clients say something, and come back where they were ended.
func (r *readme) enliven(t *testing.T) {
	for i := range 3 {
		if i == len(r.clients) {
			r.clients = append(r.clients, r.dial(t))
		}
		if exchange(r.clients[i]) != nil {
			r.clients[i].Close()
			r.clients[i] = r.dial(t)
		}
	}
}

// operate runs a command that asks the gateway, about a connection that there is where the README's has an id.
func (r *readme) operate(t *testing.T, command string) {
	if r.replaced == nil {
		t.Fatal("no gateway runs")
	}
	r.enliven(t)
	r.again = func(t *testing.T) string {
		named := regexp.MustCompile(`(explain|close) \d+`).ReplaceAllStringFunc(command, func(found string) string {
			return strings.Fields(found)[0] + " " + r.anID(t)
		})
		return run(t, r.dir, r.replaced.Replace(named))
	}
	if r.said = r.again(t); r.said == "" {
		t.Error("it prints nothing")
	}
}

// anID is that of an open connection.
func (r *readme) anID(t *testing.T) string {
	var all api.Connections
	listed := run(t, r.dir, r.replaced.Replace("./idlegate connections --state open --limit 1 -o json"))
	if err := json.Unmarshal([]byte(listed), &all); err != nil || len(all.Connections) == 0 {
		t.Fatalf("no connection is listed: %v: %s", err, listed)
	}
	return strconv.FormatUint(all.Connections[0].ID, 10)
}

// call runs curl, if it is installed.
func (r *readme) call(t *testing.T, command string) {
	needs(t, "curl")
	r.operate(t, command)
	if strings.Contains(r.said, `"error"`) {
		t.Error(r.said)
	}
}

// useRedis runs a client of Redis, if there is Redis.
func (r *readme) useRedis(t *testing.T, command string) {
	needs(t, "redis-cli", "redis-server")
	if out := run(t, r.dir, r.replaced.Replace(command)); out != "OK\n" {
		t.Error(out)
	}
}

// needs skips a test where a tool is not installed, unless that is an error.
func needs(t *testing.T, tools ...string) {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("IDLEGATE_REQUIRE_REAL") == "" {
			t.Skip(tool + " is not installed")
		}
	}
}

// stop ends what serve has started.
func (r *readme) stop(t *testing.T) {
	if r.gateway == nil {
		return
	}
	for _, client := range r.clients {
		client.Close()
	}
	if err := r.gateway.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := r.gateway.Wait(); err != nil {
		t.Errorf("after SIGTERM the gateway ends with %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "redis.pid")); err == nil {
		run(t, r.dir, "kill $(cat redis.pid)")
	}
}
