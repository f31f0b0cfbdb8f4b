package policy

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Hosts is what a machine knows of host names and addresses, and a file does not.
type Hosts struct {
	Lookup func(host string) []netip.Addr // the addresses of a name or of an address; none: not known
	Local  func(netip.Addr) bool          // is one of this machine
}

// fromFile is what can be told without asking anybody.
func fromFile() Hosts {
	return Hosts{
		Lookup: func(host string) []netip.Addr {
			if host == "localhost" {
				return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
			}
			if ip, err := netip.ParseAddr(host); err == nil {
				return []netip.Addr{ip}
			}
			return nil
		},
		Local: netip.Addr.IsLoopback,
	}
}

// Circles are the endpoints through which a connection comes back to the route that made it, directly or through other
// routes: one client would take every descriptor there is. Those at which the gateway answers its operator are among them. Parse
// reports those that show in the file alone.
func (c *Config) Circles(hosts Hosts) Problems {
	w := wiring{routes: c.Routes, admin: c.Admin.Listen, hosts: hosts, next: map[*Route][]*Route{}, listeners: map[string][]listenerOf{}}
	w.connect()
	var found Problems
	reported := map[string]bool{}
	for _, r := range c.Routes {
		if r.Upstream == nil {
			continue
		}
		for _, to := range r.Upstream.reached() {
			path := to.path
			if text := w.circle(r, to.address); text != "" && !reported[path] {
				reported[path] = true
				found = append(found, c.ProblemAt(path, text))
			}
		}
	}
	return found
}

// reached is where connections of an upstream go.
type reached struct {
	address Address
	path    string
}

// reached are the endpoints of u; a name that stands for them is one of them. The ports of SRV records are not known here.
func (u *Upstream) reached() (all []reached) {
	for i, e := range u.Endpoints {
		all = append(all, reached{e.Address, EndpointPath(u.Name, i)})
	}
	if u.DNS.Name != "" {
		all = append(all, reached{Address{Host: u.DNS.Name, Port: u.DNS.Port}, u.DNSPath()})
	}
	return all
}

// wiring says which routes connect to which.
type wiring struct {
	routes    []*Route
	admin     Address // at which the gateway answers its operator
	hosts     Hosts
	next      map[*Route][]*Route
	listeners map[string][]listenerOf // by port or path
}

type listenerOf struct {
	route   *Route
	address Address
}

func (w *wiring) connect() {
	for _, r := range w.routes {
		for _, a := range r.Listen {
			w.listeners[portOrPath(a)] = append(w.listeners[portOrPath(a)], listenerOf{r, a})
		}
	}
	for _, r := range w.routes {
		if r.Upstream == nil {
			continue
		}
		for _, to := range r.Upstream.reached() {
			for _, l := range w.behind(to.address) {
				w.next[r] = append(w.next[r], l.route)
			}
		}
	}
}

// circle says how a connection of r to an endpoint comes back to r or to the gateway itself, "" where it does not.
func (w *wiring) circle(r *Route, endpoint Address) string {
	if w.reaches(endpoint, w.admin) {
		return fmt.Sprintf("%s is admin.listen of this gateway, which would take every client of route %q for one on this machine", endpoint, r.Name)
	}
	for _, l := range w.behind(endpoint) {
		if l.route == r {
			return fmt.Sprintf("%s is a listener of route %q, which would connect to itself without end", endpoint, r.Name)
		}
		if w.leads(l.route, r, map[*Route]bool{}) {
			return fmt.Sprintf("%s is a listener of route %q, whose connections come back to route %q without end", endpoint, l.route.Name, r.Name)
		}
	}
	return ""
}

// leads says that connections of from reach to, through routes not yet visited.
func (w *wiring) leads(from, to *Route, visited map[*Route]bool) bool {
	if from == to {
		return true
	}
	if visited[from] {
		return false
	}
	visited[from] = true
	for _, next := range w.next[from] {
		if w.leads(next, to, visited) {
			return true
		}
	}
	return false
}

// behind are the listeners that a connection to an endpoint arrives at.
func (w *wiring) behind(endpoint Address) (found []listenerOf) {
	for _, l := range w.listeners[portOrPath(endpoint)] {
		if w.reaches(endpoint, l.address) {
			found = append(found, l)
		}
	}
	return found
}

// reaches says that a connection to an endpoint arrives at l.
func (w *wiring) reaches(endpoint, l Address) bool {
	return portOrPath(endpoint) == portOrPath(l) && (endpoint.IsUnix() || w.arrives(endpoint.Host, l))
}

// arrives says that a connection to host arrives at a listener with its port.
func (w *wiring) arrives(host string, l Address) bool {
	if host == l.Host {
		return true
	}
	for _, ip := range w.hosts.Lookup(host) {
		if w.hosts.Local(ip) && l.covers(ip.String()) {
			return true
		}
		for _, other := range w.hosts.Lookup(l.Host) {
			if ip == other {
				return true
			}
		}
	}
	return false
}

func portOrPath(a Address) string {
	if a.IsUnix() {
		return a.Path
	}
	return strconv.Itoa(int(a.Port))
}
