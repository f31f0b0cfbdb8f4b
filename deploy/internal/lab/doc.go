// Package lab runs the gateway as operators do: as a program, between backends and clients, scraped by a real Prometheus. Tests of what
// is deployed beside the gateway use it.
//
//	Fleet ──▶ Gateway ──▶ Backend
//	             ▲
//	         Prometheus
//
// All of it is on loopback, on ports that the kernel chooses, and ends with the test. Whatever does not work fails the test that asked
// for it.
package lab

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// Needs skips a test on a machine without the programs that it runs. Where IDLEGATE_REQUIRE_REAL is set they must be there.
func Needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		_, err := exec.LookPath(program)
		switch {
		case err == nil:
		case os.Getenv("IDLEGATE_REQUIRE_REAL") != "":
			t.Fatalf("IDLEGATE_REQUIRE_REAL is set: %v", err)
		default:
			t.Skipf("needs %s, which is not installed", program)
		}
	}
}

// Command runs a program in a folder to its end and returns what it wrote.
func Command(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, output)
	}
	return string(output)
}

// patience is how long what must come may take on a machine that does much else.
const patience = 3 * time.Minute

// Until waits until something holds, and says what it waited for where it never does.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("the test ended before: %s", what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
