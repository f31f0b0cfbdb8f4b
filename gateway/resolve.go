package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"idlegate/gateway/internal/reactor"
	"idlegate/policy"
)

// resolver turns the operator's addresses into the kernel's. Names are looked up once, when the gateway is made.
type resolver struct {
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var system = resolver{lookup: net.DefaultResolver.LookupNetIP}

const lookupTimeout = 5 * time.Second

// host returns the address of a literal or a name; of several the first, IPv4 before IPv6.
func (r resolver) host(host string) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	found, err := r.lookup(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("look up %s: %w", host, err)
	}
	for _, ip := range found {
		if ip.Unmap().Is4() {
			return ip.Unmap(), nil
		}
	}
	if len(found) == 0 {
		return netip.Addr{}, fmt.Errorf("look up %s: no address", host)
	}
	return found[0], nil
}

func (r resolver) endpoint(a policy.Address) (reactor.Address, error) {
	if a.Path != "" {
		return reactor.Unix(a.Path)
	}
	ip, err := r.host(a.Host)
	if err != nil {
		return reactor.Address{}, err
	}
	return reactor.TCP(netip.AddrPortFrom(ip, a.Port)), nil
}

// listen binds a. Without a host that is every address of both families, or of IPv4 where there is no IPv6.
func (r resolver) listen(a policy.Address, o reactor.Options) (*reactor.Listener, error) {
	if a.Path == "" && a.Host == "" {
		l, err := reactor.Listen(reactor.TCP(netip.AddrPortFrom(netip.IPv6Unspecified(), a.Port)), true, o)
		if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) {
			return reactor.Listen(reactor.TCP(netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port)), false, o)
		}
		return l, err
	}
	address, err := r.endpoint(a)
	if err != nil {
		return nil, err
	}
	return reactor.Listen(address, false, o)
}
