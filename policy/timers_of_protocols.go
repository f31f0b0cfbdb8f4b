package policy

import (
	"fmt"
	"time"
)

// checkTimers reports what a policy asks of a protocol that the protocol cannot, and warns of what has no effect in it.
func (r *Route) checkTimers(c cursor) {
	if r.Policy == nil {
		return
	}
	at, t := inPolicy{c.child("policy"), r.Policy}, r.Protocol.Traits()
	if r.Policy.Negotiated.On && !t.Negotiates {
		at.fail("idle_timeout", "negotiated is not possible in %s: it agrees on no keepalive; write a duration", t.Name)
	}
	if r.Policy.HeartbeatOnlyTimeout > 0 && !r.knowsHeartbeats() {
		at.fail("heartbeat_only_timeout", "has no meaning in %s: %s", t.Name, t.noHeartbeats())
	}
	if r.Policy.IdleInTransactionTimeout > 0 && !t.Transactions {
		at.fail("idle_in_transaction_timeout", "has no meaning in %s: only postgres tells whether a transaction is open", t.Name)
	}
	if r.Policy.Farewell.Protocol && !t.Farewell {
		at.fail("farewell", "protocol is not possible in %s, which has no goodbye%s", t.Name, t.bytesInstead())
	}
	r.checkProbe(at)
	r.warnReplies(at)
	r.warnListeners(at)
	if opaque := c.child("opaque"); opaque.written() && r.Opaque == OpaqueClose && !t.TurnsOpaque {
		opaque.fail("close has no meaning in %s, which never turns opaque; remove it", t.Name)
	}
}

// noHeartbeats says why no heartbeat of a protocol is known.
func (t Traits) noHeartbeats() string {
	if t.NoMessages || t.Named {
		return "it has no heartbeats"
	}
	return `the route does not say what its heartbeat is, as in {` + t.Name + `: ..., heartbeat: {match: {text: "ping"}}}`
}

func (t Traits) bytesInstead() string {
	if t.Named {
		return ""
	}
	return `; write its bytes, as in {text: "bye\r\n"}`
}

// knowsHeartbeats reports whether heartbeats of the route are told from other messages.
func (r *Route) knowsHeartbeats() bool {
	t := r.Protocol.Traits()
	return t.Heartbeats && (t.Named || len(r.Protocol.Heartbeat.Match) > 0)
}

// checkProbe reports a probe that the protocol cannot send, or whose answer it could not tell.
func (r *Route) checkProbe(at inPolicy) {
	p, t := r.Policy.Probe, r.Protocol.Traits()
	switch {
	case p.After == 0:
	case t.NoMessages || r.UpstreamProtocol.Traits().NoMessages:
		at.fail("probe", "has no meaning on raw, which knows no messages")
	case !t.Probeable:
		at.fail("probe", "is not possible in %s, which has no message that a client must answer", t.Name)
	case t.Named && len(p.Send) > 0:
		at.fail("probe", "must not say what to send in %s, which has a message for it", t.Name)
	case len(p.Send) > 0:
		r.Protocol.checkBody(at.of("probe").child("expect"), p.Expect)
		r.UpstreamProtocol.checkBody(at.of("probe").child("send"), p.Send)
	case !t.Named && len(r.Protocol.Heartbeat.Answer) == 0 && len(p.Expect) == 0:
		at.fail("probe", `needs to know what to send and to expect: write them as in {after: 45s, send: {text: "ping"}, expect: {text: "pong"}}, `+
			"or give the protocol of the route a heartbeat with an answer")
	}
}

// warnReplies warns of a reply_timeout that has no effect, and of one that is off where nothing else ends the waiting.
func (r *Route) warnReplies(at inPolicy) {
	p, pairs := r.Policy, r.Protocol.Traits().PairsReplies
	written := at.of("reply_timeout").written()
	switch {
	case pairs && p.ReplyTimeout == 0 && p.Deadline == 0 && p.WriteDeadline == 0 && p.MaxLifetime == 0:
		at.warn("reply_timeout", "none lets a connection whose request is never answered last for ever; to bound that, set max_lifetime")
	case !pairs && written && p.ReplyTimeout > 0:
		at.warn("reply_timeout", "has no effect in %s, which does not pair requests with replies", r.Protocol.Traits().Name)
	}
}

// listening is the longest idle_timeout that may end a client which is well and has nothing to say. NATS servers ask theirs
// every 2 minutes, and those that answer are not silent.
const listening = 2 * time.Minute

// warnListeners gives a hint where clients that only listen would be ended.
func (r *Route) warnListeners(at inPolicy) {
	p := r.Policy
	asked := p.Probe.After > 0 && p.Probe.After < p.IdleTimeout
	if !r.Protocol.Traits().Listens || p.ResetOn != ResetOnClient || p.IdleTimeout == 0 || p.IdleTimeout > listening || asked || p.Negotiated.On || p.DryRun.All {
		return
	}
	cure := "set reset_on: either"
	switch {
	case r.Protocol.Traits().Probeable:
		cure = "set probe, or reset_on: either"
	case r.Protocol.Traits().Negotiates:
		cure = "set idle_timeout: {negotiated: true}, or reset_on: either"
	}
	at.warn("idle_timeout", "ends clients of %s that only listen, since reset_on is client; if yours do, %s", r.Protocol.Traits().Name, cure)
}

// inPolicy is where the policy of a route is written: inside the route, or elsewhere under a name.
type inPolicy struct {
	at     cursor
	policy *Policy
}

// of is a key of the policy, where it is written inside the route; else it is not written.
func (p inPolicy) of(key string) cursor { return p.at.child(p.policy.Kind.String()).child(key) }

// place returns where a problem of a key is reported, and what is put before it.
func (p inPolicy) place(key string) (cursor, string) {
	if inline := p.of(key); inline.written() {
		return inline, ""
	}
	return p.at, "its " + key + ": "
}

func (p inPolicy) fail(key, format string, args ...any) {
	at, before := p.place(key)
	at.fail("%s", before+fmt.Sprintf(format, args...))
}

func (p inPolicy) warn(key, format string, args ...any) {
	at, before := p.place(key)
	at.warn("%s", before+fmt.Sprintf(format, args...))
}
