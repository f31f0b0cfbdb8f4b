package gateway_test

import (
	"os"
	"os/exec"
	"testing"
)

// needs skips a test on a machine without the programs that it runs. Where IDLEGATE_REQUIRE_REAL is set they must be there.
func needs(t *testing.T, programs ...string) {
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

// command runs a program to its end and returns what it wrote. The test fails if it does.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, output)
	}
	return string(output)
}
