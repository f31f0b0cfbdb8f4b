//go:build linux

package reactor

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Address is a socket address in the kernel's own form, made once and used for every connect.
type Address struct {
	family int
	raw    []byte
	text   string
	ip     netip.AddrPort // invalid for a unix socket
}

// String returns host:port or unix:/path.
func (a Address) String() string { return a.text }

// IP returns the IP and port; invalid for a unix socket.
func (a Address) IP() netip.AddrPort { return a.ip }

// Path returns the path of a unix socket.
func (a Address) Path() string { return strings.TrimPrefix(a.text, "unix:") }

// IsUnix reports whether it is the path of a unix socket.
func (a Address) IsUnix() bool { return a.family == unix.AF_UNIX }

// SameFamily reports whether both are IPv4, IPv6 or unix sockets.
func (a Address) SameFamily(b Address) bool { return a.family == b.family }

// TCP returns the address of an IP and port.
func TCP(ap netip.AddrPort) Address {
	ip := ap.Addr().Unmap()
	if ip.Is4() {
		raw := make([]byte, unix.SizeofSockaddrInet4)
		binary.NativeEndian.PutUint16(raw, unix.AF_INET)
		binary.BigEndian.PutUint16(raw[2:], ap.Port())
		copy(raw[4:], ip.AsSlice())
		v4 := netip.AddrPortFrom(ip, ap.Port())
		return Address{unix.AF_INET, raw, v4.String(), v4}
	}
	raw := make([]byte, unix.SizeofSockaddrInet6)
	binary.NativeEndian.PutUint16(raw, unix.AF_INET6)
	binary.BigEndian.PutUint16(raw[2:], ap.Port())
	copy(raw[8:], ip.AsSlice())
	return Address{unix.AF_INET6, raw, ap.String(), ap}
}

// Unix returns the address of a unix socket. The kernel takes paths of at most 107 bytes; the error says so
// of another.
func Unix(path string) (Address, error) {
	if len(path) == 0 || len(path) > 107 {
		return Address{}, fmt.Errorf("unix:%s: the path of a unix socket has 1 to 107 bytes", path)
	}
	raw := make([]byte, 2+len(path)+1)
	binary.NativeEndian.PutUint16(raw, unix.AF_UNIX)
	copy(raw[2:], path)
	return Address{unix.AF_UNIX, raw, "unix:" + path, netip.AddrPort{}}, nil
}

// source returns the IP and port in an address of the kernel's, of n bytes; invalid for unix sockets.
func source(raw *unix.RawSockaddrInet6, n uint32) netip.AddrPort {
	b := (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(raw))[:]
	switch {
	case n == unix.SizeofSockaddrInet4 && raw.Family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), binary.BigEndian.Uint16(b[2:]))
	case n == unix.SizeofSockaddrInet6 && raw.Family == unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(raw.Addr).Unmap(), binary.BigEndian.Uint16(b[2:]))
	}
	return netip.AddrPort{}
}
