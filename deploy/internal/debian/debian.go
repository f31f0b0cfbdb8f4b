// Package debian gives tests images of Debian, made of the packages that this machine's own apt would install.
//
//	host := docker.Run(t, docker.Options{Image: debian.Host(t), Flags: debian.Systemd()}, "/lib/systemd/systemd")
//	image := debian.Image(t, "haproxy")
//
// An image is made once on a machine, in about half a minute, and kept in Docker's store for each test that asks for the same
// packages. It is of the machine's own release, and has apt in it.
package debian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"idlegate/deploy/internal/docker"
)

// recipe is part of an image's name. Another way to make images needs another number.
const recipe = "1"

// What making an image may take. A mirror does not answer now and then, so it is tried more than once.
const (
	patience = 10 * time.Minute
	tries    = 3
)

// Image is the name of an image with these packages and all that they depend on, but not what they recommend. It skips the
// test where mmdebstrap or a Docker engine is missing.
func Image(t testing.TB, packages ...string) string {
	t.Helper()
	docker.Needs(t, "mmdebstrap", "apt-get")
	packages = slices.Compact(slices.Sorted(slices.Values(packages)))
	codename := release(t)
	sum := sha256.Sum256([]byte(strings.Join(append([]string{recipe, codename}, packages...), "\n")))
	name := docker.Prefix + "debian:" + codename + "-" + hex.EncodeToString(sum[:8])
	unlock := lock(t, name)
	defer unlock()
	if _, err := docker.Try(t, "image", "inspect", name); err != nil {
		build(t, name, codename, packages)
	}
	return name
}

// Host is the name of an image of a machine that systemd runs, with what reads packages.
func Host(t testing.TB) string {
	t.Helper()
	return Image(t, "systemd", "dbus", "socat", "man-db", "logrotate", "rpm", "lintian")
}

// Systemd are the flags of docker run with which systemd is process 1 of a container. It may mount and make control groups,
// so the container is for tests alone.
func Systemd() []string {
	return []string{
		"--env", "container=docker", "--stop-signal", "SIGRTMIN+3",
		"--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--tmpfs", "/run:exec", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec",
		"--volume", "/sys/fs/cgroup:/sys/fs/cgroup:ro",
	}
}

// lock keeps other tests, also those of other processes, from making the same image meanwhile.
func lock(t testing.TB, name string) (unlock func()) {
	t.Helper()
	path := filepath.Join(os.TempDir(), strings.NewReplacer("/", "-", ":", "-").Replace(name)+".lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("lock %s: %v", path, err)
	}
	return func() { _ = file.Close() } // the lock ends with it
}

// build makes the image from the sources of this machine's apt.
func build(t testing.TB, name, codename string, packages []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	archive := filepath.Join(t.TempDir(), "root.tar")
	for try := 1; ; try++ {
		cmd := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--variant=apt", "--dpkgopt=force-unsafe-io",
			"--include="+strings.Join(packages, ","), codename, archive, "-")
		cmd.Stdin = strings.NewReader(sources(t, codename))
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if try == tries || ctx.Err() != nil {
			t.Fatalf("mmdebstrap: %v\n%s", err, out)
		}
		t.Logf("mmdebstrap, try %d of %d: %v\n%s", try, tries, err, out)
	}
	docker.Command(t, "import", archive, name)
}

var codenameLine = regexp.MustCompile(`(?m)^VERSION_CODENAME=(\w+)$`)

// release is the name of this machine's release of Debian.
func release(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		t.Fatal(err)
	}
	found := codenameLine.FindSubmatch(data)
	if found == nil {
		t.Fatal("/etc/os-release names no release")
	}
	return string(found[1])
}

// sources are the lines of a sources.list for the machine's own release, however apt has been told of them.
func sources(t testing.TB, codename string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI) $(COMPONENT)", "Created-By: Packages")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("apt-get indextargets: %v", err)
	}
	var list bytes.Buffer
	for line := range strings.Lines(string(out)) {
		suite, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if suite == codename || strings.HasPrefix(suite, codename+"-") {
			uri, component, _ := strings.Cut(rest, " ")
			fmt.Fprintf(&list, "deb %s %s %s\n", uri, suite, component)
		}
	}
	if list.Len() == 0 {
		t.Fatalf("apt has no source for %s", codename)
	}
	return list.String()
}
