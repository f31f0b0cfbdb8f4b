package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

// The sessions here are held against a model that knows all that ever happened and looks at it each millisecond, where the
// session knows a few instants and what the kernel tells when it is asked. No two things happen at the same instant: all
// durations are whole seconds, and each event has milliseconds of its own.

// happening is one event, in milliseconds after accept.
type happening struct {
	at    int
	what  string // as in a script
	value int    // of edit: the new idle_timeout
}

// modelled are the values of the timers, in milliseconds.
type modelled struct{ idle, message, write int }

// edits is what is remembered of messages to the client when another idle_timeout takes over.
type edits uint8

const (
	byReset   edits = iota // nothing
	byReplies              // all of them
	byLast                 // the end of the last
)

// model is one connection as the contract describes it.
type model struct {
	modelled
	now int

	paused, pausedAt, still int // paused: 1 while the client is not read

	from    int // read clock: what idle_timeout counts from
	reset   int // read clock: the last resetting message
	replied int // read clock: end of the last message to the client that was under way
	edits   edits
	replies [][2]int // read clock: begin and end of messages to the client since the last resetting one

	clientFIN, midClient, midReply bool
	held, kernel                   bool // what waits for the client in the gateway, and in its kernel
	began                          int  // read clock: of the client's message
	moved                          int  // last byte of what is under way to the client
	heldMoved                      int
}

func (m *model) attended() int {
	if m.paused > 0 {
		return m.pausedAt - m.still
	}
	return m.now - m.still
}

func (m *model) underWay() bool { return m.midReply || m.held || m.kernel }

// happens lets one event change the state. A message to the client that was under way and is not any more has ended.
func (m *model) happens(h happening) {
	before := m.underWay()
	m.event(h)
	if !before && m.underWay() {
		m.replies = append(m.replies, [2]int{m.attended(), 1 << 40})
	}
	if before && !m.underWay() {
		m.replied = m.attended()
		m.replies[len(m.replies)-1][1] = m.replied
		if m.replied >= m.from+m.idle {
			m.from = m.replied
		}
	}
}

func (m *model) event(h happening) {
	switch h.what {
	case `client "a\n"`, `client "\n"`:
		m.midClient = false
		m.reset, m.from = m.attended(), m.attended()
	case `client "a"`:
		m.midClient, m.began = true, m.attended()
	case `client fin`:
		m.clientFIN = true
	case `upstream "b"`:
		m.midReply, m.moved = true, m.now
	case `upstream "\n"`:
		m.midReply, m.moved = false, m.now
		m.replied = m.attended() // as far as the session knows that does not ask the kernel
	case `kernel holds`:
		m.kernel, m.moved = true, m.now
	case `kernel acks some`:
		m.moved = m.now
	case `kernel acks all`:
		m.kernel, m.moved = false, m.now
	case `client waits`:
		m.held, m.moved, m.heldMoved = true, m.now, m.now
	case `client moves`:
		m.moved, m.heldMoved = m.now, m.now
	case `client took all`:
		m.held, m.moved = false, m.now
	case `pause`:
		m.paused, m.pausedAt = 1, m.now
	case `resume`:
		m.still += m.now - m.pausedAt
		m.paused = 0
	case `edit`:
		if m.idle == h.value {
			return
		}
		m.idle, m.from = h.value, m.reset
		switch m.edits {
		case byReplies:
			for _, reply := range m.replies {
				if due := m.from + m.idle; reply[0] <= due && due <= reply[1] {
					m.from = reply[1]
				}
			}
		case byLast:
			m.from = max(m.reset, m.replied)
		}
	}
}

// due returns the timer that fires now.
func (m *model) due() string {
	attended, read := m.attended(), m.paused == 0 && !m.clientFIN
	message := read && m.midClient
	waits := message && attended <= m.began+m.message || m.underWay() && m.now < m.moved+m.write
	switch {
	case read && attended >= m.from+m.idle && !waits:
		return "idle_timeout"
	case message && attended >= m.began+m.message:
		return "message_timeout"
	case m.held && m.now >= m.heldMoved+m.write:
		return "client_stalled"
	}
	return ""
}

// end returns when the model fires which timer, at the latest at most.
func (m *model) end(events []happening, most int) (int, string) {
	for m.now = 0; m.now < most; m.now++ {
		for len(events) > 0 && events[0].at == m.now {
			m.happens(events[0])
			events = events[1:]
		}
		if fired := m.due(); fired != "" {
			return m.now, fired
		}
	}
	return most, "open"
}

// author makes up what happens.
type author struct {
	random *rand.Rand
	at     int
	used   map[int]bool // milliseconds
	events []happening

	midClient, midReply, held, kernel, paused, edits bool
	clientFIN, upstreamFIN                           bool
}

// later lets up to most milliseconds pass.
func (a *author) later(least, most int) {
	for a.at += least + a.random.IntN(most-least); a.used[a.at%1000]; a.at++ {
	}
	a.used[a.at%1000] = true
}

func (a *author) write(what string) { a.events = append(a.events, happening{at: a.at, what: what}) }

// upstreamSpeaks passes bytes on, which may stay in the kernel or in the gateway.
func (a *author) upstreamSpeaks() {
	switch whole := a.random.IntN(3) == 0; {
	case a.midReply && whole:
		a.write(`upstream "\n"`)
		a.midReply = false
	case a.midReply:
		a.write(`upstream "b"`)
	case a.kernel: // what is pushed meanwhile is neither a byte that moves nor the begin of the wait
		return
	case whole:
		a.write(`upstream "b\n"`)
	default:
		a.write(`upstream "b"`)
		a.midReply = true
	}
	switch {
	case a.kernel:
	case a.random.IntN(3) == 0:
		a.events = append(a.events, happening{at: a.at, what: `kernel holds`})
		a.kernel = true
	case a.random.IntN(3) == 0:
		a.events = append(a.events, happening{at: a.at, what: `client waits`})
		a.held = true
	}
}

func (a *author) clientTakes() {
	switch all := a.random.IntN(2) == 0; {
	case a.held && all:
		a.write(`client took all`)
		a.held = false
	case a.held:
		a.write(`client moves`)
	case a.kernel && all:
		a.write(`kernel acks all`)
		a.kernel = false
		a.later(1100, 1200) // past the look that finds it: what begins before that counts as the same message
	case a.kernel:
		a.write(`kernel acks some`)
	}
}

func (a *author) clientSpeaks() {
	switch whole := a.random.IntN(2) == 0; {
	case a.midClient && whole:
		a.write(`client "\n"`)
		a.midClient = false
	case !a.midClient && whole:
		a.write(`client "a\n"`)
	case !a.midClient:
		a.write(`client "a"`)
		a.midClient = true
	}
}

// step makes up one event, most of them to do with messages to the client.
func (a *author) step() {
	a.later(50, 2500)
	switch roll := a.random.IntN(20); {
	case a.paused && roll < 6:
		a.at = (a.events[len(a.events)-1].at/1000+1+roll)*1000 + a.pausedAt()%1000
		a.write("resume")
		a.paused = false
	case roll < 8 && !a.held && !a.upstreamFIN:
		a.upstreamSpeaks()
	case roll < 15:
		a.clientTakes()
	case roll < 17 && !a.paused && !a.clientFIN:
		a.clientSpeaks()
	case roll == 17 && a.edits:
		a.events = append(a.events, happening{at: a.at, what: "edit", value: 1000 * (1 + a.random.IntN(8))})
	case roll == 18 && a.random.IntN(4) == 0 && !a.midReply && !a.upstreamFIN && !a.clientFIN:
		a.write("upstream fin")
		a.upstreamFIN = true
	case roll == 19 && a.random.IntN(8) == 0 && !a.clientFIN && !a.paused && !a.upstreamFIN:
		a.write("client fin")
		a.clientFIN = true
	}
}

func (a *author) pausedAt() int {
	for i := len(a.events) - 1; i >= 0; i-- {
		if a.events[i].what == "pause" {
			return a.events[i].at
		}
	}
	return 0
}

const modelTime = 60_000 // milliseconds

func compose(seed uint64, edits bool) (modelled, []happening) {
	a := &author{random: rand.New(rand.NewPCG(seed, 7)), used: map[int]bool{0: true}, edits: edits}
	timers := modelled{1000 * (1 + a.random.IntN(8)), 1000 * (1 + a.random.IntN(6)), 1000 * (1 + a.random.IntN(10))}
	for len(a.used) < 60 && a.at < modelTime-5000 {
		a.step()
	}
	return timers, a.events
}

// ends plays the events to a session and returns when it ends for what.
func ends(t *testing.T, timers modelled, events []happening) (int, string) {
	t.Helper()
	p := &player{t: t, rules: defaultRules(), where: "model", observed: map[deadline.Timer][]deadline.Instant{}}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	set := func(idle int) {
		p.rules.Enforced = deadline.Durations{
			deadline.IdleTimeout: ms(idle), deadline.Message: ms(timers.message),
			deadline.ClientWrite: ms(timers.write), deadline.UpstreamWrite: ms(timers.write),
		}
	}
	set(timers.idle)
	p.now, p.session, p.kernel.lastAck = start, Accept(start, 0), start
	p.session.Follow(&p.rules)
	for _, h := range events {
		p.until(start.After(ms(h.at)))
		if p.session.Reason != Open {
			break
		}
		if h.what == "edit" {
			old := p.rules
			set(h.value)
			p.session.ApplyRules(&old, &p.rules, p.now, 0, 0)
			p.tick()
			continue
		}
		p.event(h.what)
	}
	p.until(start.After(ms(modelTime)))
	if p.session.Reason == Open {
		return modelTime, "open"
	}
	return int(p.session.Ended().Since(start) / time.Millisecond), p.session.Reason.String()
}

func story(timers modelled, events []happening) string {
	var b strings.Builder
	fmt.Fprintf(&b, "idle_timeout %d, message_timeout %d, write_timeout %d\n", timers.idle, timers.message, timers.write)
	for _, h := range events {
		fmt.Fprintf(&b, "%6d %s %d\n", h.at, h.what, h.value)
	}
	return b.String()
}

func TestSessionsEndWhenTheModelSays(t *testing.T) {
	reasons := map[string]int{}
	for seed := range uint64(1000) {
		timers, events := compose(seed, false)
		wantAt, want := (&model{modelled: timers}).end(events, modelTime)
		at, got := ends(t, timers, events)
		if got != want || at != wantAt {
			t.Fatalf("seed %d: %s at %d, the model says %s at %d\n%s", seed, got, at, want, wantAt, story(timers, events))
		}
		reasons[got]++
	}
	for _, reason := range []string{"idle_timeout", "message_timeout", "client_stalled", "open"} {
		if reasons[reason] < 10 {
			t.Errorf("only %d sessions ended as %s", reasons[reason], reason)
		}
	}
}

// TestEditedSessionsEndWhenTheModelSays allows for what the session does not remember after an edit, see package deadline:
// messages that only the kernel held when nobody asked it, and of several others no more than when they began and ended.
func TestEditedSessionsEndWhenTheModelSays(t *testing.T) {
	exact, edited := 0, 0
	for seed := range uint64(1000) {
		timers, events := compose(seed, true)
		earliest, latest := modelTime, 0
		for _, by := range []edits{byReset, byReplies, byLast} {
			at, _ := (&model{modelled: timers, edits: by}).end(events, modelTime)
			earliest, latest = min(earliest, at), max(latest, at)
		}
		at, got := ends(t, timers, events)
		if at < earliest || at > latest {
			t.Fatalf("seed %d: %s at %d, the model says %d to %d\n%s", seed, got, at, earliest, latest, story(timers, events))
		}
		if strings.Contains(story(timers, events), "edit") {
			edited++
		}
		if earliest == latest {
			exact++
		}
	}
	if edited < 200 || exact < 600 {
		t.Errorf("%d were edited, of %d the model knows the instant", edited, exact)
	}
}
