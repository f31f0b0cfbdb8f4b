package debian_test

import (
	"strings"
	"sync"
	"testing"

	"idlegate/deploy/internal/debian"
	"idlegate/deploy/internal/docker"
)

func TestImageHasTheMachinesReleaseAndThePackages(t *testing.T) {
	host := docker.Run(t, docker.Options{Image: debian.Host(t)}, "sleep", "infinity")
	if out := host.Shell(t, "dpkg-query --show --showformat='${Package} ${Status}\n' systemd dbus"); strings.Count(out, "install ok installed") != 2 {
		t.Error(out)
	}
}

func TestImageIsMadeOnceForAllWhoAskAtTheSameTime(t *testing.T) {
	names := make([]string, 3)
	var group sync.WaitGroup
	for i := range names {
		group.Go(func() { names[i] = debian.Host(t) })
	}
	group.Wait()
	ids := map[string]bool{}
	for _, name := range names {
		ids[docker.Command(t, "image", "inspect", "--format", "{{.Id}}", name)] = true
	}
	if len(ids) != 1 || names[0] != debian.Host(t) {
		t.Errorf("%v are %v", names, ids)
	}
}

func TestSystemdIsProcessOne(t *testing.T) {
	host := docker.Run(t, docker.Options{Image: debian.Host(t), Flags: debian.Systemd()}, "/lib/systemd/systemd")
	host.Eventually(t, "systemctl is-system-running | grep -qx running")
	if first := host.Exec(t, "cat", "/proc/1/comm"); first != "systemd" {
		t.Errorf("process 1 is %s", first)
	}
}
