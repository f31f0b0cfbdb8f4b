package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

// Two models more, as those of model_test.go: one of heartbeats and probes, one of owed replies. Each looks at everything each
// millisecond, and shares nothing with what it judges but the words of the events.

// beats is a client of the protocol beats, as the contract describes it. All is in milliseconds, what is said so on the read clock.
type beats struct {
	idle, only, after, timeout int // the timers; 0: off

	now, pausedAt, still int
	paused, fin, half    bool // half: a message to the client has begun

	spoke, data int  // read clock
	asked       bool // the answer to a probe is still to come
	awaited     int  // read clock: since when the client has to say something; 0: it has not
	tryAt       int  // read clock: not before then
	asks        []int
}

func (m *beats) read() int {
	if m.paused {
		return m.pausedAt - m.still
	}
	return m.now - m.still
}

func (m *beats) happens(what string) {
	switch what {
	case `client "data\n"`:
		m.data = m.read()
		m.says()
	case `client "ping\n"`:
		m.says()
	case `client "pong\n"`:
		m.asked = false
		m.says()
	case `client fin`:
		m.fin = true
	case `upstream "half"`:
		m.half = true
	case `upstream "\n"`:
		m.half = false
	case "pause":
		m.paused, m.pausedAt = true, m.now
	case "resume":
		m.still += m.now - m.pausedAt
		m.paused = false
	}
}

func (m *beats) says() { m.spoke, m.awaited, m.tryAt = m.read(), 0, 0 }

// due returns the timer that ends it now, and asks where it is time to.
func (m *beats) due() string {
	at := m.read()
	switch {
	case m.paused || m.fin:
		return ""
	case m.idle > 0 && at >= m.spoke+m.idle:
		return "idle_timeout"
	case m.only > 0 && at >= m.data+m.only:
		return "heartbeat_only"
	case m.after > 0 && m.awaited == 0 && at >= m.spoke+m.after && at >= m.tryAt:
		m.ask(at)
	case m.awaited > 0 && at >= m.awaited+m.timeout:
		return "probe_unanswered"
	}
	return ""
}

func (m *beats) ask(at int) {
	switch {
	case m.asked: // it has not answered the one before
		m.awaited = at
	case m.half:
		m.tryAt = at + 1000
	default:
		m.asked, m.awaited = true, at
		m.asks = append(m.asks, m.now)
	}
}

func (m *beats) end(events []happening, most int) (int, string) {
	for m.now = 0; m.now < most; m.now++ {
		for len(events) > 0 && events[0].at == m.now {
			m.happens(events[0].what)
			events = events[1:]
		}
		if fired := m.due(); fired != "" {
			return m.now, fired
		}
	}
	return most, "open"
}

// composeBeats makes up what happens to such a client. Where there are halves there is no idle_timeout, which would wait for them.
func composeBeats(seed uint64) (*beats, []happening) {
	r := rand.New(rand.NewPCG(seed, 11))
	m := &beats{only: 1000 * r.IntN(60), after: 8000 * (1 + r.IntN(2)), timeout: 1000 * (1 + r.IntN(9))}
	halves := seed%2 == 0
	if !halves {
		m.idle = 1000 * (5 + r.IntN(30))
	}
	var events []happening
	used := map[int]bool{0: true}
	half, paused, fin := false, false, false
	for at := 0; len(events) < 60 && at < modelTime-5000; {
		for at += 50 + r.IntN(14000); used[at%1000]; at++ {
		}
		if at >= modelTime {
			break
		}
		what := ""
		switch roll := r.IntN(12); {
		case paused:
			what, paused = "resume", false
			at = pausedAt(events) + (1+(at-pausedAt(events))/1000)*1000 // what is left of each timer keeps its milliseconds
		case roll < 3 && !fin:
			what = `client "data\n"`
		case roll < 6 && !fin:
			what = `client "ping\n"`
		case roll < 8 && !fin:
			what = `client "pong\n"`
		case roll < 10 && halves && half:
			what, half = `upstream "\n"`, false
		case roll < 10 && halves:
			what, half = `upstream "half"`, true
		case roll == 10:
			what, paused = "pause", true
		case roll == 11 && r.IntN(6) == 0 && !fin:
			what, fin = "client fin", true
		default:
			continue
		}
		used[at%1000] = true
		events = append(events, happening{at: at, what: what})
	}
	return m, events
}

func pausedAt(events []happening) int { return events[len(events)-1].at }

// owing is a client of resp that waits for replies.
type owing struct {
	idle, reply int

	now, pausedAt, still int
	paused               bool

	from  int // read clock: the last message of the client, or the end of the last reply
	owed  int // requests
	since int // of the reply that comes next
	moved int // last byte of a reply that goes on; 0: none does
}

func (m *owing) happens(what string) {
	at := m.now - m.still
	if m.paused {
		at = m.pausedAt - m.still
	}
	switch what {
	case `client "GET a\r\n"`:
		if m.from = at; m.owed == 0 {
			m.since = m.now
		}
		m.owed++
	case `upstream "$4\r\nab"`, `upstream "c"`:
		m.moved = m.now
	case `upstream "+a\r\n"`, `upstream "d\r\n"`:
		m.moved, m.since = 0, m.now
		if m.owed--; m.owed == 0 {
			m.from = at
		}
	case "pause":
		m.paused, m.pausedAt = true, m.now
	case "resume":
		m.still += m.now - m.pausedAt
		m.paused = false
	}
}

func (m *owing) end(events []happening, most int) (int, string) {
	for m.now = 0; m.now < most; m.now++ {
		for len(events) > 0 && events[0].at == m.now {
			m.happens(events[0].what)
			events = events[1:]
		}
		switch {
		case m.owed == 0 && !m.paused && m.now-m.still >= m.from+m.idle:
			return m.now, "idle_timeout"
		case m.owed > 0 && m.now >= max(m.since, m.moved)+m.reply:
			return m.now, "reply_timeout"
		}
	}
	return most, "open"
}

func composeOwing(seed uint64) (*owing, []happening) {
	r := rand.New(rand.NewPCG(seed, 13))
	m := &owing{idle: 1000 * (2 + r.IntN(10)), reply: 1000 * (2 + r.IntN(15))}
	var events []happening
	used := map[int]bool{0: true}
	owed, paused, long := 0, false, false
	for at := 0; len(events) < 80 && at < modelTime-5000; {
		for at += 50 + r.IntN(4000); used[at%1000]; at++ {
		}
		what := ""
		switch roll := r.IntN(10); {
		case paused && roll < 5:
			what, paused = "resume", false
			for i := range slices.Backward(events) {
				if events[i].what == "pause" {
					at = events[i].at + (1+(at-events[i].at)/1000)*1000
					break
				}
			}
		case roll < 4 && !paused && owed < 3:
			what = `client "GET a\r\n"`
			owed++
		case roll < 7 && long && r.IntN(2) == 0:
			what = `upstream "d\r\n"`
			owed, long = owed-1, false
		case roll < 7 && long && !strings.HasSuffix(events[len(events)-1].what, `"c"`) && !slices.ContainsFunc(events[lastLong(events):], isMore):
			what = `upstream "c"`
		case roll < 7 && !long && owed > 0 && r.IntN(3) == 0:
			what, long = `upstream "$4\r\nab"`, true
		case roll < 7 && !long && owed > 0:
			what = `upstream "+a\r\n"`
			owed--
		case roll == 9 && !paused:
			what, paused = "pause", true
		default:
			continue
		}
		if what == `upstream "d\r\n"` && !slices.ContainsFunc(events[lastLong(events):], isMore) {
			what = `upstream "cd\r\n"`
		}
		used[at%1000] = true
		events = append(events, happening{at: at, what: what})
	}
	return m, events
}

func isMore(h happening) bool { return h.what == `upstream "c"` }

func lastLong(events []happening) int {
	for i := range slices.Backward(events) {
		if events[i].what == `upstream "$4\r\nab"` {
			return i
		}
	}
	return 0
}

// talks plays the events to a session with those timers and returns when it ends for what, and when its client was asked.
func talks(t *testing.T, protocol string, timers deadline.Durations, events []happening) (end int, reason string, asks []int) {
	t.Helper()
	p := &player{t: t, rules: defaultRules(), where: "model", observed: map[deadline.Timer][]deadline.Instant{}}
	p.protocol(protocol)
	for i, ms := range timers {
		p.rules.Enforced[i] = ms * time.Millisecond
	}
	p.now, p.session, p.kernel.lastAck = start, Accept(start, 0), start
	p.session.Follow(&p.rules)
	for _, h := range events {
		p.until(start.After(time.Duration(h.at) * time.Millisecond))
		if p.session.Reason != Open {
			break
		}
		p.event(h.what)
	}
	p.until(start.After(modelTime * time.Millisecond))
	for _, at := range p.asked {
		asks = append(asks, int(at.Since(start)/time.Millisecond))
	}
	if p.session.Reason == Open {
		return modelTime, "open", asks
	}
	return int(p.session.Ended().Since(start) / time.Millisecond), p.session.Reason.String(), asks
}

func TestSessionsAskAndEndWhenTheModelOfHeartbeatsSays(t *testing.T) {
	reasons, asked := map[string]int{}, 0
	for seed := range uint64(1500) {
		m, events := composeBeats(seed)
		timers := deadline.Durations{deadline.IdleTimeout: time.Duration(m.idle), deadline.HeartbeatOnly: time.Duration(m.only),
			deadline.ProbeAfter: time.Duration(m.after), deadline.ProbeTimeout: time.Duration(m.timeout)}
		tale := fmt.Sprintf("%+v\n%v", *m, events)
		wantAt, want := m.end(events, modelTime)
		at, got, asks := talks(t, "beats", timers, events)
		if got != want || at != wantAt || !slices.Equal(asks, m.asks) {
			t.Fatalf("seed %d: %s at %d, asked at %v; the model says %s at %d, asked at %v\n%s", seed, got, at, asks, want, wantAt, m.asks, tale)
		}
		reasons[got]++
		asked += len(asks)
	}
	for _, reason := range []string{"idle_timeout", "heartbeat_only", "probe_unanswered", "open"} {
		if reasons[reason] < 10 {
			t.Errorf("only %d sessions ended as %s", reasons[reason], reason)
		}
	}
	if asked < 500 {
		t.Errorf("only %d probes were sent", asked)
	}
}

func TestSessionsEndWhenTheModelOfRepliesSays(t *testing.T) {
	reasons := map[string]int{}
	for seed := range uint64(1500) {
		m, events := composeOwing(seed)
		timers := deadline.Durations{deadline.IdleTimeout: time.Duration(m.idle), deadline.Reply: time.Duration(m.reply)}
		told := slices.Clone(events)
		for i := range told {
			told[i].what = strings.Replace(told[i].what, `"cd\r\n"`, `"d\r\n"`, 1)
		}
		tale := fmt.Sprintf("%+v\n%v", *m, events)
		wantAt, want := m.end(told, modelTime)
		at, got, _ := talks(t, "resp", timers, events)
		if got != want || at != wantAt {
			t.Fatalf("seed %d: %s at %d; the model says %s at %d\n%s", seed, got, at, want, wantAt, tale)
		}
		reasons[got]++
	}
	for _, reason := range []string{"idle_timeout", "reply_timeout"} {
		if reasons[reason] < 100 {
			t.Errorf("only %d sessions ended as %s", reasons[reason], reason)
		}
	}
}
