package policy

import (
	"fmt"
	"strconv"
)

// claim is one address that the gateway is to listen at, and who wants it.
type claim struct {
	address Address
	at      cursor
	route   *Route // nil for the admin addresses
}

// listener reads an address to listen at; it is zero where the file has none. Route is nil for the admin addresses.
func (c cursor) listener(route *Route) Address {
	var a Address
	if s := c.node.Value; isPort(s) {
		c.fail("%s is a port without an address; write \":%s\" to listen at every one, or 127.0.0.1:%s for this machine only", s, s, s)
		return a
	}
	readAddress(&a)(c)
	if !a.IsZero() {
		c.claim(a, route)
	}
	return a
}

// claim notes that c wants to listen at an address. Its route may get its name later.
func (c cursor) claim(a Address, route *Route) {
	if c.written() {
		c.mark()
	}
	c.r.claims = append(c.r.claims, claim{address: a, at: c, route: route})
}

// checkClaims reports every address that an earlier claim makes impossible, and routes that share one and cannot be told apart.
func (r *reader) checkClaims() {
	rivals := map[string][]claim{} // those with the same port or path
	sharing := map[Address][]claim{}
	var shared []Address
	for _, mine := range r.claims {
		key := mine.address.Path
		if !mine.address.IsUnix() {
			key = strconv.Itoa(int(mine.address.Port))
		}
		if first, ok := mine.rival(rivals[key]); ok {
			mine.refuse(first)
			continue
		}
		rivals[key] = append(rivals[key], mine)
		if mine.route != nil && (mine.address.IsUnix() || mine.address.Port != 0) {
			if sharing[mine.address] = append(sharing[mine.address], mine); len(sharing[mine.address]) == 2 {
				shared = append(shared, mine.address)
			}
		}
	}
	for _, a := range shared {
		r.checkSharing(sharing[a])
	}
}

// rival returns the first of the others that makes c impossible.
func (c claim) rival(others []claim) (first claim, found bool) {
	for _, other := range others {
		if c.address.overlaps(other.address) && !c.shares(other) {
			return other, true
		}
	}
	return claim{}, false
}

// shares reports whether two routes listen at the very same address, where match may tell their clients apart.
func (c claim) shares(other claim) bool {
	return c.address == other.address && c.route != nil && other.route != nil && c.route != other.route
}

// refuse reports that first has the address of c already.
func (c claim) refuse(first claim) {
	switch {
	case c.route != nil && c.route == first.route && c.address == first.address:
		c.at.fail("%s is listed twice, first on line %d", c.address, first.at.line)
	case c.address == first.address:
		c.at.fail("%s is taken by %s", c.address, first.owner())
	default:
		c.at.fail("%s overlaps %s of %s", c.address, first.address, first.owner())
	}
}

func (c claim) owner() string {
	switch {
	case c.route != nil:
		return fmt.Sprintf("route %q on line %d", c.route.Name, c.at.line)
	case !c.at.written():
		return c.at.path + " by default"
	}
	return fmt.Sprintf("%s on line %d", c.at.path, c.at.line)
}
