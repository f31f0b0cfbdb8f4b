package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"idlegate/gateway/admin/api"
)

// root is that of the repository.
const root = "../.."

// readmeCommands says how each command of the README is tested.
func readmeCommands() map[string]func(*readme, *testing.T, string) {
	return map[string]func(*readme, *testing.T, string){
		"go run ./cmd/idlegate demo":            (*readme).inRepository,
		"make test":                             (*readme).runsInCI, // it is what runs this test
		"make build":                            (*readme).build,
		"./idlegate check redis.yaml":           (*readme).inDirectory,
		"./idlegate check --print redis.yaml":   (*readme).inDirectory,
		"./idlegate run -c redis.yaml":          (*readme).serve,
		"redis-cli -p 6380 set greeting hello":  (*readme).useRedis,
		"curl -s http://127.0.0.1:9180/readyz":  (*readme).call,
		"curl -s http://127.0.0.1:9180/metrics": (*readme).call,

		"./idlegate connections --due 10s": (*readme).operate,
		"./idlegate explain 6":             (*readme).operate,
		"./idlegate advise":                (*readme).operate,
		"./idlegate close 72":              (*readme).operate,
		"./idlegate reload":                (*readme).operate,
		"./idlegate top":                   (*readme).operate,
		`curl -s http://127.0.0.1:9180/metrics | grep 'timeout="idle_timeout"'`: (*readme).call,
		"curl -s 'http://127.0.0.1:9180/api/v1/ended?reason=killed'":            (*readme).call,

		"curl -s 'http://127.0.0.1:9180/api/v1/connections?idle=1m&sort=-silence&limit=10'": (*readme).call,
		"curl -s 'http://127.0.0.1:9180/api/v1/ended?reason=idle_timeout'":                  (*readme).call,
		"curl -s -X DELETE 'http://127.0.0.1:9180/api/v1/connections?route=redis&idle=10m'": (*readme).call,
		"curl -s -X POST http://127.0.0.1:9180/api/v1/reload":                               (*readme).call,
	}
}

// followed are the texts whose commands make one session, in order: the second goes on where the first ends.
func followed() []string { return []string{"README.md", "gateway/admin/README.md"} }

// The READMEs are followed from beginning to end: what they say to type is typed, what they say to edit is edited, and what
// they show is compared with what comes, but for the figures.
func TestEveryCommandOfTheREADME(t *testing.T) {
	r := &readme{dir: t.TempDir()}
	tests := readmeCommands()
	for _, file := range followed() {
		for _, b := range blocks(read(t, file)) {
			r.follow(t, b, tests)
		}
	}
	for command := range tests {
		if !slices.Contains(r.tested, command) {
			t.Errorf("%q do not have this command any more: %s", followed(), command)
		}
	}
	r.stop(t)
}

// follow does what a block says.
func (r *readme) follow(t *testing.T, b block, tests map[string]func(*readme, *testing.T, string)) {
	switch b.language {
	case "sh":
		for _, command := range strings.Split(strings.TrimSpace(b.text), "\n") {
			test, ok := tests[command]
			if !ok {
				t.Fatalf("nothing tests this command: %s", command)
			}
			r.tested = append(r.tested, command)
			t.Run(command, func(t *testing.T) { test(r, t, command) })
		}
	case "yaml":
		t.Run("edit", func(t *testing.T) { r.edit(t, b.text) })
	case "text":
		t.Run("output", func(t *testing.T) { r.compareOutput(t, b.text) })
	case "":
		t.Run("log", func(t *testing.T) { r.compareLog(t, b.text) })
	case "conf":
		t.Run("rotation", func(t *testing.T) { comparePart(t, b.text, read(t, "deploy/logrotate/idlegate")) })
	default:
		t.Errorf("nothing tests blocks of %s", b.language)
	}
}

// The reference is complete: every key that check --print can write stands in it.
func TestReferenceHasEveryKey(t *testing.T) {
	text := read(t, "policy/README.md")
	cfg, err := load("testdata/every_key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range regexp.MustCompile(`(?m)([a-z_]+):`).FindAllStringSubmatch(string(cfg.YAML()), -1) {
		if !regexp.MustCompile(`[^a-z_]` + key[1] + `[^a-z_]`).MatchString(text) {
			t.Errorf("the reference does not mention %s", key[1])
		}
	}
}

// Every block of the reference is a policy file without a problem or a warning.
func TestEveryExampleOfTheReference(t *testing.T) {
	examples := blocks(read(t, "policy/README.md"))
	if len(examples) == 0 {
		t.Error("the reference shows no policy file")
	}
	for _, b := range examples {
		if b.language != "yaml" {
			t.Errorf("nothing tests blocks of %s", b.language)
			continue
		}
		checkExample(t, b.text)
	}
}

func checkExample(t *testing.T, text string) {
	t.Helper()
	found := source{"example", []byte(text)}.check(true)
	for _, p := range append(found.problems, found.warnings...) {
		t.Errorf("%s\n%s", p, found.excerpt(p))
	}
}

func TestAdminReferenceHasEveryCommand(t *testing.T) {
	text := read(t, "gateway/admin/README.md")
	for _, cmd := range newRoot().Commands() {
		if !regexp.MustCompile("\\| .*`" + cmd.Name() + "[ `]").MatchString(text) {
			t.Errorf("the reference has no command %s in its table", cmd.Name())
		}
	}
}

func TestAdminReferenceHasEveryCallOfTheAPI(t *testing.T) {
	text := read(t, "gateway/admin/README.md")
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(read(t, "gateway/admin/openapi.json")), &document); err != nil || len(document.Paths) == 0 {
		t.Fatalf("openapi.json has %d paths: %v", len(document.Paths), err)
	}
	for path, methods := range document.Paths {
		for method := range methods {
			call := strings.ToUpper(method) + " " + strings.TrimPrefix(path, api.Prefix)
			if method != "parameters" && !strings.Contains(text, "`"+call+"`") {
				t.Errorf("the reference has no call %s", call)
			}
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
