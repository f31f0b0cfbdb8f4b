package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// commands work an incident from a terminal, in another window of which 'idlegate tail' runs.
type commands struct {
	*incident
	tail *output
}

// output collects what a program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (i *incident) withCommands() *commands {
	i.Helper()
	c := &commands{incident: i, tail: &output{}}
	cmd := exec.Command(i.binary, "tail", "--admin", i.admin)
	cmd.Stdout = c.tail
	if err := cmd.Start(); err != nil {
		i.Fatal(err)
	}
	i.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended with the gateway
		_ = cmd.Wait()
	})
	return c
}

// peeks runs a command as does, without a line in the test's log: what is waited for is asked often.
func (c *commands) peeks(args ...string) string {
	c.Helper()
	cmd := exec.Command(c.binary, append(args, "--admin", c.admin)...)
	said, err := cmd.CombinedOutput()
	if err != nil {
		c.Fatalf("idlegate %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

// alarms are the lines of 'idlegate status' behind the empty one. That a timer was late on a busy machine is none of the incident's.
func (c *commands) alarms() (all []string) {
	c.Helper()
	_, wrong, _ := strings.Cut(c.peeks("status"), "\n\n")
	for line := range strings.Lines(wrong) {
		if !strings.Contains(line, "was acted on") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

func (c *commands) sees(parts ...string) {
	c.Helper()
	c.until("status says "+strings.Join(parts, ", "), func() bool {
		for _, line := range c.alarms() {
			if strings.HasPrefix(line, "error for ") && containsAll(line, parts) {
				return true
			}
		}
		return false
	})
	_, stderr := c.tries(1, "status", "--strict")
	c.says(stderr, `^idlegate: something is wrong: \d+ alarms?\n$`)
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func (c *commands) allClear() {
	c.Helper()
	c.until("status says that nothing is wrong", func() bool {
		all := c.alarms()
		return len(all) == 0 || len(all) == 1 && all[0] == "nothing is wrong"
	})
}

func (c *commands) finds(reason string, n int) {
	c.Helper()
	c.until(fmt.Sprintf("%d have ended with %s", n, reason), func() bool {
		text := c.peeks("ended", "--reason", reason, "--limit", "100")
		return strings.Count(text, reason) == n
	})
	c.until("routes counts them", func() bool {
		return regexp.MustCompile(fmt.Sprintf(`(?m)^devices .*%s %d\b`, reason, n)).MatchString(c.peeks("routes"))
	})
}

func (c *commands) findsDown(endpoint, words string) {
	c.Helper()
	c.says(c.does("upstreams"), `(?m)^servers +`+endpoint+` .*down.*`+words)
}

func (c *commands) planRefused(policy, words string) {
	c.Helper()
	c.writeBeside("mistaken.yaml", policy)
	_, stderr := c.tries(1, "plan", "mistaken.yaml")
	c.says(stderr, `^mistaken\.yaml:13:12: .*`+regexp.QuoteMeta(words), `the file would be refused`)
}

// writeBeside writes a file beside the policy file.
func (c *commands) writeBeside(name, text string) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *commands) plan(policy string) int {
	c.Helper()
	c.writeBeside("next.yaml", policy)
	said := c.does("plan", "next.yaml")
	found := regexp.MustCompile(`as things stand it would end (\d+) connections at once`).FindStringSubmatch(said)
	if found == nil {
		c.Fatalf("the plan ends none at once:\n%s", said)
	}
	n, _ := strconv.Atoi(found[1])
	c.says(said, `policies\.patient\.long\.idle_timeout: 10m -> 10s`, `gateway\.max_connections: \d+ -> \d+`, fmt.Sprintf(`idle_timeout %d`, n))
	return n
}

func (c *commands) reloadRefused(words string) {
	c.Helper()
	_, stderr := c.tries(1, "reload")
	c.says(stderr, `idlegate\.yaml:13:12: .*`+regexp.QuoteMeta(words))
}

func (c *commands) reload() {
	c.Helper()
	c.says(c.does("reload"), `policies\.patient\.long\.idle_timeout: 10m -> 10s`)
}

func (c *commands) hears(kind string, parts ...string) {
	c.Helper()
	c.until("tail reports it", func() bool {
		for line := range strings.Lines(c.tail.String()) {
			if strings.Contains(line, " "+kind) && containsAll(line, parts) {
				return true
			}
		}
		return false
	})
}

func (c *commands) saysWhyItEnded(id uint64, endpoint string) {
	c.Helper()
	c.says(c.does("explain", strconv.FormatUint(id, 10)), `upstream_reset`, regexp.QuoteMeta(endpoint))
}
