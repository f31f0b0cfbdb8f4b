//go:build linux

package reactor

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	ordinaryUser = "IDLEGATE_TEST_ORDINARY_USER" // set in a process that gives up its privileges
	nobody       = 65534
)

// TestPipesOfAnOrdinaryUserHaveTheSizeTheySay makes pipes, in a process without privileges, until the kernel grants no more.
func TestPipesOfAnOrdinaryUserHaveTheSizeTheySay(t *testing.T) {
	if os.Getenv(ordinaryUser) == "" {
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		command.Env = append(os.Environ(), ordinaryUser+"=1")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), "--- SKIP") {
			t.Skip(string(out))
		}
		return
	}
	becomeNobody(t)
	limit := pipePagesLimit(t)
	want := PipeSize{Most: 1 << 20, Least: 128 << 10}
	total, pages := 0, limit*os.Getpagesize()
	before := openDescriptors(t)
	for total <= pages {
		p, errno := NewPipe(want)
		if errno != 0 {
			if errno != unix.EPERM {
				t.Errorf("the error is %v", errno)
			}
			break
		}
		t.Cleanup(p.Close)
		before += 2
		size, err := unix.FcntlInt(uintptr(p.out), unix.F_GETPIPE_SZ, 0)
		if err != nil || size != p.Size() || size < want.Least {
			t.Fatalf("after %d bytes a pipe says %d and has %d, %v; want at least %d", total, p.Size(), size, err, want.Least)
		}
		total += size
	}
	if total > pages {
		t.Fatalf("pipes of %d bytes, more than the %d of an ordinary user", total, pages)
	}
	if now := openDescriptors(t); now != before {
		t.Errorf("%d descriptors, want %d: what could not be had must leave none", now, before)
	}
}

// becomeNobody gives up the privileges that let a process have any number of pipes.
func becomeNobody(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
		t.Skipf("give up privileges: %v", err)
	}
}

func pipePagesLimit(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/fs/pipe-user-pages-soft")
	if err != nil {
		t.Fatal(err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if limit == 0 || limit > 1<<15 {
		t.Skipf("ordinary users may have %d pages here", limit)
	}
	return limit
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	n := 0
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}
