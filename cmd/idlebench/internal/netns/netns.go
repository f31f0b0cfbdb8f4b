// Package netns gives a command a network of its own, in which there is nothing but a loopback device.
//
//	for _, attr := range netns.Ways() {            // outside
//		cmd := exec.Command(self, "inside")
//		cmd.SysProcAttr = attr
//		if cmd.Start() == nil { ... }
//	}
//	err := netns.SetUp("reno")                      // in the command, first
//
// What the machine is set to (congestion control, buffers, packet filters) then has no say in what is measured, and what
// others do on its loopback device does not either.
package netns

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// congestionFile belongs to the network namespace of the process that opens it (net/sysctl_net.c).
const congestionFile = "/proc/sys/net/ipv4/tcp_congestion_control"

// Ways returns the attributes with which a command may get a network namespace, the plainest first. The system may allow
// none of them.
func Ways() []*syscall.SysProcAttr {
	plain := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGTERM}
	uid, gid := os.Getuid(), os.Getgid()
	// Without the privilege a user namespace gives it. The user stays who he is there: as root, nginx would become another.
	unprivileged := &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN},
		Pdeathsig:   syscall.SIGTERM,
	}
	return []*syscall.SysProcAttr{plain, unprivileged}
}

// SetUp starts the loopback device of a new namespace and chooses its congestion control.
func SetUp(congestion string) error {
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("start the loopback device: %w", err)
	}
	return os.WriteFile(congestionFile, []byte(congestion), 0)
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	device, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, device); err != nil {
		return err
	}
	device.SetUint16(device.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, device)
}

// CongestionControl returns the one that new sockets get, or nothing where it cannot be read.
func CongestionControl() string {
	name, err := os.ReadFile(congestionFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
