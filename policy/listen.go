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

// checkClaims reports every address that an earlier claim makes impossible.
func (r *reader) checkClaims() {
	rivals := map[string][]claim{} // those with the same port or path
	for _, mine := range r.claims {
		key := mine.address.Path
		if !mine.address.IsUnix() {
			key = strconv.Itoa(int(mine.address.Port))
		}
		for _, first := range rivals[key] {
			if mine.address.overlaps(first.address) {
				mine.refuse(first)
				break
			}
		}
		rivals[key] = append(rivals[key], mine)
	}
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
