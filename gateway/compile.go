package gateway

import (
	"fmt"
	"reflect"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/policy"
)

// compileRoute makes a route of what is kept of it, if it was there before, and the new policy file.
func compileRoute(r *policy.Route, stats *relay.RouteStats, pinned *relay.Pinned) (*relay.Route, error) {
	rules, err := compileRules(r)
	if err != nil {
		return nil, err
	}
	reset := relay.ResetWritten
	if r.Policy.ResetOnOrigin().Default {
		reset = relay.ResetStandard
	}
	return &relay.Route{
		RouteStats: stats,
		Pinned:     pinned,
		Rules:      rules,
		Allow:      r.Allow,
		Deny:       r.Deny,
		Limit:      r.Limits.Connections,
		Rates: relay.Rates{
			Bytes: arrival.Rate(r.Limits.BytesPerSecond), Messages: arrival.Rate(r.Limits.MessagesPerSecond.Rate),
			Delay: r.Limits.MessagesPerSecond.Over == policy.OverDelay,
		},
		SourceLimit:         r.Limits.ConnectionsPerSource,
		AcceptRate:          arrival.Rate(r.Limits.AcceptsPerSecond),
		MessageSize:         uint64(r.Limits.MessageSize),
		ResetOn:             reset,
		Answers:             r.Policy.Heartbeat == policy.HeartbeatAnswer,
		Question:            questionOf(r),
		Reset:               r.Policy.Close == policy.CloseRST,
		Farewell:            relay.Farewell{Protocol: r.Policy.Farewell.Protocol, Bytes: r.Policy.Farewell.Bytes},
		ConnectFirstMessage: r.ConnectOn == policy.ConnectOnFirstMessage,
		Hold:                holdOf(r),
	}, nil
}

// holdOf returns how many bytes of a first message are held at most.
func holdOf(r *policy.Route) int {
	if r.Hold == 0 { // connect_on: accept, which an edit may change
		return standardHold
	}
	return int(r.Hold)
}

// standardHold is what holdOf returns where the policy file does not say.
const standardHold = 64 << 10

func compilePinned(r *policy.Route, u *relay.Upstream) (*relay.Pinned, error) {
	rules, err := compileProtocols(r)
	if err != nil {
		return nil, err
	}
	return &relay.Pinned{
		ProtocolName: r.Protocol.Framing.String(),
		Protocol:     rules[policy.HeartbeatForward],
		Answering:    rules[policy.HeartbeatAnswer],
		Bounded:      !r.Protocol.Traits().NoMessages,
		Heartbeats:   knowsHeartbeats(r),
		Pairs:        r.Protocol.Traits().PairsReplies,
		ServerFirst:  r.Protocol.Traits().ServerSpeaksFirst,
		Upstream:     u,
		Options:      compileOptions(r.TCP),
		Retries:      r.Upstream.Retries,
	}, nil
}

// samePinned reports whether connections opened under the one route and under the other are alike as long as they last.
func samePinned(a, b *policy.Route) bool {
	return reflect.DeepEqual(a.Protocol, b.Protocol) && reflect.DeepEqual(a.UpstreamProtocol, b.UpstreamProtocol) &&
		a.TCP == b.TCP && a.Upstream.Name == b.Upstream.Name && a.Upstream.Retries == b.Upstream.Retries
}

func compileOptions(t policy.TCP) reactor.Options {
	return reactor.Options{
		KeepaliveIdle:     t.Keepalive.Idle,
		KeepaliveInterval: t.Keepalive.Interval,
		KeepaliveCount:    t.Keepalive.Count,
		UserTimeout:       t.UserTimeout,
	}
}

// namedProtocols are the protocols by themselves.
var namedProtocols = map[policy.Framing]func(protocol.Options) protocol.Protocol{
	policy.RESP:      protocol.NewRESP,
	policy.MQTT:      protocol.NewMQTT,
	policy.Postgres:  protocol.NewPostgres,
	policy.MySQL:     protocol.NewMySQL,
	policy.WebSocket: protocol.NewWebSocket,
	policy.AMQP:      protocol.NewAMQP,
	policy.STOMP:     protocol.NewSTOMP,
	policy.FIX:       protocol.NewFIX,
	policy.NATS:      protocol.NewNATS,
	policy.Memcached: protocol.NewMemcached,
	policy.Kafka:     protocol.NewKafka,
	policy.Modbus:    protocol.NewModbus,
}

// protocols are a route's protocol by who answers heartbeats; the gateway cannot in every one.
type protocols [policy.HeartbeatAnswer + 1]protocol.Protocol

// of returns the one for what the policy says.
func (p *protocols) of(h policy.Heartbeats) protocol.Protocol {
	if p[h] == nil {
		return p[policy.HeartbeatForward]
	}
	return p[h]
}

func compileProtocols(r *policy.Route) (p protocols, err error) {
	if named := namedProtocols[r.Protocol.Framing]; named != nil {
		limit := uint64(r.Limits.MessageSize)
		p[policy.HeartbeatForward] = named(protocol.Options{Limit: limit})
		if r.Protocol.Traits().Answerable {
			p[policy.HeartbeatAnswer] = named(protocol.Options{Limit: limit, Answer: true})
		}
		return p, nil
	}
	framers, err := compileFramers(r)
	beat := r.Protocol.Heartbeat
	if err != nil || len(beat.Match) == 0 {
		p[policy.HeartbeatForward] = protocol.NewFraming(framers)
		return p, err
	}
	known := protocol.HeartbeatRule{Match: beat.Match, Answer: beat.Answer}
	if p[policy.HeartbeatForward], err = protocol.NewHeartbeatFraming(framers, known); err != nil || len(beat.Answer) == 0 {
		return p, err
	}
	known.ByUs = true
	p[policy.HeartbeatAnswer], err = protocol.NewHeartbeatFraming(framers, known)
	return p, err
}

func compileFramers(r *policy.Route) (framers [2]protocol.Framer, err error) {
	for from, p := range map[protocol.Direction]policy.Protocol{protocol.FromClient: r.Protocol, protocol.FromUpstream: r.UpstreamProtocol} {
		framer, err := compileFramer(p, uint64(r.Limits.MessageSize))
		if err != nil {
			return framers, err
		}
		framers[from] = framer
	}
	return framers, nil
}

func compileRules(r *policy.Route) (rules session.Rules, err error) {
	known, err := compileProtocols(r)
	if err != nil {
		return rules, err
	}
	rules.Protocol = questionOf(r).In(known.of(r.Policy.Heartbeat))
	rules.Bounded = !r.Protocol.Traits().NoMessages
	rules.Heartbeats, rules.Pairs = knowsHeartbeats(r), r.Protocol.Traits().PairsReplies
	rules.OpaqueEnds = r.Opaque == policy.OpaqueClose
	rules.ResetOn = compileResetOn(r.Policy.ResetOn)
	rules.Jitter = uint16(r.Policy.Jitter * 65535)
	compileTimers(&rules, r)
	return rules, nil
}

func compileResetOn(on policy.ResetOn) deadline.ResetOn {
	switch on {
	case policy.ResetOnClient:
		return deadline.ResetOnClient
	case policy.ResetOnUpstream:
		return deadline.ResetOnUpstream
	}
	return deadline.ResetOnEither
}

// questionOf returns what a probe asks, where the policy says so.
func questionOf(r *policy.Route) relay.Question {
	return relay.Question{Ask: r.Policy.Probe.Send, Answer: r.Policy.Probe.Expect}
}

// knowsHeartbeats reports whether heartbeats of the route are told from other messages.
func knowsHeartbeats(r *policy.Route) bool {
	traits := r.Protocol.Traits()
	return traits.Heartbeats && (traits.Named || len(r.Protocol.Heartbeat.Match) > 0)
}

func compileFramer(p policy.Protocol, limit uint64) (protocol.Framer, error) {
	switch p.Framing {
	case policy.Raw:
		return protocol.NewRaw(), nil
	case policy.LengthField:
		return protocol.NewLengthField(protocol.LengthField{
			Magic:        p.LengthField.Magic,
			Offset:       p.LengthField.Offset,
			Size:         p.LengthField.Size,
			LittleEndian: p.LengthField.ByteOrder == policy.LittleEndian,
			Adjustment:   p.LengthField.Adjustment,
			Limit:        limit,
		})
	case policy.Delimiter:
		return protocol.NewDelimiter(p.Delimiter, limit)
	case policy.Fixed:
		return protocol.NewFixed(uint64(p.FixedSize), limit)
	case policy.Varint:
		return protocol.NewVarint(limit), nil
	}
	return nil, fmt.Errorf("protocol %v is not known", p.Framing)
}

// timerKeys says which timers a key of the policy sets.
var timerKeys = map[policy.Timer][]deadline.Timer{
	policy.TimerDeadline:                 {deadline.Deadline},
	policy.TimerReadDeadline:             {deadline.ReadDeadline},
	policy.TimerWriteDeadline:            {deadline.WriteDeadline},
	policy.TimerIdleTimeout:              {deadline.IdleTimeout},
	policy.TimerFirstMessageTimeout:      {deadline.FirstMessage},
	policy.TimerMessageTimeout:           {deadline.Message},
	policy.TimerHeartbeatOnlyTimeout:     {deadline.HeartbeatOnly},
	policy.TimerProbe:                    {deadline.ProbeAfter, deadline.ProbeTimeout},
	policy.TimerReplyTimeout:             {deadline.Reply},
	policy.TimerIdleInTransactionTimeout: {deadline.IdleInTransaction},
	policy.TimerMaxLifetime:              {deadline.MaxLifetime},
	policy.TimerWriteTimeout:             {deadline.ClientWrite, deadline.UpstreamWrite},
	policy.TimerHalfCloseTimeout:         {deadline.HalfClose},
	policy.TimerTLSHandshakeTimeout:      {deadline.TLSHandshake},
}

// always are the timers that a dry run enforces and does not watch.
const always = deadline.Set(1<<deadline.ClientWrite | 1<<deadline.UpstreamWrite | 1<<deadline.Connect | 1<<deadline.TLSHandshake |
	1<<deadline.MessageRate | 1<<deadline.ClientRate | 1<<deadline.UpstreamRate)

// probes are the timers that no dry run watches, since it sends no probe.
const probes = deadline.Set(1<<deadline.ProbeAfter | 1<<deadline.ProbeTimeout)

// compileTimers divides the policy's timers into those enforced and those that a dry run watches.
func compileTimers(rules *session.Rules, r *policy.Route) {
	p := r.Policy
	all := deadline.Durations{
		deadline.Deadline:          p.Deadline,
		deadline.ReadDeadline:      p.ReadDeadline,
		deadline.WriteDeadline:     p.WriteDeadline,
		deadline.IdleTimeout:       p.IdleTimeout,
		deadline.FirstMessage:      p.FirstMessageTimeout,
		deadline.Message:           p.MessageTimeout,
		deadline.HeartbeatOnly:     p.HeartbeatOnlyTimeout,
		deadline.Reply:             p.ReplyTimeout,
		deadline.IdleInTransaction: p.IdleInTransactionTimeout,
		deadline.MaxLifetime:       p.MaxLifetime,
		deadline.ClientWrite:       p.WriteTimeout,
		deadline.UpstreamWrite:     p.WriteTimeout,
		deadline.HalfClose:         p.HalfCloseTimeout,
		deadline.Connect:           r.Upstream.ConnectTimeout,
		deadline.TLSHandshake:      p.TLSHandshakeTimeout,
		deadline.MessageRate:       r.Limits.MinRate.Over,
		deadline.ClientRate:        r.Limits.MinRate.Over,
		deadline.UpstreamRate:      r.Limits.MinRate.Over,
	}
	rules.Least = uint64(r.Limits.MinRate.Bytes)
	if p.Probe.After > 0 {
		all[deadline.ProbeAfter], all[deadline.ProbeTimeout] = p.Probe.After, p.Probe.Timeout
	}
	if n := p.Negotiated; n.On {
		all[deadline.IdleTimeout] = deadline.Negotiated
		rules.Negotiated = session.Negotiated{On: true, Min: n.Min, Max: n.Max, Otherwise: p.IdleTimeout}
	}
	rules.Enforced, rules.Observed = all, all
	if p.DryRun.All {
		rules.DryRun, rules.NotSeen = true, always|probes
		for t := range rules.Enforced {
			if !always.Has(deadline.Timer(t)) {
				rules.Enforced[t] = 0
			}
		}
		return
	}
	rules.NotSeen = ^deadline.Set(0)
	for key, d := range p.DryRun.Timers {
		for _, t := range timerKeys[key] {
			rules.DryRun = true
			rules.Observed[t] = d
			rules.NotSeen = rules.NotSeen.Without(t)
		}
	}
}
