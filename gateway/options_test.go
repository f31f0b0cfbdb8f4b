package gateway_test

import (
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// TestBothSocketsOfAConnectionThatLastsAreWatchedByTheKernel expects the options that find out about a peer that is gone,
// on the client's socket at once and on the upstream's when the connection has lasted a while.
func TestBothSocketsOfAConnectionThatLastsAreWatchedByTheKernel(t *testing.T) {
	server := backend(t, echoes)
	g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes:
  - name: r
    listen: "127.0.0.1:0"
    tcp: {keepalive: {idle: 77s, interval: 11s, count: 3}, user_timeout: 88s}
    protocol: raw
    upstream: backend
    policy: {long: {}}`, server)
	client := g.dial("r")
	client.echo("x")
	const idle, interval, count, userTimeout = 4, 5, 6, 18 // TCP_KEEPIDLE and so on, of linux/tcp.h
	want := map[int]int{idle: 77, interval: 11, count: 3, userTimeout: 88_000}
	for what, peer := range map[string]string{"client": client.LocalAddr().String(), "upstream": server} {
		eventually(t, what+"'s socket has the options", func() bool {
			fd := socketTo(t, peer)
			if on, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE); err != nil || on != 1 {
				return false
			}
			for option, value := range want {
				if got, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, option); err != nil || got != value {
					return false
				}
			}
			return true
		})
	}
}

// socketTo returns the descriptor of this process that is connected to address.
func socketTo(t *testing.T, address string) int {
	t.Helper()
	want := netip.MustParseAddrPort(address)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		fd, _ := strconv.Atoi(entry.Name())
		peer, err := syscall.Getpeername(fd)
		if in4, ok := peer.(*syscall.SockaddrInet4); err == nil && ok && in4.Addr == want.Addr().As4() && in4.Port == int(want.Port()) {
			return fd
		}
	}
	t.Fatalf("no socket is connected to %s", address)
	return -1
}
