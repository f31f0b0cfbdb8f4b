package api

import (
	"fmt"
	"net/netip"
	"strings"
)

// Unix is the Client of a connection over a unix socket, which has no address.
const Unix = "unix"

// Clients are those at one address, at one address and port, in one network, or on unix sockets.
type Clients struct {
	unix    bool
	network netip.Prefix // of one address unless it was written with a length
	zone    string       // "": any
	hasPort bool
	port    uint16
}

// ParseClients reads 10.0.0.7, 10.0.0.7:4711, [2001:db8::7]:4711, 10.0.0.0/8 or unix. It returns an error for all else, also for a
// network in which bits beyond its length are set: that may be a slip, and the network is larger than it looks.
func ParseClients(s string) (Clients, error) {
	if s == Unix {
		return Clients{unix: true}, nil
	}
	if network, err := netip.ParsePrefix(s); err == nil {
		if network != network.Masked() {
			return Clients{}, fmt.Errorf("%q is no network: that which has it is %s", s, network.Masked())
		}
		return Clients{network: network}, nil
	}
	if one, err := netip.ParseAddrPort(s); err == nil {
		c := clientsAt(one.Addr())
		c.hasPort, c.port = true, one.Port()
		return c, nil
	}
	bare := s
	if inner, ok := strings.CutPrefix(s, "["); ok {
		bare = strings.TrimSuffix(inner, "]")
	}
	one, err := netip.ParseAddr(bare)
	if err != nil {
		return Clients{}, fmt.Errorf("%q is no address: write one, with or without a port, or a network as in 10.0.0.0/8, or %s", s, Unix)
	}
	return clientsAt(one), nil
}

func clientsAt(a netip.Addr) Clients {
	a, zone := a.Unmap().WithZone(""), a.Zone()
	return Clients{network: netip.PrefixFrom(a, a.BitLen()), zone: zone}
}

// Has reports whether a client is among them; the zero address is that of one on a unix socket.
func (c Clients) Has(client netip.AddrPort) bool {
	if c.unix || !client.IsValid() {
		return c.unix && !client.IsValid()
	}
	a := client.Addr().Unmap()
	return c.network.Contains(a.WithZone("")) && (c.zone == "" || c.zone == a.Zone()) && (!c.hasPort || c.port == client.Port())
}
