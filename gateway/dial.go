package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/tlsconf"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// dialer connects to endpoints of one upstream for who is not on a loop: as loops do, from the same addresses.
type dialer struct {
	cfg *policy.Upstream
	tls *tlsconf.Material // nil: it speaks none
}

// errUnresolved is why there is nowhere to connect to.
var errUnresolved = errors.New("its name has no address")

// dial does all that goes before the first byte of a client.
func (d dialer) dial(ctx context.Context, e *upstream.Endpoint) (net.Conn, error) {
	conn, err := d.connect(ctx, e)
	if err == nil && d.cfg.ProxyProtocol != policy.ProxyNone {
		err = d.announce(conn)
	}
	if err == nil && d.tls != nil {
		secure := tls.Client(conn, d.tls.For(hostOf(e.Name)))
		if err = secure.HandshakeContext(ctx); err == nil {
			return secure, nil
		}
		err = fmt.Errorf("TLS handshake: %w", err)
	}
	if err != nil && conn != nil {
		conn.Close()
		return nil, err
	}
	return conn, err
}

// announce sends the PROXY header of who speaks for no client.
func (d dialer) announce(conn net.Conn) error {
	local := arrival.Passed{Version: proxyVersions[d.cfg.ProxyProtocol]}
	header, err := local.Format()
	if err == nil {
		_, err = conn.Write(header)
	}
	return err
}

func (d dialer) connect(ctx context.Context, e *upstream.Endpoint) (net.Conn, error) {
	to := e.Address()
	if to == nil {
		return nil, errUnresolved
	}
	if to.IsUnix() {
		return new(net.Dialer).DialContext(ctx, "unix", to.Path())
	}
	return d.tcp(ctx, to)
}

// tcp connects from a source that has a port left. Where none is of the endpoint's family the kernel chooses.
func (d dialer) tcp(ctx context.Context, to *reactor.Address) (net.Conn, error) {
	from := d.sources(to.IP().Addr())
	for i, ip := range from {
		plain := net.Dialer{KeepAlive: -1, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)), Control: portLater}
		conn, err := plain.DialContext(ctx, "tcp", to.String())
		if !errors.Is(err, syscall.EADDRNOTAVAIL) || i == len(from)-1 {
			return conn, err
		}
	}
	plain := net.Dialer{KeepAlive: -1}
	return plain.DialContext(ctx, "tcp", to.String())
}

// sources are the addresses of a family to connect from, in any order.
func (d dialer) sources(to netip.Addr) (all []netip.Addr) {
	for _, i := range rand.Perm(len(d.cfg.Sources)) {
		if ip := d.cfg.Sources[i]; ip.Is4() == to.Is4() {
			all = append(all, ip)
		}
	}
	return all
}

// portLater leaves the port to connect, see reactor.BindNoPort.
func portLater(_, _ string, conn syscall.RawConn) error {
	errno := syscall.Errno(0)
	if err := conn.Control(func(fd uintptr) { errno = reactor.BindNoPort(int(fd)) }); err != nil {
		return err
	}
	if errno != 0 {
		return errno
	}
	return nil
}
