package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Address is a place to listen at or to connect to: host and port, or the path of a unix socket.
// The zero Address is no address; ParseAddress never returns it without an error.
type Address struct {
	Host string // "" is every address of both families; names are allowed, IP addresses are in their shortest form
	Port uint16
	Path string // of a unix socket; then Host and Port are zero
}

// maxUnixPath is what sun_path holds beside its final zero byte (unix(7)).
const maxUnixPath = 107

// maxHost is the longest name that DNS can carry (RFC 1035, 2.3.4), written out.
const maxHost = 253

// ParseAddress reads host:port, [v6]:port, :port or unix:/path.
func ParseAddress(s string) (Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return parseUnix(path)
	}
	if strings.Contains(s, "://") {
		return Address{}, fmt.Errorf("%s is a URL; write host:port", quote(s))
	}
	host, port, err := splitHostPort(s)
	if err != nil {
		return Address{}, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Address{}, fmt.Errorf("%s must end in a port from 0 to 65535, as in %s", quote(s), example(host))
	}
	if host == "" && number == 0 {
		return Address{}, fmt.Errorf("%s needs a host beside port 0, as in 127.0.0.1:0", quote(s))
	}
	return Address{Host: host, Port: uint16(number)}, nil
}

// IsZero says that a is no address.
func (a Address) IsZero() bool { return a == Address{} }

// IsUnix says that a is the path of a unix socket.
func (a Address) IsUnix() bool { return a.Path != "" }

// IsLoopback says that only this machine can reach a: its host is localhost or a loopback address.
func (a Address) IsLoopback() bool {
	ip, err := netip.ParseAddr(a.Host)
	return a.Host == "localhost" || err == nil && ip.IsLoopback()
}

// String is the address as ParseAddress reads it, and "" for the zero Address.
func (a Address) String() string {
	switch {
	case a.IsZero():
		return ""
	case a.IsUnix():
		return "unix:" + a.Path
	case strings.Contains(a.Host, ":"):
		return "[" + a.Host + "]:" + strconv.Itoa(int(a.Port))
	}
	return a.Host + ":" + strconv.Itoa(int(a.Port))
}

// overlaps says that a listener at a leaves none possible at b, as far as can be told without resolving names.
func (a Address) overlaps(b Address) bool {
	if a.IsUnix() || b.IsUnix() {
		return a.Path == b.Path
	}
	if a.Port != b.Port || a.Port == 0 { // port 0: the kernel chooses a free one
		return false
	}
	return a.Host == b.Host || a.covers(b.Host) || b.covers(a.Host)
}

// covers says that a's host stands for every address of a family, or of both, and host is among them.
func (a Address) covers(host string) bool {
	if a.Host == "" {
		return true
	}
	all, err := netip.ParseAddr(a.Host)
	if err != nil || !all.IsUnspecified() {
		return false
	}
	one, err := netip.ParseAddr(host)
	return err == nil && one.Is4() == all.Is4()
}

func parseUnix(path string) (Address, error) {
	switch {
	case strings.HasPrefix(path, "@"):
		return Address{}, errors.New("abstract unix sockets are not supported; write unix:/path")
	case !strings.HasPrefix(path, "/"):
		return Address{}, fmt.Errorf("%s must be an absolute path, as in unix:/run/idlegate.sock", quote("unix:"+path))
	case strings.HasSuffix(path, "/"):
		return Address{}, fmt.Errorf("%s is a directory; add the name of the socket", quote("unix:"+path))
	case len(path) > maxUnixPath:
		return Address{}, fmt.Errorf("is a path of %d bytes; a unix socket can have %d", len(path), maxUnixPath)
	case !printable(path):
		return Address{}, fmt.Errorf("%s has unprintable characters", quote("unix:"+path))
	}
	return Address{Path: path}, nil
}

// splitHostPort returns the host in its shortest form.
func splitHostPort(s string) (host, port string, err error) {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		return splitBracketed(s, rest)
	}
	switch strings.Count(s, ":") {
	case 0:
		if isPort(s) {
			return "", "", fmt.Errorf("%s is a port without a host; write it as in 127.0.0.1:%s", s, s)
		}
		return "", "", fmt.Errorf("%s has no port; write host:port, as in %s", quote(s), example(s))
	case 1:
		host, port, _ = strings.Cut(s, ":")
		host, err = parseHost(host)
		return host, port, err
	}
	return "", "", fmt.Errorf("%s has too many colons; an IPv6 address stands in brackets, as in [::1]:7000", quote(s))
}

func splitBracketed(s, rest string) (host, port string, err error) {
	inside, port, ok := strings.Cut(rest, "]:")
	if !ok {
		return "", "", fmt.Errorf("%s must be [address]:port, as in [::1]:7000", quote(s))
	}
	ip, err := netip.ParseAddr(inside)
	switch {
	case err != nil || !ip.Is6():
		return "", "", fmt.Errorf("%s is no IPv6 address, and only those stand in brackets", quote(inside))
	case ip.Zone() != "":
		return "", "", fmt.Errorf("%s has a zone, which is not supported", quote(s))
	}
	return ip.Unmap().String(), port, nil
}

// isPort says that s is the number of a port and nothing else.
func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// parseHost takes an IPv4 address, a name, or nothing.
func parseHost(host string) (string, error) {
	if host == "" {
		return "", nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String(), nil
	}
	host = strings.ToLower(host)
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	for _, label := range labels {
		if !isLabel(label) || len(host) > maxHost {
			return "", fmt.Errorf("%s is neither a host name nor an IP address", quote(host))
		}
	}
	if strings.Trim(last, "0123456789") == "" { // no top-level domain is a number (RFC 3696, 2)
		return "", fmt.Errorf("%s is not an IP address", quote(host))
	}
	return host, nil
}

// isLabel allows the underscore, which service discovery puts into names.
func isLabel(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

// example is an address with the host of one that went wrong, for the message about it.
func example(host string) string {
	switch h, err := parseHost(host); {
	case err != nil || h == "":
		return "127.0.0.1:7000"
	case strings.Contains(h, ":"):
		return "[" + h + "]:7000"
	default:
		return h + ":7000"
	}
}

// parsePrefix reads a network in CIDR form, or an address, which is a network of one.
func parsePrefix(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%s is not a network, as in 10.0.0.0/8, nor an address", quote(s))
	}
	if p.Masked() != p {
		return p, fmt.Errorf("%s has bits set behind its first %d; write %s", quote(s), p.Bits(), unmapPrefix(p.Masked()))
	}
	return unmapPrefix(p), nil
}

// unmapPrefix makes an IPv4 network of one written as IPv4 mapped into IPv6.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits of ::ffff:0:0/96
	if !p.Addr().Is4In6() || p.Bits() < mapped {
		return p
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
}
