package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Match says which clients of its listeners a route takes. Its zero value takes those that no other route takes.
//
// Of several routes that match a client the one with the most exact server name takes it: the name itself, then the longest
// wildcard, then "*", then none; and of these the one with the longest source, then none.
type Match struct {
	SNI    []string       // names in lower case, "*.name" for all below a name, or "*" for any; empty: all, and who sends none
	Source []netip.Prefix // empty: all
}

// AcceptProxyProtocol says from whom a PROXY header is awaited. Its zero value is: from nobody.
type AcceptProxyProtocol struct{ From []netip.Prefix }

func (m *Match) keys() keys {
	return keys{
		{name: "sni", takes: serverNames(&m.SNI), without: "any name, and none",
			doc: "server names (`api.example`, `*.example` for all below it, `*` for any) by which TLS clients ask; it is read from the ClientHello, also where TLS is passed on"},
		{name: "source", takes: networks(&m.Source), without: "all", doc: "networks (`10.0.0.0/8`) from which clients come"},
	}
}

// value takes a mapping with sni, source or both.
func (m *Match) value() value {
	list := m.keys()
	return mapping(list).then(func(c cursor) {
		if c.node.Kind == yaml.MappingNode && len(c.node.Content) == 0 {
			c.fail("is empty; it needs sni or source. A route without match takes the clients that no other takes")
		}
	}).printed(func() *yaml.Node {
		if len(m.SNI) == 0 && len(m.Source) == 0 {
			return nil
		}
		return flow(list.pairs()...)
	})
}

func (a *AcceptProxyProtocol) value() value {
	list := keys{{name: "from", takes: networks(&a.From), without: "nobody",
		doc: "networks of the proxies that send one, and must within 5 s; others are plain clients, whose bytes are never taken for a header"}}
	return mapping(list).then(func(c cursor) {
		if from := c.child("from"); !from.written() {
			from.fail("is missing; write it as in %q", "from: [10.9.0.0/16]")
		}
	}).printed(func() *yaml.Node {
		if len(a.From) == 0 {
			return nil
		}
		return flow(list.pairs()...)
	})
}

// serverNames takes a list of server names, of which wildcards are some.
func serverNames(to *[]string) value {
	return value{
		read: func(c cursor) {
			c.list(func(c cursor) {
				var s string
				readText(&s)(c)
				name, err := parseServerName(s)
				switch {
				case s == "": // reported already
				case err != nil:
					c.fail("%s", err)
				case slices.Contains(*to, name):
					c.fail("%s is listed twice", name)
				default:
					*to = append(*to, name)
				}
			})
			c.refuseEmpty("a server name, or remove the key")
		},
		node: func() *yaml.Node {
			if len(*to) == 0 {
				return nil
			}
			var items []*yaml.Node
			for _, name := range *to {
				items = append(items, quotedNode(name))
			}
			return flowList(items...)
		},
		schema: func() schema { return listOf(pattern(`^([*]|([*][.])?[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?)$`)) },
	}
}

// parseServerName returns a server name, or a wildcard, as it is compared.
func parseServerName(s string) (string, error) {
	if s == "*" {
		return s, nil
	}
	name, wild := strings.CutPrefix(s, "*.")
	switch _, err := netip.ParseAddr(name); {
	case err == nil:
		return "", fmt.Errorf("%s is an address, which no client may send as its server name (RFC 6066); write source for where clients come from", quote(s))
	case strings.Contains(name, "*"):
		return "", fmt.Errorf("%s has a * elsewhere than in front of a dot at its start; write it as in *.example", quote(s))
	}
	host, err := parseHost(strings.TrimSuffix(name, "."))
	if err != nil || host == "" {
		return "", fmt.Errorf("%s is no server name; write it as in api.example or *.example, names in other scripts as xn--", quote(s))
	}
	if wild {
		host = "*." + host
	}
	return host, nil
}

// taken is one pair of server name and source that a route takes, at the route's listeners.
type taken struct {
	name   string       // "": any, and none
	source netip.Prefix // invalid: all
}

func (m *Match) pairs() (all []taken) {
	names, sources := m.SNI, m.Source
	if len(names) == 0 {
		names = []string{""}
	}
	if len(sources) == 0 {
		sources = []netip.Prefix{{}}
	}
	for _, name := range names {
		for _, source := range sources {
			all = append(all, taken{name, source})
		}
	}
	return all
}

func (p taken) String() string {
	name, source := "", ""
	if p.name != "" {
		name = "sni " + p.name
	}
	if p.source.IsValid() {
		source = "source " + p.source.String()
	}
	return strings.Join(slices.DeleteFunc([]string{name, source}, func(s string) bool { return s == "" }), " and ")
}

// checkSharing reports what makes it impossible to choose between the routes that share a listener.
func (r *reader) checkSharing(sharing []claim) {
	takers := map[taken]claim{}
	for _, mine := range sharing {
		mine.agree(sharing[0])
		for _, pair := range mine.route.Match.pairs() {
			if first, ok := takers[pair]; ok {
				mine.ambiguous(first, pair)
				break
			}
			takers[pair] = mine
		}
	}
	for _, mine := range sharing {
		mine.warnUnreachable(takers)
		mine.warnSilence(sharing)
	}
}

// warnSilence warns of a route whose clients wait for their server to speak while they are waited for.
func (c claim) warnSilence(sharing []claim) {
	named := func(other claim) bool { return len(other.route.Match.SNI) > 0 }
	if name := c.route.Protocol.Traits().Name; c.route.Protocol.Traits().ServerSpeaksFirst && !named(c) && slices.ContainsFunc(sharing, named) {
		c.at.warn("a client of %s waits for its server to speak, while other routes at %s make the gateway wait for its ClientHello; tell it apart by source, or listen elsewhere",
			name, c.address)
	}
}

// agree reports where a listener's routes expect PROXY headers from different proxies: they come before the route is known.
func (c claim) agree(first claim) {
	less := func(a, b netip.Prefix) int { return cmp.Compare(a.String(), b.String()) }
	mine, others := slices.SortedFunc(slices.Values(c.route.AcceptProxyProtocol.From), less), slices.SortedFunc(slices.Values(first.route.AcceptProxyProtocol.From), less)
	if !slices.Equal(mine, others) {
		c.in("accept_proxy_protocol").fail("must be the same as that of %s, with which it shares %s: the header comes before the route is known",
			first.owner(), c.address)
	}
}

// in is the cursor on a key of the claim's route.
func (c claim) in(key string) cursor { return c.at.r.routes[c.route].child(key) }

func (c claim) ambiguous(first claim, pair taken) {
	if pair == (taken{}) {
		c.at.fail("%s is taken by %s; routes can share it if match tells their clients apart", c.address, first.owner())
		return
	}
	c.in("match").fail("%s is taken by %s, with which it shares %s", pair, first.owner(), c.address)
}

// warnUnreachable warns of what a route never gets because others, with longer sources, leave nothing of it.
func (c claim) warnUnreachable(takers map[taken]claim) {
	for _, pair := range c.route.Match.pairs() {
		var longer []netip.Prefix
		for other, taker := range takers {
			if other.name == pair.name && taker.route != c.route && other.isLonger(pair) {
				longer = append(longer, other.source)
			}
		}
		if pair.isCovered(longer) {
			at, what := c.in("match"), pair.String()
			if !at.written() {
				at, what = c.at, "no client"
			}
			at.warn("%s is never chosen at %s: routes with longer sources take them all", what, c.address)
		}
	}
}

// isLonger reports whether p comes before other where their names are the same.
func (p taken) isLonger(other taken) bool {
	return p.source.IsValid() && (!other.source.IsValid() || p.source.Bits() > other.source.Bits())
}

// isCovered reports whether every client of the pair comes from one of these networks too.
func (p taken) isCovered(by []netip.Prefix) bool {
	if p.source.IsValid() {
		return covered(p.source, by)
	}
	return covered(netip.MustParsePrefix("0.0.0.0/0"), by) && covered(netip.MustParsePrefix("::/0"), by)
}

func covered(p netip.Prefix, by []netip.Prefix) bool {
	inside := false
	for _, other := range by {
		if other.Bits() <= p.Bits() && other.Contains(p.Addr()) {
			return true
		}
		inside = inside || p.Contains(other.Addr())
	}
	if !inside || p.IsSingleIP() {
		return false
	}
	low, high := halves(p)
	return covered(low, by) && covered(high, by)
}

// halves are the two networks that a network consists of.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	b := p.Addr().AsSlice()
	low = netip.PrefixFrom(p.Addr(), p.Bits()+1)
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	above, _ := netip.AddrFromSlice(b)
	return low, netip.PrefixFrom(above, p.Bits()+1)
}

// warnMatch warns of matches that need what a listener's clients do not have.
func (r *Route) warnMatch(c cursor) {
	if sni := c.child("match").child("sni"); sni.written() && !r.TLS.IsOn() && !c.child("tls").written() {
		if why := r.Protocol.notOfTLS(); why != "" {
			sni.warn("without tls the TLS of these clients is passed on, and %s; add tls to end it here, or write protocol: raw", why)
		}
	}
	unix := slices.ContainsFunc(r.Listen, Address.IsUnix)
	if at := c.child("match").child("source"); unix && at.written() {
		at.warn("clients of a unix socket have no address, so the route never takes them")
	}
	if at := c.child("accept_proxy_protocol"); unix && at.written() {
		at.warn("has no effect on a unix socket, whose clients have no address to be trusted by")
	}
}

// notOfTLS says what becomes of TLS records that are taken for messages of p, "" where that can be meant.
func (p *Protocol) notOfTLS() string {
	t, f := p.Traits(), &p.LengthField
	switch {
	case p.Framing == 0, t.NoMessages:
		return ""
	case p.Framing == LengthField && f.Offset == 3 && f.Size == 2 && len(f.Magic) == 0: // that of a record
		return ""
	case t.TurnsOpaque:
		return "a connection of " + t.Name + " turns opaque at its first byte"
	}
	return t.Name + " finds no messages in it"
}
