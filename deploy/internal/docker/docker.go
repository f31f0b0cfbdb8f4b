// Package docker runs containers for tests, by the docker command, and removes what a test has made when it ends.
//
//	image := docker.Build(t, "Containerfile", folder)
//	server := docker.Run(t, docker.Options{Image: image, Flags: []string{"--read-only"}}, "run", "-c", "/p.yaml")
//	out := server.Exec(t, "/idlegate", "version")
//	server.Signal(t, "TERM")
//	code := server.Wait(t)
//
// No image can be pulled: what a test runs is built from nothing, or comes from package debian.
package docker

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Prefix begins the name of every image that tests make.
const Prefix = "idlegate-test/"

// patience is what the engine may take for one command, on a machine that is busy otherwise.
const patience = 3 * time.Minute

// Needs skips the test where there is no Docker engine or one of the programs is not installed. Where IDLEGATE_REQUIRE_REAL is
// set they must be there.
func Needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range append([]string{"docker"}, programs...) {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, err.Error())
		}
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("no Docker engine: %v: %s", err, out))
	}
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("IDLEGATE_REQUIRE_REAL") != "" {
		t.Fatalf("IDLEGATE_REQUIRE_REAL is set: %s", why)
	}
	t.Skip(why)
}

// Build builds an image of the files in folder by the instructions in containerfile, with further flags of docker build, and
// returns its id. The image is removed when the test ends. It is built without the cache, which gives two tests that build the same at
// one time the same image: the end of one would take it away from the other.
func Build(t testing.TB, containerfile, folder string, flags ...string) string {
	t.Helper()
	args := append([]string{"build", "--quiet", "--no-cache", "--file", containerfile}, flags...)
	id := Command(t, append(args, folder)...)
	t.Cleanup(func() { remove("image", "rm", "--force", id) })
	return id
}

// Network makes a network that only its own containers reach, and returns its name. It is removed when the test ends.
func Network(t testing.TB) string {
	t.Helper()
	name := "idlegate-" + strings.ToLower(strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())) + "-" + strings.ToLower(rand.Text()[:8])
	Command(t, "network", "create", "--internal", name)
	t.Cleanup(func() { remove("network", "rm", name) })
	return name
}

// Command runs the docker command to its end and returns what it printed, without the last line's end. The test fails if it does.
func Command(t testing.TB, args ...string) string {
	t.Helper()
	out, err := Try(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Try runs the docker command to its end and returns what it printed, without the last line's end. The error of a command
// that failed holds what it said.
func Try(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0") // the builder that every engine has
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("docker %q: %w\n%s%s", args, err, stdout.String(), stderr.String())
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// remove runs a command that clears away. The context of a test has ended by then.
func remove(args ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = exec.CommandContext(ctx, "docker", args...).Run() // what is left is the engine's to tell
}

// logs is what a container has written, also after the test's end.
func logs(id string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "docker", "logs", id).CombinedOutput()
	return string(out)
}
