package gateway

import (
	"time"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/relay"
)

// helloTimeout is for how long a ClientHello is awaited, from accept on, where a route has to be chosen by what it says: as long as the
// most patient of the routes would wait for a handshake. Where one waits without end a client without a route does not.
func helloTimeout(sharing []*route) (longest time.Duration) {
	const standard = 10 * time.Second
	for _, r := range sharing {
		longest = max(longest, r.cfg.Policy.TLSHandshakeTimeout)
	}
	if longest == 0 {
		return standard
	}
	return longest
}

// candidates are the routes that share a listener, in the order of the file.
func candidates(sharing []*route) *relay.Candidates {
	c := &relay.Candidates{Proxies: sharing[0].cfg.AcceptProxyProtocol.From, HelloTimeout: helloTimeout(sharing)}
	var matches []arrival.Match
	for _, r := range sharing {
		c.Routes = append(c.Routes, r.Route)
		matches = append(matches, arrival.Match{ServerNames: r.cfg.Match.SNI, Sources: r.cfg.Match.Source})
	}
	if len(matches) > 1 || !matches[0].Any() {
		c.Table = arrival.NewTable(matches)
	}
	return c
}
