package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// built is the gateway for one architecture, and where what is made of it goes.
type built struct {
	source, out string // absolute
	arch        string
	binary      string
	info        *buildinfo.BuildInfo
	time        time.Time // of the commit; what is dated is dated so
	staged      string    // the files of a package, below their places; set by stage
}

// checkOut clones the commit that source is at into an empty directory: what is not committed is in no release, and the Go
// toolchain stamps the commit of a repository of its own alone, not that of a linked work tree.
func checkOut(source, into string) error {
	if said, err := exec.Command("git", "clone", "--quiet", "--shared", source, into).CombinedOutput(); err != nil {
		return fmt.Errorf("clone %s: %w\n%s", source, err, said)
	}
	changed, err := exec.Command("git", "-C", source, "status", "--porcelain").Output()
	if err == nil && len(changed) > 0 {
		fmt.Fprintln(os.Stderr, "release: what is not committed is not in it")
	}
	return err
}

// compile builds the static binary out/linux/ARCH/idlegate. The Go toolchain stamps version and commit into it.
func compile(source, out, arch string) (*built, error) {
	source, err := filepath.Abs(source)
	if err != nil {
		return nil, err
	}
	if out, err = filepath.Abs(out); err != nil {
		return nil, err
	}
	b := &built{source: source, out: out, arch: arch, binary: filepath.Join(out, "linux", arch, "idlegate")}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-o", b.binary, "./cmd/idlegate")
	cmd.Dir = source
	// What the environment says of architectures or flags is not for releases.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOWORK=off")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build for %s: %w\n%s", arch, err, said)
	}
	if b.info, err = buildinfo.ReadFile(b.binary); err != nil {
		return nil, err
	}
	if b.time, err = time.Parse(time.RFC3339, b.setting("vcs.time")); err != nil {
		return nil, errors.New("the binary has no commit: releases are built from a git repository")
	}
	return b, nil
}

// setting is one of those that the binary was built with.
func (b *built) setting(key string) string {
	for _, s := range b.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// version is that of the binary, without the v: of a tag, or 0.0.0-TIME-COMMIT.
func (b *built) version() string {
	version := strings.TrimPrefix(b.info.Main.Version, "v")
	if version == "" || version == "(devel)" {
		return "0.0.0-devel"
	}
	return version
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9.~-]+`)

// name is a file name with the version in it.
func (b *built) name(ending string) string {
	return filepath.Join(b.out, "idlegate-"+notInNames.ReplaceAllString(b.version(), ".")+"-linux-"+b.arch+ending)
}
