package policy

import "time"

// Timer is the YAML key of one timer of a policy.
type Timer string

const (
	TimerDeadline                 Timer = "deadline"
	TimerReadDeadline             Timer = "read_deadline"
	TimerWriteDeadline            Timer = "write_deadline"
	TimerIdleTimeout              Timer = "idle_timeout"
	TimerFirstMessageTimeout      Timer = "first_message_timeout"
	TimerMessageTimeout           Timer = "message_timeout"
	TimerHeartbeatOnlyTimeout     Timer = "heartbeat_only_timeout"
	TimerProbe                    Timer = "probe"
	TimerReplyTimeout             Timer = "reply_timeout"
	TimerIdleInTransactionTimeout Timer = "idle_in_transaction_timeout"
	TimerMaxLifetime              Timer = "max_lifetime"
	TimerWriteTimeout             Timer = "write_timeout"
	TimerHalfCloseTimeout         Timer = "half_close_timeout"
	TimerTLSHandshakeTimeout      Timer = "tls_handshake_timeout"
)

// timer is one timer of a policy: its key, and where the time it runs for is kept. What the key takes may be more than that.
type timer struct {
	key
	value     *time.Duration // 0: off
	of        Kind           // 0: both
	unwatched bool           // no dry run watches it
	starts    string         // for the reference, as the two that follow
	restarted string
	ends      string // the reason of what it ends
}

// id is the key as a Timer.
func (t timer) id() Timer { return Timer(t.name) }

// NamedTimer is one timer with its value.
type NamedTimer struct {
	Key      Timer
	Duration time.Duration // 0: off
}

// Has reports whether policies of p's kind have t.
func (p *Policy) Has(t Timer) bool {
	for _, own := range p.timers() {
		if own.id() == t {
			return true
		}
	}
	return false
}

// Timers are those that policies of p's kind have, in the order in which they are printed.
func (p *Policy) Timers() []NamedTimer {
	var all []NamedTimer
	for _, t := range p.timers() {
		all = append(all, NamedTimer{t.id(), *t.value})
	}
	return all
}

// timers are those of Timers.
func (p *Policy) timers() []timer {
	var own []timer
	for _, t := range p.allTimers() {
		if t.of == 0 || t.of == p.Kind {
			own = append(own, t)
		}
	}
	return own
}

// allTimers are those of both kinds. Of two that are due at the same instant the earlier one in this list counts.
func (p *Policy) allTimers() []timer {
	return append(append(p.deadlines(), p.silences()...),
		newTimer(TimerReplyTimeout, &p.ReplyTimeout, "10m", timer{
			starts: "a request awaits its reply, in protocols that pair them", restarted: "each message of the reply; its last one ends it"}),
		newTimer(TimerIdleInTransactionTimeout, &p.IdleInTransactionTimeout, "", timer{of: Long,
			starts: "a `postgres` server is ready, with a transaction open", restarted: "a complete client message", ends: "`idle_in_transaction`"}),
		newTimer(TimerMaxLifetime, &p.MaxLifetime, "", timer{of: Long, starts: "accept", restarted: "never"}),
		newTimer(TimerWriteTimeout, &p.WriteTimeout, "30s", timer{unwatched: true,
			starts:    "bytes wait for a peer that takes none, beyond those that the kernel holds for it, which `tcp.user_timeout` bounds",
			restarted: "each byte that its kernel acknowledges", ends: "`client_stalled`, `upstream_stalled`"}),
		newTimer(TimerHalfCloseTimeout, &p.HalfCloseTimeout, "60s", timer{
			starts: "one side has sent FIN", restarted: "bytes from the other side"}),
		newTimer(TimerTLSHandshakeTimeout, &p.TLSHandshakeTimeout, "10s", timer{unwatched: true,
			starts: "accept; towards an endpoint, each attempt to connect", restarted: "never; the end of the TLS handshake ends it"}),
	)
}

// deadlines are the timers that count from accept alone.
func (p *Policy) deadlines() []timer {
	return []timer{
		newTimer(TimerDeadline, &p.Deadline, "10s", timer{of: Short, starts: "accept", restarted: "never"}),
		newTimer(TimerReadDeadline, &p.ReadDeadline, "", timer{of: Short,
			starts: "accept", restarted: "never", ends: "`read_deadline`, unless the client has finished sending"}),
		newTimer(TimerWriteDeadline, &p.WriteDeadline, "", timer{of: Short,
			starts: "accept", restarted: "never", ends: "`write_deadline`, whatever is owed"}),
	}
}

// silences are the timers that measure how long a client has said nothing.
func (p *Policy) silences() []timer {
	idle := newTimer(TimerIdleTimeout, &p.IdleTimeout, "60s", timer{of: Long,
		starts: "accept", restarted: "a complete message of the side in `reset_on`; the end of a reply that was awaited"})
	idle.takes = p.idleTimeout()
	probe := newTimer(TimerProbe, &p.Probe.After, "", timer{of: Long, unwatched: true,
		starts: "`after` of client silence", restarted: "a complete client message", ends: "`probe_unanswered`, `timeout` after the probe"})
	probe.takes = p.probe()
	return []timer{
		idle,
		newTimer(TimerFirstMessageTimeout, &p.FirstMessageTimeout, "", timer{
			starts: "accept; in `mysql` and `nats`, whose server speaks first, its first message", restarted: "never; the first client message ends it"}),
		newTimer(TimerMessageTimeout, &p.MessageTimeout, "10s", timer{
			starts: "the first byte of a client message", restarted: "never; its last byte ends it"}),
		newTimer(TimerHeartbeatOnlyTimeout, &p.HeartbeatOnlyTimeout, "", timer{of: Long,
			starts: "accept", restarted: "a complete client message that is no heartbeat", ends: "`heartbeat_only`"}),
		probe,
	}
}

// newTimer is a timer that takes a duration. It ends connections with its own name where described says nothing else.
func newTimer(name Timer, to *time.Duration, standard string, described timer) timer {
	described.key = key{name: string(name), takes: duration(to), standard: standard}
	if standard == "" {
		described.without = "off"
	}
	if described.ends == "" {
		described.ends = "`" + string(name) + "`"
	}
	described.doc = "starts: " + described.starts + "; restarted: " + described.restarted
	described.value = to
	return described
}
