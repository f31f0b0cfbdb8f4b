package gateway_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

var fixMessage = regexp.MustCompile(`(?s)^8=FIX[^\x01]*\x01.*?\x0110=(\d{3})\x01`)

// fixMessages counts messages by their trailers, and checks the sum in each.
func fixMessages(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		for ; len(b) > 0; n.messages[from]++ {
			found := fixMessage.FindSubmatch(b)
			if found == nil {
				t.Fatalf("no message: %.80q", b)
			}
			message, sum := found[0], byte(0)
			for _, c := range message[:len(message)-len("10=ddd\x01")] {
				sum += c
			}
			if want := fmt.Sprintf("%03d", sum); string(found[1]) != want {
				t.Fatalf("the sum of %.80q is %s, want %s", message, found[1], want)
			}
			if bytes.Contains(message, []byte("\x0135=0\x01")) || bytes.Contains(message, []byte("\x0135=1\x01")) {
				n.heartbeats[from]++
			}
			b = b[len(message):]
		}
	}
	return n
}

// quickFIX builds the program whose ends are a FIX session on the QuickFIX of C++.
func quickFIX(t *testing.T) (program string) {
	t.Helper()
	needs(t, "g++")
	if _, err := os.Stat("/usr/include/quickfix/Session.h"); err != nil {
		if os.Getenv("IDLEGATE_REQUIRE_REAL") != "" {
			t.Fatalf("IDLEGATE_REQUIRE_REAL is set: %v", err)
		}
		t.Skip("needs libquickfix-dev, which is not installed")
	}
	program = filepath.Join(t.TempDir(), "quickfix_pair")
	// Its headers have exception specifications, which C++ 17 has not.
	command(t, "g++", "-std=c++14", "-w", "-o", program, "testdata/quickfix_pair.cpp", "-lquickfix", "-lpthread")
	return program
}

func TestQuickFIXThroughTheGateway(t *testing.T) {
	program, at := quickFIX(t), freeAddress(t)
	acceptor := exec.Command(program, "acceptor", portOf(at))
	launch(t, acceptor, listens(at))
	w, g := tapped(t, "fix", at, "")
	orders := "5"
	for range 2 {
		var sent, received, heartbeats uint64
		before := g.route("r")
		output := command(t, program, "initiator", g.port(), orders, "2")
		_, err := fmt.Sscanf(output, "%d sent, %d received, %d heartbeats received", &sent, &received, &heartbeats)
		must(t, err)
		w.agrees(t, g, fixMessages)
		after := g.route("r")
		if got := after.Messages[0] - before.Messages[0]; got != sent {
			t.Errorf("%d messages, but QuickFIX has sent %d", got, sent)
		}
		if got := after.Messages[1] - before.Messages[1]; got != received {
			t.Errorf("%d messages, but QuickFIX has received %d", got, received)
		}
		if got := after.Heartbeats[1] - before.Heartbeats[1]; got != heartbeats {
			t.Errorf("%d heartbeats, but QuickFIX has received %d", got, heartbeats)
		}
		orders = "300"
	}
	w.capture(t, "fix_quickfix", "QuickFIX, both ends: orders, reports, heartbeats", fixMessages, nil)
	t.Run("one that is silent for 2.4 times its HeartBtInt is ended", func(t *testing.T) { fixKeepsTime(t, program, at, acceptor.Process) })
}

// fixKeepsTime stops both ends, as the acceptor watches its initiator by the same rule.
func fixKeepsTime(t *testing.T, program, at string, acceptor *os.Process) {
	const want = 2400 * time.Millisecond // HeartBtInt is 1
	timely(t, want, func() *running {
		_, g := tapped(t, "fix", at, "policy: {long: {idle_timeout: {negotiated: true, otherwise: 10m}}}")
		initiator := exec.CommandContext(t.Context(), program, "initiator", g.port(), "1", "1000")
		must(t, initiator.Start())
		eventually(t, "it has sent a heartbeat", func() bool { return g.route("r").Heartbeats[0] > 0 })
		g.agreed(t, want)
		for _, end := range []*os.Process{initiator.Process, acceptor} {
			must(t, end.Signal(syscall.SIGSTOP))
		}
		g.ended("r", 1)
		must(t, acceptor.Signal(syscall.SIGCONT))
		must(t, initiator.Process.Kill())
		_ = initiator.Wait() // it was killed
		return g
	})
}
