package policy

import "time"

// Timer is the YAML key of one timer of a policy.
type Timer string

const (
	TimerDeadline            Timer = "deadline"
	TimerReadDeadline        Timer = "read_deadline"
	TimerWriteDeadline       Timer = "write_deadline"
	TimerIdleTimeout         Timer = "idle_timeout"
	TimerFirstMessageTimeout Timer = "first_message_timeout"
	TimerMessageTimeout      Timer = "message_timeout"
	TimerMaxLifetime         Timer = "max_lifetime"
	TimerWriteTimeout        Timer = "write_timeout"
	TimerHalfCloseTimeout    Timer = "half_close_timeout"
	TimerTLSHandshakeTimeout Timer = "tls_handshake_timeout"
)

// timer is one timer of a policy: its key, and where the time it runs for is kept. What the key takes may be more than that.
type timer struct {
	key
	value     *time.Duration // 0: off
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
	own := p.longTimers()
	if p.Kind == Short {
		own = p.shortTimers()
	}
	return append(own,
		newTimer(TimerFirstMessageTimeout, &p.FirstMessageTimeout, "", timer{
			starts: "accept; in `mysql` and `nats`, whose server speaks first, its first message", restarted: "never; the first client message ends it"}),
		newTimer(TimerMessageTimeout, &p.MessageTimeout, "10s", timer{
			starts: "the first byte of a client message", restarted: "never; its last byte ends it"}),
		newTimer(TimerWriteTimeout, &p.WriteTimeout, "30s", timer{
			starts: "bytes wait for a peer that takes none", restarted: "each byte that the peer takes", ends: "`client_stalled`, `upstream_stalled`"}),
		newTimer(TimerHalfCloseTimeout, &p.HalfCloseTimeout, "60s", timer{
			starts: "one side has sent FIN", restarted: "bytes from the other side"}),
		newTimer(TimerTLSHandshakeTimeout, &p.TLSHandshakeTimeout, "10s", timer{
			starts: "accept; towards an endpoint, each attempt to connect", restarted: "never; the end of the TLS handshake ends it"}),
	)
}

func (p *Policy) shortTimers() []timer {
	return []timer{
		newTimer(TimerDeadline, &p.Deadline, "10s", timer{starts: "accept", restarted: "never"}),
		newTimer(TimerReadDeadline, &p.ReadDeadline, "", timer{
			starts: "accept", restarted: "never", ends: "`read_deadline`, unless the client has finished sending"}),
		newTimer(TimerWriteDeadline, &p.WriteDeadline, "", timer{
			starts: "accept", restarted: "never", ends: "`write_deadline`, whatever is owed"}),
	}
}

func (p *Policy) longTimers() []timer {
	return []timer{
		newTimer(TimerIdleTimeout, &p.IdleTimeout, "60s", timer{
			starts: "accept", restarted: "a complete message of the side in `reset_on`"}),
		newTimer(TimerMaxLifetime, &p.MaxLifetime, "", timer{starts: "accept", restarted: "never"}),
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
