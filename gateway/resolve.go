package gateway

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"idlegate/gateway/internal/names"
	"idlegate/gateway/internal/reactor"
	"idlegate/policy"
)

// resolver turns the operator's addresses into the kernel's where somebody waits for them: what is listened at.
type resolver struct {
	lookup names.Lookup
	given  *reactor.Given // sockets that are bound already
}

var system = resolver{lookup: names.System}

// within returns r with look-ups that end when ctx does.
func (r resolver) within(ctx context.Context) resolver {
	lookup := r.lookup
	r.lookup = func(own context.Context, host string) ([]netip.Addr, error) {
		own, cancel := context.WithCancel(own)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return lookup(own, host)
	}
	return r
}

// lookupTimeout leaves time for a name server or two that are silent.
const lookupTimeout = 5 * time.Second

// host returns the address of a literal or those of a name, IPv4 before IPv6. There is at least one.
func (r resolver) host(host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	return r.lookup(ctx, host)
}

// addresses returns what a stands for, what is to be preferred first. There is at least one.
func (r resolver) addresses(a policy.Address) ([]reactor.Address, error) {
	if a.Path != "" {
		address, err := reactor.Unix(a.Path)
		return []reactor.Address{address}, err
	}
	found, err := r.host(a.Host)
	if err != nil {
		return nil, err
	}
	var all []reactor.Address
	for _, ip := range found {
		all = append(all, reactor.TCP(netip.AddrPortFrom(ip, a.Port)))
	}
	return all, nil
}

// listen binds a. Without a host that is every address of both families, or of IPv4 where there is no IPv6.
func (r resolver) listen(a policy.Address, o reactor.Options) (*reactor.Listener, error) {
	if a.Path == "" && a.Host == "" {
		l, err := r.listenAt(reactor.TCP(netip.AddrPortFrom(netip.IPv6Unspecified(), a.Port)), true, o)
		if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) {
			return r.listenAt(reactor.TCP(netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port)), false, o)
		}
		return l, err
	}
	addresses, err := r.addresses(a)
	if err != nil {
		return nil, err
	}
	return r.listenAt(addresses[0], false, o)
}

// listenAt listens at the socket that was given for a, else at a new one.
func (r resolver) listenAt(a reactor.Address, anyFamily bool, o reactor.Options) (*reactor.Listener, error) {
	if l, known, err := r.given.Listen(a, anyFamily, o); known {
		return l, err
	}
	return reactor.Listen(a, anyFamily, o)
}
