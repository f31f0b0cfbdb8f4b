package relay

import (
	"net/netip"
	"sync/atomic"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
	"idlegate/metrics"
)

// Route is what loops need to know of a route.
type Route struct {
	// Set once, then read only.
	Name         string
	Index        int // in every loop's counters
	Rules        session.Rules
	Upstream     *upstream.Set
	UpstreamAt   int // of the upstream, in every loop's counters
	Retries      int
	Options      reactor.Options
	Allow, Deny  []netip.Prefix
	Connections  int  // at most; 0: no limit
	FirstMessage bool // connect upstream only when a whole message has come
	Reset        bool // close with RST
	Jitter       float64

	open atomic.Int64 // sessions on all loops
}

// admits reports whether a client at addr may come in. Clients of unix sockets have no address and always may: the
// socket's file mode decides about them.
func (r *Route) admits(addr netip.Addr) bool {
	if !addr.IsValid() {
		return true
	}
	return !contains(r.Deny, addr) && (len(r.Allow) == 0 || contains(r.Allow, addr))
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Actions of a timer that was due.
const (
	Closed  = iota
	Watched // by a dry run
)

// Counters are what one loop has counted of one route. They are plain: the loop alone writes them, and copies them out
// when asked.
type Counters struct {
	Opened   uint64
	Closed   [session.ReasonCount]uint64
	Refused  [session.CauseCount]uint64
	Timeouts [deadline.Count][2]uint64 // by action
	Messages [2]uint64                 // by sender
	Bytes    [2]uint64                 // by sender
	Lateness metrics.Histogram
	Duration metrics.Histogram
	Gap      metrics.Histogram
}

// Results of an attempt to connect.
const (
	ConnectOK = iota
	ConnectRefused
	ConnectTimeout
	ConnectFailed
	ConnectResults // how many there are
)

// UpstreamCounters are what one loop has counted of one upstream.
type UpstreamCounters struct {
	Connect  metrics.Histogram
	Connects [][ConnectResults]uint64 // by endpoint
}
