package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/docker"
)

// commands are the lines of the blocks of sh in a page; a line that ends in a backslash goes on.
func commands(t *testing.T, page string) (lines []string) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(read(t, page), -1) {
		text := strings.ReplaceAll(strings.TrimSpace(block[1]), "\\\n", "")
		lines = append(lines, strings.Split(text, "\n")...)
	}
	return lines
}

// The page is followed in a copy of the repository: line by line, but for what publishes a port of this machine, and for the image
// of a release, which its own test loads.
func TestThePageOfTheContainerCanBeFollowed(t *testing.T) {
	docker.Needs(t)
	root := cloneHere(t)
	writePolicy(t, filepath.Join(root, "policy"))
	image := docker.Prefix + name(t) // an image that is called as on the page is somebody else's
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "--force", image, image+":arm64").Run() })
	ran := 0
	for _, line := range commands(t, "container/README.md") {
		switch {
		case strings.HasPrefix(line, "docker load "):
			continue
		case strings.HasPrefix(line, "docker build "):
			line = strings.Replace(line, " -t idlegate", " -t "+image, 1)
		case strings.HasPrefix(line, "docker run "):
			line = strings.TrimSuffix(line, " idlegate") + " " + image
			// The same, in the background, under a name, and at a port that the kernel chooses.
			line = strings.Replace(line, "docker run ", "docker run --detach --name "+name(t)+" ", 1)
			line = strings.Replace(line, "--publish 7000:7000", "--publish 127.0.0.1::7000", 1)
			line = strings.Replace(line, "nofile=262144:262144", "nofile=16384:16384", 1)
			t.Cleanup(func() { _ = exec.Command("docker", "rm", "--force", "--volumes", name(t)).Run() })
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", line)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		ran++
	}
	if ran != 5 {
		t.Errorf("%d lines were followed", ran)
	}
	gate := &docker.Container{ID: name(t)}
	healthyBy(t, gate)
	if arch := docker.Command(t, "image", "inspect", "--format", "{{.Architecture}}", image+":arm64"); arch == "" {
		t.Error("the image for arm64 is not there")
	}
}

// healthyBy asks as the engine does, sooner than it.
func healthyBy(t *testing.T, gate *docker.Container) {
	t.Helper()
	for try := 0; ; try++ {
		out, err := gate.TryExec(t, "/idlegate", "status", "--ready")
		if err == nil {
			return
		}
		if try == 100 {
			t.Fatalf("%v\n%s\n%s", err, out, gate.Logs(t))
		}
	}
}

// name is that of the container, of this test alone.
func name(t *testing.T) string {
	t.Helper()
	return "idlegate-page-" + strconv.Itoa(os.Getpid())
}

// cloneHere is a copy of what is committed.
func cloneHere(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(t.TempDir(), "idlegate")
	command(t, "git", "clone", "--quiet", "--shared", root, into)
	return into
}

// writePolicy makes a directory with a policy in it, readable for all.
func writePolicy(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(machinePolicy, "%s", "1m")
	if err := os.WriteFile(filepath.Join(folder, "idlegate.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The binary is built here, the rest is done on a machine of systemd, as root.
func TestThePageOfSystemdCanBeFollowed(t *testing.T) {
	m := bootMachine(t)
	root := cloneHere(t)
	m.Copy(t, filepath.Join(root, "deploy"), "/deploy")
	for i, line := range commands(t, "systemd/README.md") {
		if i == 0 {
			binary := built.Binary(t, runtime.GOARCH)
			m.Copy(t, binary, "/usr/bin/idlegate")
			continue
		}
		m.sh("cd / && " + line)
	}
	m.policy("1m")
	m.sh("systemctl enable --now idlegate")
	m.want("it serves", "idlegate status --ready", "ready")
	m.serves()
	m.mended()
}
