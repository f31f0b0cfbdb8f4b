package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idlegate/gateway"
	"idlegate/policy"
)

// logged is a gateway that logs as its file says, to a file that is read here.
type logged struct {
	*running
	file, at string // the log, and the backend
}

// startLogged runs a gateway with these keys in its log section.
func startLogged(t *testing.T, keys string) logged {
	t.Helper()
	l := logged{running: &running{t: t, log: &logLines{}, done: make(chan error, 1)}, file: filepath.Join(t.TempDir(), "log"), at: backend(t, echoes)}
	l.run(gateway.Config{Policy: l.policy(keys), Version: "test"})
	return l
}

func (l logged) policy(keys string) *policy.Config {
	l.t.Helper()
	text := fmt.Sprintf("admin: {listen: \"127.0.0.1:0\"}\nlog: {file: %q%s}\n", l.file, keys) + fmt.Sprintf(alarming, 10, l.at, "")
	cfg, err := policy.Parse("test.yaml", []byte(text))
	must(l.t, err)
	return cfg
}

// write ends a connection by a FIN and one by a reset, and writes a line of each level. It returns the log up to there, by lines.
func (l logged) write() []string {
	l.t.Helper()
	ended := func(reason string) func() bool { return func() bool { return l.route("r").Closed[reason] == 1 } }
	for reason, end := range map[string]func(*client){"client_fin": (*client).finish, "client_reset": (*client).reset} {
		c := l.dial("r")
		c.echo("x")
		end(c)
		eventually(l.t, "it ends as "+reason, ended(reason))
	}
	log := l.g.Log()
	log.Debug("a detail")
	log.Info("a fact")
	log.Warn("a doubt")
	log.Error("a fault")
	text := ""
	eventually(l.t, "the last line is written", func() bool {
		data, err := os.ReadFile(l.file)
		must(l.t, err)
		text = string(data)
		return strings.Contains(text, "a fault") && strings.HasSuffix(text, "\n")
	})
	return strings.Split(strings.TrimSpace(text), "\n")
}

// has counts the lines that say what.
func has(lines []string, what string) (n int) {
	for _, line := range lines {
		if strings.Contains(line, what) {
			n++
		}
	}
	return n
}

// TestTheLogHasLinesOfItsLevelAndAbove goes through the values of log.level.
func TestTheLogHasLinesOfItsLevelAndAbove(t *testing.T) {
	levels := []struct{ key, line string }{{"debug", "a detail"}, {"info", "a fact"}, {"warn", "a doubt"}, {"error", "a fault"}}
	for i, level := range levels {
		t.Run(level.key, func(t *testing.T) {
			lines := startLogged(t, ", level: "+level.key).write()
			for j, other := range levels {
				want := 0
				if j >= i {
					want = 1
				}
				if n := has(lines, other.line); n != want {
					t.Errorf("%d lines of level %s, want %d:\n%s", n, other.key, want, strings.Join(lines, "\n"))
				}
			}
			if n := has(lines, "connection ended"); (n > 0) != (i <= 1) { // their lines are of level info
				t.Errorf("%d lines of connections", n)
			}
		})
	}
}

// TestTheLogIsTextOrJSON holds that each line is what log.format says.
func TestTheLogIsTextOrJSON(t *testing.T) {
	for _, line := range startLogged(t, ", format: json").write() {
		var record struct {
			Time, Level, Msg string
			Duration         any
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Time == "" || record.Level == "" || record.Msg == "" {
			t.Errorf("%s: %v", line, err)
		}
		if _, number := record.Duration.(float64); record.Msg == "connection ended" && !number {
			t.Errorf("its duration is no number of seconds: %s", line)
		}
	}
	for _, keys := range []string{"", ", format: text"} { // which is the default
		lines := startLogged(t, keys).write()
		for _, line := range lines {
			if !strings.HasPrefix(line, "time=") || !strings.Contains(line, " level=") || !strings.Contains(line, " msg=") {
				t.Errorf("%q: %s", keys, line)
			}
		}
		if n := has(lines, `msg="connection ended"`); n != 2 {
			t.Errorf("%q: %d lines of connections, want 2", keys, n)
		}
	}
}

// TestTheLogHasTheConnectionsThatTheFileSays goes through the values of log.connections, at the start and by an edit.
func TestTheLogHasTheConnectionsThatTheFileSays(t *testing.T) {
	for keys, want := range map[string][2]int{
		"": {1, 1}, ", connections: all": {1, 1}, ", connections: faults": {0, 1}, ", connections: none": {0, 0},
	} {
		t.Run("at the start"+keys, func(t *testing.T) { expectEnds(t, startLogged(t, keys).write(), want) })
		t.Run("by an edit"+keys, func(t *testing.T) {
			other := ", connections: none"
			if keys == other {
				other = ""
			}
			l := startLogged(t, other)
			_, err := l.g.Apply(l.policy(keys))
			must(t, err)
			expectEnds(t, l.write(), want)
		})
	}
}

// expectEnds expects that many lines of clean ends, and of resets.
func expectEnds(t *testing.T, lines []string, want [2]int) {
	t.Helper()
	if fins, resets := has(lines, "reason=client_fin"), has(lines, "reason=client_reset"); fins != want[0] || resets != want[1] {
		t.Errorf("%d lines of clean ends and %d of resets, want %v:\n%s", fins, resets, want, strings.Join(lines, "\n"))
	}
}
