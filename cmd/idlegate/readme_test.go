package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"idlegate/policy"
)

// root is that of the repository.
const root = "../.."

// readmeCommands says how each command of the README is tested, in the order in which they build on one another.
func readmeCommands() map[string]func(*readme, *testing.T, string) {
	return map[string]func(*readme, *testing.T, string){
		"go run ./cmd/idlegate demo":            (*readme).inRepository,
		"make test":                             (*readme).runsInCI, // it is what runs this test
		"make build":                            (*readme).build,
		"./idlegate check redis.yaml":           (*readme).inDirectory,
		"./idlegate check --print redis.yaml":   (*readme).inDirectory,
		"./idlegate run -c redis.yaml":          (*readme).serve,
		"redis-cli -p 6380 set greeting hello":  (*readme).throughGateway,
		"curl -s http://127.0.0.1:9180/readyz":  (*readme).throughGateway,
		"curl -s http://127.0.0.1:9180/metrics": (*readme).throughGateway,
	}
}

func TestEveryCommandOfTheREADME(t *testing.T) {
	r := openREADME(t)
	tests := readmeCommands()
	for _, command := range r.commands {
		test, ok := tests[command]
		if !ok {
			t.Errorf("the README has a command that nothing tests: %s", command)
			continue
		}
		delete(tests, command)
		t.Run(command, func(t *testing.T) { test(r, t, command) })
	}
	for command := range tests {
		t.Errorf("the README has not got this command any more: %s", command)
	}
	r.stop(t)
}

// The reference is complete: every key that check --print can write stands in the README.
func TestREADMEHasEveryKey(t *testing.T) {
	text := read(t, "README.md")
	cfg, err := load("testdata/every_key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range regexp.MustCompile(`(?m)([a-z_]+):`).FindAllStringSubmatch(string(cfg.YAML()), -1) {
		if !regexp.MustCompile(`[^a-z_]` + key[1] + `[^a-z_]`).MatchString(text) {
			t.Errorf("the README does not mention %s", key[1])
		}
	}
}

// readme is the README and a directory in which to follow it.
type readme struct {
	commands []string
	dir      string
	gateway  *exec.Cmd         // that runs since the command that starts it
	log      string            // the file that its standard error goes to
	replaced *strings.Replacer // what the README's ports are in this test
}

// openREADME puts redis.yaml into a directory, with ports that are free.
func openREADME(t *testing.T) *readme {
	t.Helper()
	text := read(t, "README.md")
	r := &readme{dir: t.TempDir()}
	for _, block := range blocks(text, "sh") {
		r.commands = append(r.commands, strings.Split(strings.TrimSpace(block), "\n")...)
	}
	examples := blocks(text, "yaml")
	if len(examples) != 1 {
		t.Fatalf("the README has %d policies, not 1", len(examples))
	}
	if _, err := policy.Parse("redis.yaml", []byte(examples[0])); err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer(
		"127.0.0.1:6379", `"unix:`+filepath.Join(r.dir, "redis.sock")+`"`,
		"127.0.0.1:6380", "127.0.0.1:0",
	).Replace(examples[0])
	moved += "\nadmin: {listen: 127.0.0.1:0}\n"
	if err := os.WriteFile(filepath.Join(r.dir, "redis.yaml"), []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) (found []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
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

// serve starts Redis and the gateway, and leaves them running.
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
	r.replaced = strings.NewReplacer("6380", route[1], "127.0.0.1:9180", admin[1])
}

// startRedis runs a server until the whole test ends. Without one the backend is down, which the other commands show.
func (r *readme) startRedis(t *testing.T) {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		return
	}
	socket := filepath.Join(r.dir, "redis.sock")
	cmd := exec.Command(server, "--port", "0", "--unixsocket", socket, "--save", "", "--daemonize", "yes",
		"--pidfile", filepath.Join(r.dir, "redis.pid"), "--dir", r.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !eventually(func() bool { _, err := os.Stat(socket); return err == nil }) {
		t.Fatal("redis-server does not listen")
	}
}

// throughGateway runs a client, if it is installed.
func (r *readme) throughGateway(t *testing.T, command string) {
	if r.replaced == nil {
		t.Fatal("no gateway runs")
	}
	for _, needed := range []string{strings.Fields(command)[0], "redis-server"} {
		if _, err := exec.LookPath(needed); err != nil && os.Getenv("IDLEGATE_REQUIRE_REAL") == "" {
			t.Skip(needed + " is not installed")
		}
	}
	if out := run(t, r.dir, r.replaced.Replace(command)); out == "" {
		t.Error("it prints nothing")
	}
}

// stop ends what serve has started.
func (r *readme) stop(t *testing.T) {
	if r.gateway == nil {
		return
	}
	if err := r.gateway.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := r.gateway.Wait(); err != nil {
		t.Errorf("after SIGTERM the gateway ends with %v", err)
	}
	if _, err := exec.LookPath("redis-server"); err == nil {
		run(t, r.dir, "kill $(cat redis.pid)")
		log, err := os.ReadFile(r.log)
		ended := regexp.MustCompile(`msg="connection ended" id=1 route=redis .*reason=client_fin `)
		if err != nil || !ended.Match(log) {
			t.Errorf("the log has no line such as the README shows: %v\n%s", err, log)
		}
	}
}

// run returns what a command prints on standard output. It must succeed.
func run(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", command, err, out, &stderr)
	}
	return string(out)
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
