package process

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *Child {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	c, err := Start(Config{Name: "shell", Argv: []string{path, "-c", script}, Env: os.Environ(), Lines: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func line(t *testing.T, c *Child) string {
	t.Helper()
	line, err := c.Line(t.Context(), 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestConversation(t *testing.T) {
	c := shell(t, `read word; echo "heard $word"; echo ouch >&2; exit 3`)
	if err := c.Tell("that"); err != nil {
		t.Fatal(err)
	}
	if have := line(t, c); have != "heard that" {
		t.Errorf("said %q", have)
	}
	_, err := c.Line(t.Context(), 20*time.Second)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "ouch") {
		t.Errorf("its end is reported as %v", err)
	}
}

func TestLineGivesUp(t *testing.T) {
	c := shell(t, `read word`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if line, err := c.Line(ctx, time.Hour); err == nil {
		t.Errorf("said %q", line)
	}
}

func TestStopEndsAChildThatIgnoresSIGTERMAndWhatItStarted(t *testing.T) {
	c := shell(t, `trap "" TERM; sleep 1000 & echo ready; while :; do wait; done`)
	line(t, c)
	tree, err := TreeOf(c.PID())
	if err != nil || len(tree) != 2 {
		t.Fatalf("tree %v, %v", tree, err)
	}
	c.Stop()
	for _, pid := range tree {
		for syscall.Kill(pid, 0) == nil && !zombie(t, pid) { // until init has seen to an orphan
			if t.Context().Err() != nil {
				t.Fatal(t.Context().Err())
			}
		}
	}
}

// zombie reports whether a process has ended and only its parent does not know yet.
func zombie(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestTreeIncludesGrandchildren(t *testing.T) {
	c := shell(t, `sh -c 'echo $$; exec sleep 1000' & wait`)
	grandchild := line(t, c)
	tree, err := TreeOf(c.PID())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(tree, func(pid int) bool { return strconv.Itoa(pid) == grandchild }) {
		t.Errorf("%v lacks %s", tree, grandchild)
	}
}

func TestCPUCountsWhatWasUsed(t *testing.T) {
	self := Tree{os.Getpid()}
	before, err := self.CPU()
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
		continue
	}
	after, err := self.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if used := after - before; used <= 0 || used > 10*time.Second {
		t.Errorf("20 ms of spinning used %v", used)
	}
}

func TestPSSGrowsWithMemory(t *testing.T) {
	self := Tree{os.Getpid()}
	before, err := self.PSS()
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	memory := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		memory[i] = 1
	}
	after, err := self.PSS()
	if err != nil {
		t.Fatal(err)
	}
	if grown := after - before; grown < size/2 {
		t.Errorf("grew by %d bytes with %d more", grown, len(memory))
	}
}

func TestParseStat(t *testing.T) {
	pid, parent, err := parseStat([]byte("12 (a (strange) name) S 7 12 12 0"))
	if pid != 12 || parent != 7 || err != nil {
		t.Errorf("%d, %d, %v", pid, parent, err)
	}
	for _, bad := range []string{"", "12", "12 (x)", "y (x) S 7", "12 (x) S y"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
