package session

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// TestScripts plays testdata/*.txt in virtual time. A script is a list of rules, each a paragraph:
//
//	rule: partial message, then silence: closes at message_timeout
//	policy idle_timeout=60s message_timeout=10s
//	@0s client "abc"
//	@10s expect message_timeout
//
// `policy` sets timers by key (`negotiated=1 min=… max=… otherwise=…` for an idle_timeout that is negotiated), and `protocol=raw`
// (or beats: lines with ping and pong, mqtt, websocket, resp, postgres), `reset_on=upstream|either`, `dry.KEY=…` for those only observed,
// `least=100` for the bytes of min_rate, `server=first` for a protocol whose server speaks first, `lifetime=0.5` for the share that jitter takes off, `jitter=0.5` for the most that it may. The connection is accepted at
// @0s and read from then on. Events: `client|upstream "bytes"`, `client|upstream fin`, `client|upstream waits` (it does not
// take what waits for it), `… moves` (its kernel acknowledged some), `… takes 10` (bytes), `… took all`, `pause`, `resume`. `kernel holds`: what has been
// passed on lies in the gateway's kernel and the client has not acknowledged it; `kernel acks some|all`. `expect REASON` demands that the session ended at that very instant, `expect open` that it has not, `expect asked` that the client was asked then and once since the last, `expect answered 2s` that
// it took so long for its last answer, `expect swallowed` that its last was one to an earlier question, `expect idle_timeout is 1m30s agreed` that this is the value, and which it is, `expect observed KEY` that a dry run counted the timer then and once.
//
// `edit KEY=… grace=… share=…` exchanges the policy for what is written there and nothing of before but `protocol` and
// `reset_on`, with that share (else half) of the grace (else none).
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		for _, rule := range readRules(t, file) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+rule.name, func(t *testing.T) { rule.play(t) })
		}
	}
}

type rule struct {
	file  string
	name  string
	lines []line
}

type line struct {
	number int
	text   string
}

func readRules(t *testing.T, file string) (rules []rule) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for n := 1; scanner.Scan(); n++ {
		text := strings.TrimSpace(scanner.Text())
		name, isRule := strings.CutPrefix(text, "rule: ")
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case isRule:
			rules = append(rules, rule{file: file, name: name})
		default:
			last := &rules[len(rules)-1]
			last.lines = append(last.lines, line{n, text})
		}
	}
	return rules
}

// start is when scripts begin: not at 0, which means never.
const start = deadline.Instant(1000 * time.Hour)

type player struct {
	t        *testing.T
	where    string
	rules    Rules
	first    bool // the server speaks first
	session  Session
	now      deadline.Instant
	observed map[deadline.Timer][]deadline.Instant
	asked    []deadline.Instant
	answer   string // the last to a probe, as it is expected
	kernel   kernel
}

// kernel is what is known of the bytes that have been passed on to the client.
type kernel struct {
	holds   bool
	mark    uint32
	lastAck deadline.Instant
}

func (r rule) play(t *testing.T) {
	p := &player{t: t, rules: defaultRules(), observed: map[deadline.Timer][]deadline.Instant{}}
	var share uint16
	for _, l := range r.lines {
		p.where = fmt.Sprintf("%s:%d: %s", r.file, l.number, l.text)
		if settings, ok := strings.CutPrefix(l.text, "policy "); ok {
			share = p.policy(settings)
			continue
		}
		if p.now == 0 {
			p.now, p.session, p.kernel.lastAck = start, Accept(start, share), start
			p.session.Follow(&p.rules)
			p.session.Events.ServerFirst = p.first
		}
		at, event, _ := strings.Cut(strings.TrimPrefix(l.text, "@"), " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			t.Fatalf("%s: %v", p.where, err)
		}
		p.until(start.After(d))
		p.event(event)
	}
}

func defaultRules() Rules {
	newline, err := protocol.NewDelimiter([]byte("\n"), 64)
	if err != nil {
		panic(err)
	}
	return Rules{Protocol: protocol.NewFraming([2]protocol.Framer{newline, newline}), ResetOn: deadline.ResetOnClient, Bounded: true, NotSeen: ^deadline.Set(0)}
}

func (p *player) policy(settings string) (share uint16) {
	dry := map[string]string{}
	for _, setting := range strings.Fields(settings) {
		key, value, _ := strings.Cut(setting, "=")
		if name, ok := strings.CutPrefix(key, "dry."); ok {
			dry[name] = value
			continue
		}
		switch key {
		case "protocol":
			p.protocol(value)
		case "least":
			p.rules.Least, _ = strconv.ParseUint(value, 10, 64)
		case "negotiated":
			p.rules.Enforced[deadline.IdleTimeout] = deadline.Negotiated
			p.rules.Negotiated.On = true
		case "min", "max", "otherwise":
			p.bound(key, value)
		case "server":
			p.first = true
		case "reset_on":
			p.rules.ResetOn = map[string]deadline.ResetOn{"client": deadline.ResetOnClient, "upstream": deadline.ResetOnUpstream, "either": deadline.ResetOnEither}[value]
		case "jitter":
			f, _ := strconv.ParseFloat(value, 64)
			p.rules.Jitter = uint16(f * 65536)
		case "lifetime":
			f, _ := strconv.ParseFloat(value, 64)
			share = uint16(f * 65536)
		default:
			p.set(&p.rules.Enforced, key, value)
		}
	}
	p.rules.Observed = p.rules.Enforced
	for key, value := range dry {
		p.rules.DryRun = true
		for _, t := range p.set(&p.rules.Observed, key, value) {
			p.rules.NotSeen = p.rules.NotSeen.Without(t)
		}
	}
	return share
}

// edit puts other rules in force, with what is written and nothing of those before.
func (p *player) edit(settings string) {
	old, grace, share := p.rules, time.Duration(0), 0.5
	var timers []string
	for _, setting := range strings.Fields(settings) {
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "grace":
			grace, _ = time.ParseDuration(value)
		case "share":
			share, _ = strconv.ParseFloat(value, 64)
		default:
			timers = append(timers, setting)
		}
	}
	p.rules = defaultRules()
	p.rules.Protocol, p.rules.Bounded, p.rules.ResetOn = old.Protocol, old.Bounded, old.ResetOn
	p.rules.Heartbeats, p.rules.Pairs = old.Heartbeats, old.Pairs
	p.policy(strings.Join(timers, " "))
	p.session.ApplyRules(&old, &p.rules, p.now, grace, uint16(share*65536))
	p.tick()
}

func (p *player) set(d *deadline.Durations, key, value string) (timers []deadline.Timer) {
	duration, err := time.ParseDuration(value)
	if err != nil {
		p.t.Fatalf("%s: %v", p.where, err)
	}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if t.String() == key {
			d[t] = duration
			timers = append(timers, t)
		}
	}
	if timers == nil {
		p.t.Fatalf("%s: no timer %s", p.where, key)
	}
	return timers
}

// until lets time pass as a loop does: it sleeps until Next and asks what is due then.
func (p *player) until(at deadline.Instant) {
	for p.session.Reason == Open {
		next := p.session.Next(&p.rules)
		if next > at {
			break
		}
		if next < p.now {
			p.t.Fatalf("%s: Next went back", p.where)
		}
		p.now = next
		p.tick()
	}
	p.now = at
}

func (p *player) tick() {
	p.look()
	seen := p.session.Observe(&p.rules, p.now)
	for t := deadline.None; t < deadline.Count; t++ {
		if seen.Has(t) {
			p.observed[t] = append(p.observed[t], p.now)
		}
	}
	switch t, _ := p.session.Due(&p.rules, p.now); {
	case t == deadline.None:
		p.session.Polled(Client, p.now)
		p.session.Polled(Upstream, p.now)
	case t.Action() == deadline.Ask:
		if question := p.session.Ask(&p.rules, p.now, nil); len(question) > 0 {
			p.asked = append(p.asked, p.now)
		}
	case t == deadline.ReadDeadline && p.session.MayBeAnswered(&p.rules):
		p.session.CloseRead(p.now)
	default:
		p.session.End(Ends(t), p.now)
	}
}

// look tells the session what the kernel knows, as a loop does before a timer may fire.
func (p *player) look() {
	s, lastAck := &p.session, p.now.Since(p.kernel.lastAck)
	switch {
	case !s.Events.KernelPending && !s.IdleWaits(&p.rules, p.now):
	case p.kernel.holds:
		s.Unacked(p.kernel.mark, lastAck, p.now)
	default:
		s.AllAcked(&p.rules, p.kernel.mark, lastAck, p.now)
	}
}

func (p *player) event(text string) {
	who, what, _ := strings.Cut(text, " ")
	side := Client
	switch who {
	case "kernel":
		p.kernel.holds = what != "acks all"
		if what != "holds" {
			p.kernel.mark, p.kernel.lastAck = p.kernel.mark+1, p.now
		}
		return
	case "edit":
		p.edit(what)
		return
	case "expect":
		p.expect(what)
		return
	case "pause":
		p.session.Events.Pause(deadline.PauseDialling, p.now)
		return
	case "resume":
		p.session.Events.Resume(deadline.PauseDialling, p.now)
		return
	case "upstream":
		side = Upstream
	}
	if n, ok := strings.CutPrefix(what, "takes "); ok {
		bytes, err := strconv.ParseUint(n, 10, 64)
		if err != nil {
			p.t.Fatalf("%s: %v", p.where, err)
		}
		p.session.Took(&p.rules, side, bytes, p.now)
		return
	}
	switch what {
	case "fin":
		p.session.Finished(side.Sends(), p.now)
		p.session.FINPassed(side.Sends(), p.now)
	case "waits":
		p.session.Blocked(side, p.now)
	case "moves":
		p.session.Progressed(side, p.now)
	case "took all":
		p.session.Drained(&p.rules, side, p.now)
	case "resets":
		p.session.End(p.session.Reset(side), p.now)
	default:
		p.received(side, what)
	}
}

func (p *player) received(side Side, quoted string) {
	bytes, err := strconv.Unquote(quoted)
	if err != nil {
		p.t.Fatalf("%s: %v", p.where, err)
	}
	for b, fresh := []byte(bytes), len(bytes); len(b) > 0; fresh = 0 {
		got := p.session.Received(&p.rules, side.Sends(), Read{Bytes: b, New: fresh}, p.now)
		if got.Swallow > 0 && !got.Answers {
			p.answer = "swallowed"
			if took, known := p.session.Answered(p.now); known {
				p.answer = "answered " + took.String()
			}
		}
		if got.Broke != Open {
			p.session.End(got.Broke, p.now)
			return
		}
		if b = b[got.Pass+got.Swallow:]; got.Again > 0 {
			p.t.Fatalf("%s: a script must not cut a heartbeat", p.where)
		}
	}
}

func (p *player) expect(what string) {
	p.t.Helper()
	if key, ok := strings.CutPrefix(what, "observed "); ok {
		for t, at := range p.observed {
			if t.String() == key && len(at) == 1 && at[0] == p.now {
				delete(p.observed, t)
				return
			}
		}
		p.t.Fatalf("%s: observed so far: %v", p.where, p.observed)
	}
	switch which, value, _ := strings.Cut(what, " "); which {
	case "asked":
		if len(p.asked) != 1 || p.asked[0] != p.now {
			p.t.Fatalf("%s: asked so far: %v", p.where, p.asked)
		}
		p.asked = nil
		return
	case "answered", "swallowed":
		if p.answer != what {
			p.t.Fatalf("%s: the last answer was %s", p.where, p.answer)
		}
		p.answer = ""
		return
	case "idle_timeout":
		if value != "" {
			p.expectIdle(value)
			return
		}
	}
	if got := p.session.Reason.String(); got != what {
		p.t.Fatalf("%s: got %s after %v", p.where, got, p.session.Age(p.now))
	}
	if p.session.Reason != Open && p.session.Ended() != p.now {
		p.t.Fatalf("%s: ended at %v", p.where, p.session.Age(p.now))
	}
	if len(p.observed) > 0 {
		p.t.Fatalf("%s: observed and not expected: %v", p.where, p.observed)
	}
	if len(p.asked) > 0 {
		p.t.Fatalf("%s: asked and not expected: %v", p.where, p.asked)
	}
}

// expectIdle demands an idle_timeout, as in `is 90s agreed`.
func (p *player) expectIdle(want string) {
	p.t.Helper()
	for _, t := range p.session.Timers(&p.rules) {
		if t.Timer != deadline.IdleTimeout {
			continue
		}
		if got := fmt.Sprintf("is %v %v", t.Value, t.Choice); got != want {
			p.t.Fatalf("%s: it %s", p.where, got)
		}
	}
}
