package policy

import (
	"fmt"
	"net/netip"
	"slices"

	"gopkg.in/yaml.v3"
)

// maxSources is how many addresses there can be to connect from.
const maxSources = 64

// sources takes a list of addresses of this machine; it is left out of the effective file where it is empty.
func sources(to *[]netip.Addr) value {
	return value{
		read: func(c cursor) {
			c.list(func(c cursor) {
				s, ok := c.scalar()
				if !ok {
					return
				}
				ip, err := parseSource(s)
				if err == nil && slices.Contains(*to, ip) {
					err = fmt.Errorf("%s is listed twice", ip)
				}
				if err != nil {
					c.fail("%s", err)
					return
				}
				c.mark()
				*to = append(*to, ip)
			})
			c.refuseEmpty("an address of this machine, or remove the key")
			if len(*to) > maxSources {
				c.fail("has %d addresses; it can have %d", len(*to), maxSources)
			}
		},
		node: func() *yaml.Node {
			if len(*to) == 0 {
				return nil
			}
			var items []*yaml.Node
			for _, ip := range *to {
				items = append(items, scalarNode(ip.String()))
			}
			return flowList(items...)
		},
		schema: func() schema { return listOf(pattern(`^[0-9A-Fa-f.:]+$`)) },
	}
}

// parseSource reads an address of this machine, without a port.
func parseSource(s string) (netip.Addr, error) {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return netip.Addr{}, fmt.Errorf("%s has a port, which the kernel chooses; write %s", quote(s), at.Addr())
	}
	ip, err := netip.ParseAddr(s)
	switch {
	case err != nil || ip.Zone() != "":
		return ip, fmt.Errorf("%s is not an IP address of this machine, as in 10.0.1.1", quote(s))
	case ip.IsUnspecified() || ip.IsMulticast():
		return ip, fmt.Errorf("%s is no address to connect from", ip)
	}
	return ip.Unmap(), nil
}

// warnSources warns of addresses to connect from of which an endpoint has none of its family: the kernel chooses there.
func (c cursor) warnSources(u *Upstream) {
	if len(u.Sources) == 0 {
		return
	}
	for _, e := range u.Endpoints {
		ip, err := netip.ParseAddr(e.Address.Host)
		if err == nil && !slices.ContainsFunc(u.Sources, func(s netip.Addr) bool { return s.Is4() == ip.Is4() }) {
			c.child("source_addresses").warn("has no %s address: connections to %s are made from one that the kernel chooses", family(ip), e.Address)
		}
	}
}

func family(ip netip.Addr) string {
	if ip.Is4() {
		return "IPv4"
	}
	return "IPv6"
}
