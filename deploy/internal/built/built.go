// Package built gives tests the gateway as it is released: the static binary, and the container image with nothing else in it.
//
//	image := built.Image(t)
//	docker.Run(t, docker.Options{Image: image, Flags: []string{"--volume", folder + ":/etc/idlegate:ro"}})
package built

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"idlegate/deploy/internal/docker"
)

// Binary builds the gateway for Linux on arch, "amd64" or "arm64", as make build does, and returns its path.
func Binary(t testing.TB, arch string) string {
	t.Helper()
	return binary(t, t.TempDir(), arch)
}

// Image builds the container image from deploy/container/Containerfile for the machine's own architecture, and returns its id.
// It is removed when the test ends.
func Image(t testing.TB) string {
	t.Helper()
	docker.Needs(t)
	folder := t.TempDir()
	platform := "linux/" + runtime.GOARCH
	binary(t, filepath.Join(folder, platform), runtime.GOARCH)
	containerfile := filepath.Join(Root(t), "deploy", "container", "Containerfile")
	return docker.Build(t, containerfile, folder, "--build-arg", "TARGETPLATFORM="+platform)
}

// Root is the folder of the module.
func Root(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "idlegate").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func binary(t testing.TB, folder, arch string) string {
	t.Helper()
	path := filepath.Join(folder, "idlegate")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, "./cmd/idlegate")
	cmd.Dir = Root(t)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}
