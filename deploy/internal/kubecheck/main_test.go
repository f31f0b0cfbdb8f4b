package kubecheck

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	root       = "../../.." // of the repository
	kubernetes = root + "/deploy/kubernetes"
	chart      = root + "/deploy/helm/idlegate"
)

// idlegate is the gateway's binary.
var idlegate string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kubecheck")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	idlegate = filepath.Join(dir, "idlegate")
	build := exec.Command("go", "build", "-trimpath", "-o", idlegate, "./cmd/idlegate")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build idlegate: %v: %s\n", err, out)
		return 1
	}
	// Helm looks for settings of the user's.
	for _, name := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS"} {
		if err := os.Setenv(name, filepath.Join(dir, name)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}
