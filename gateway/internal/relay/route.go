package relay

import (
	"crypto/tls"
	"net/netip"
	"time"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// Route is what loops need to know of a route under one policy file. An edit makes a new one, which open connections get,
// too; what it has in common with the old one is its RouteStats and, as long as these are the same, its Pinned.
type Route struct {
	// Set once, then read only.
	*RouteStats
	*Pinned
	Rules               session.Rules
	Allow, Deny         []netip.Prefix
	Limit               int          // connections at most; 0: no limit
	Rates               Rates        // of what a client sends
	SourceLimit         int          // connections of one source at most; 0: no limit
	AcceptRate          arrival.Rate // clients a second
	MessageSize         uint64       // bytes of a message at most, which Rules.Protocol knows; 0: no limit
	ResetOn             ResetOn      // as the policy has it
	Answers             bool         // the gateway answers heartbeats, where the connection's protocol lets it
	Reset               bool         // close with RST
	Farewell            Farewell
	Question            Question           // what a probe asks, where the policy says so
	ConnectFirstMessage bool               // connect upstream only when a whole message has come
	TLS                 func() *tls.Config // with clients, as it is now; nil: they speak none
	Hold                int                // bytes of a first message at most, with ConnectFirstMessage

	// Check is the same route for health checks of trusted proxies, which say so in their PROXY header: it has RouteStats of its own,
	// that nobody looks at, and no Check.
	Check *Route
}

// SetCheck gives r a Check that counts in stats.
func (r *Route) SetCheck(stats *RouteStats) {
	own := *r
	own.RouteStats, own.Allow, own.Deny = stats, nil, nil
	own.Limit, own.SourceLimit, own.AcceptRate, own.Rates = 0, 0, 0, Rates{}
	r.Check = &own
}

// ResetOn says where a policy has it from whose messages restart idle_timeout.
type ResetOn uint8

const (
	ResetWritten  ResetOn = iota // in the policy file
	ResetStandard                // it depends on the protocol
)

// Pinned is what a connection keeps as long as it is open, whatever becomes of its route's policy: what it was opened with.
type Pinned struct {
	// Set once, then read only.
	ProtocolName string            // in the words of the policy file
	Protocol     protocol.Protocol // with the limit of the policy file that it was made for
	Answering    protocol.Protocol // the same where the gateway answers heartbeats; nil: it cannot
	Bounded      bool              // the protocol has message boundaries
	Heartbeats   bool              // it tells heartbeats from other messages
	Pairs        bool              // it pairs requests with replies
	ServerFirst  bool              // its server speaks first
	Upstream     *Upstream
	Options      reactor.Options // as they are written, see SocketOptions
	Retries      int
}

// To returns w for a connection that has no upstream yet, and gets the one of next.
func (w *Pinned) To(next *Pinned) *Pinned {
	if w.Upstream == next.Upstream && w.Retries == next.Retries {
		return w
	}
	own := *w
	own.Upstream, own.Retries = next.Upstream, next.Retries
	return &own
}

// On returns r for a connection that was opened with w.
func (r *Route) On(w *Pinned) *Route {
	if w == r.Pinned {
		return r
	}
	own := *r
	own.Pinned, own.Check = w, nil // only new connections are sent there
	own.Rules.Bounded, own.Rules.Heartbeats, own.Rules.Pairs = w.Bounded, w.Heartbeats, w.Pairs
	own.Rules.Protocol = r.Question.In(w.protocol(r.Answers)).Limited(r.MessageSize)
	if r.ResetOn == ResetStandard {
		own.Rules.ResetOn = deadline.ResetOnEither
		if w.Bounded {
			own.Rules.ResetOn = deadline.ResetOnClient
		}
	}
	return &own
}

// stillAsked returns r for connections that were asked that by old and are still to answer.
func (r *Route) stillAsked(old *Route, asked protocol.Asked) *Route {
	knows := protocol.StillAsked(old.Rules.Protocol, r.Rules.Protocol, asked)
	if knows == r.Rules.Protocol {
		return r
	}
	own := *r
	own.Rules.Protocol, own.Check = knows, nil // no new connection goes there
	return &own
}

// Question is what a probe asks and what answers it, both bodies whole. Empty: what the protocol has.
type Question struct{ Ask, Answer []byte }

// In returns p with the question, or p itself where it cannot have that.
func (q Question) In(p protocol.Protocol) protocol.Protocol {
	of, ok := p.(protocol.Asker)
	if !ok || len(q.Ask) == 0 {
		return p
	}
	asking, err := of.Asking(q.Ask, q.Answer)
	if err != nil { // the policy was made for another framing, and this connection was opened before
		return p
	}
	return asking
}

// SocketOptions are the options of both sockets of a connection. The kernel gives up on a peer that takes nothing after
// UserTimeout and the gateway after write_timeout, which names the cause: so that it comes first, UserTimeout is at least
// as long, and by userTimeoutLag longer, the second by which the kernel's timers may be ahead of the gateway's. Where
// write_timeout is off, UserTimeout is what is left, as it is written.
func (r *Route) SocketOptions() reactor.Options {
	o := r.Options
	if write := r.Rules.Enforced[deadline.ClientWrite]; write > 0 && o.UserTimeout > 0 {
		o.UserTimeout = max(o.UserTimeout, deadline.LatestWrite(write)+userTimeoutLag)
	}
	return o
}

const userTimeoutLag = time.Second

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

// protocol returns the rule by which the connection is read.
func (w *Pinned) protocol(answers bool) protocol.Protocol {
	if answers && w.Answering != nil {
		return w.Answering
	}
	return w.Protocol
}
