package names

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// eachServer is how long one name server has for an answer until the next is asked. /etc/resolv.conf says 5 s where it says
// nothing, and by then the caller has given up.
const eachServer = time.Second

// System looks a name up as the system's files say: /etc/hosts, then the name servers of /etc/resolv.conf one after the
// other. It returns IPv4 before IPv6, and at least one address, or an error.
func System(ctx context.Context, host string) ([]netip.Addr, error) {
	return lookup(ctx, host, (&net.Dialer{}).DialContext)
}

// dial connects to a name server.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

func lookup(ctx context.Context, host string, to dial) ([]netip.Addr, error) {
	found, err := resolver(to).LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	for i, ip := range found {
		found[i] = ip.Unmap()
	}
	slices.SortStableFunc(found, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	if len(found) == 0 {
		return nil, fmt.Errorf("look up %s: no address", host)
	}
	return found, nil
}

// resolver is Go's own with name servers that must answer soon.
func resolver(to dial) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := to(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if packets, ok := conn.(*net.UDPConn); ok {
			return hurriedPackets{packets}, nil
		}
		return hurried{conn}, nil
	}}
}

// hurried is a connection to a name server on which nothing may take longer than eachServer.
type hurried struct{ net.Conn }

func (h hurried) SetDeadline(t time.Time) error { return h.Conn.SetDeadline(sooner(t)) }

// hurriedPackets is the same. That it is a net.PacketConn says that no lengths go before its messages.
type hurriedPackets struct{ *net.UDPConn }

func (h hurriedPackets) SetDeadline(t time.Time) error { return h.UDPConn.SetDeadline(sooner(t)) }

func sooner(t time.Time) time.Time {
	if soon := time.Now().Add(eachServer); t.IsZero() || soon.Before(t) {
		return soon
	}
	return t
}
