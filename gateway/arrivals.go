package gateway

import (
	"time"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/relay"
)

// helloTimeout is for how long a ClientHello is awaited where a route has to be chosen by what it says.
const helloTimeout = 10 * time.Second

// candidates are the routes that share a listener, in the order of the file.
func candidates(sharing []*route) *relay.Candidates {
	c := &relay.Candidates{Proxies: sharing[0].cfg.AcceptProxyProtocol.From, HelloTimeout: helloTimeout}
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
