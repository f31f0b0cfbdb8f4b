package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"idlegate/deploy/internal/debian"
	"idlegate/deploy/internal/docker"
)

// makeRelease makes a release of what is committed and returns its directory.
func makeRelease(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "dist")
	cmd := exec.CommandContext(t.Context(), "go", "run", "-C", "release", ".", "-source", root, "-out", out)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return out
}

// made returns the one file of a release that a pattern matches.
func made(t *testing.T, dist, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s are %q, %v", pattern, found, err)
	}
	return found[0]
}

// A release takes minutes where nothing is built yet, so all tests of it share one.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the gateway for each architecture")
	}
	command(t, "go", "-C", "release", "vet", "./...")
	command(t, "go", "-C", "release", "test", "./...") // it is a module of its own
	dist := makeRelease(t)
	t.Run("is the same bytes from the same commit", func(t *testing.T) {
		one, again := read(t, filepath.Join(dist, "SHA256SUMS")), read(t, filepath.Join(makeRelease(t), "SHA256SUMS"))
		if one != again {
			t.Errorf("first\n%sthen\n%s", one, again)
		}
		sums := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
		sums.Dir = dist
		if out, err := sums.CombinedOutput(); err != nil || strings.Count(string(out), ": OK\n") != 12 {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("bill of materials has each module of the binary", func(t *testing.T) { billOfMaterials(t, dist) })
	t.Run("image is that of the container file", func(t *testing.T) { releasedImage(t, dist) })
	t.Run("packages are read by rpm and lintian", func(t *testing.T) { readPackages(t, dist) })
	t.Run("deb lives on a machine of systemd", func(t *testing.T) { liveOnAMachine(t, made(t, dist, "idlegate_*_amd64.deb")) })
}

// What docker load reads must be configured as what docker build makes.
func releasedImage(t *testing.T, dist string) {
	docker.Needs(t)
	out := docker.Command(t, "load", "--input", made(t, dist, "*-linux-amd64-image.tar"))
	_, tag, found := strings.Cut(strings.TrimSpace(out), "Loaded image: ")
	if !found {
		t.Fatalf("docker load: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "--force", tag).Run() })
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(dist, "linux/amd64"))); err != nil {
		t.Fatal(err)
	}
	local := docker.Build(t, "container/Containerfile", folder, "--build-arg", "TARGETPLATFORM=.")
	for _, what := range []string{"User", "Entrypoint", "Cmd", "StopSignal", "Healthcheck"} {
		format := "{{json .Config." + what + "}}"
		released, built := docker.Command(t, "image", "inspect", "--format", format, tag), docker.Command(t, "image", "inspect", "--format", format, local)
		if released != built {
			t.Errorf("%s is %s in the release and %s by the container file", what, released, built)
		}
	}
	version := docker.Command(t, "run", "--rm", "--network", "none", tag, "version")
	if commit := command(t, "git", "rev-parse", "--short=12", "HEAD"); !strings.Contains(version, strings.TrimSpace(commit)) && !strings.Contains(version, " v") {
		t.Errorf("%q says neither a version nor the commit %s", version, commit)
	}
}

func readPackages(t *testing.T, dist string) {
	host := docker.Run(t, docker.Options{Image: debian.Host(t), Flags: []string{"--network", "none"}}, "sleep", "infinity")
	for _, arch := range []struct{ debian, rpm string }{{"amd64", "x86_64"}, {"arm64", "aarch64"}} {
		host.Copy(t, made(t, dist, "idlegate-*."+arch.rpm+".rpm"), "/"+arch.rpm+".rpm")
		header := host.Exec(t, "rpm", "-qip", "/"+arch.rpm+".rpm")
		for _, want := range []string{"Name        : idlegate", "Architecture: " + arch.rpm, "License     : Apache-2.0"} {
			if !strings.Contains(header, want) {
				t.Errorf("%s: %q is not in\n%s", arch.rpm, want, header)
			}
		}
		files := strings.Split(host.Exec(t, "rpm", "-qlp", "/"+arch.rpm+".rpm"), "\n")
		for _, want := range []string{"/usr/bin/idlegate", "/usr/lib/systemd/system/idlegate.service", "/usr/share/man/man1/idlegate-run.1.gz"} {
			if !slices.Contains(files, want) {
				t.Errorf("%s: %s is not among %q", arch.rpm, want, files)
			}
		}
		host.Exec(t, "rpm", "--checksig", "--nosignature", "/"+arch.rpm+".rpm")
	}
	host.Copy(t, made(t, dist, "idlegate_*_amd64.deb"), "/idlegate.deb")
	if out, err := host.TryExec(t, "lintian", "--allow-root", "--fail-on", "error,warning", "/idlegate.deb"); err != nil {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
