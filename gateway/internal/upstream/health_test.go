package upstream

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestEjection plays the scripts in testdata in virtual time. A line is an instant, a connection by a name of its own, and
// what it does; then what is expected of it:
//
//	@0s one pick a            it goes to endpoint a, "none" if there is no place, "a probe" where it is one
//	@1s one refused           or timeout, connected, settled, reset, lost, fin, spoke (it has sent bytes), left
//	@1s one refused: ejected a 10s   the event ejects, or returns, its endpoint
//	@1s expect a ejected until 11s   or failures 2, healthy
func TestEjection(t *testing.T) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(f.Name(), ".txt"), func(t *testing.T) {
			file, err := os.Open("testdata/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			p := &play{uses: map[string]*Use{}, spoke: map[string]bool{}}
			lines := bufio.NewScanner(file)
			for n := 1; lines.Scan(); n++ {
				if err := p.line(lines.Text()); err != nil {
					t.Fatalf("%s:%d: %s: %v", f.Name(), n, lines.Text(), err)
				}
			}
		})
	}
}

// play is one script under way.
type play struct {
	set   *Set
	now   int64
	uses  map[string]*Use
	spoke map[string]bool
}

func (p *play) line(text string) error {
	text, _, _ = strings.Cut(text, "#")
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil
	}
	if words[0] == "endpoints" { // a b, each followed by " backup" where it is one
		return p.begin(words[1:])
	}
	at, err := time.ParseDuration(strings.TrimPrefix(words[0], "@"))
	if err != nil || int64(at) < p.now {
		return fmt.Errorf("no later instant: %w", err)
	}
	p.now = int64(at)
	if words[1] == "expect" {
		return p.expect(words[2], strings.Join(words[3:], " "))
	}
	name, event := words[1], strings.TrimSuffix(words[2], ":")
	if event == "pick" {
		return p.pick(name, strings.Join(words[3:], " "))
	}
	got := describe(p.uses[name], p.event(name, event))
	if want := strings.Join(words[3:], " "); got != want {
		return fmt.Errorf("%q came of it, want %q", got, want)
	}
	return nil
}

func (p *play) begin(words []string) error {
	var all []Member
	for _, word := range words {
		if word == "backup" {
			all[len(all)-1].Backup = true
			continue
		}
		m := members(1)[0]
		m.Name, m.ID = word, ID(len(all)+1)
		all = append(all, m)
	}
	p.set = New(Config{Members: all, Eject: rule})
	return nil
}

func (p *play) pick(name, want string) error {
	u := p.uses[name]
	if u == nil {
		u = &Use{}
		p.uses[name] = u
	}
	got := "none"
	if p.set.Pick(u, client(0), p.now) {
		if got = u.Name; u.probe {
			got += " probe"
		}
	}
	if got != want {
		return fmt.Errorf("it goes to %s", got)
	}
	return nil
}

func (p *play) event(name, event string) Change {
	u := p.uses[name]
	ends := map[string]End{"reset": EndReset, "lost": EndLost, "fin": EndFIN, "left": EndOther, "stalled": EndStalled}
	how, isEnd := ends[event]
	switch {
	case event == "refused":
		return p.set.Failed(u, Refused, event, p.now)
	case event == "timeout":
		return p.set.Failed(u, TimedOut, event, p.now)
	case event == "connected":
		u.Connected(p.now)
	case event == "settled":
		return u.Settled(p.now)
	case event == "spoke":
		p.spoke[name] = true
	case isEnd:
		return p.set.Ended(u, Ending{How: how, Silent: !p.spoke[name]}, p.now)
	case event == "impatient": // left after a second without an answer
		return p.set.Ended(u, Ending{Silent: true, Waited: time.Second}, p.now)
	default:
		panic("unknown event " + event)
	}
	return Change{}
}

func describe(u *Use, c Change) string {
	switch c.Kind {
	case Ejected:
		return fmt.Sprintf("ejected %s %v", u.Name, c.For)
	case Returned:
		return fmt.Sprintf("returned %s %v", u.Name, c.After)
	}
	return ""
}

func (p *play) expect(endpoint, want string) error {
	for _, m := range p.set.Members {
		if m.Name != endpoint {
			continue
		}
		h := m.Health()
		got := fmt.Sprintf("failures %d", h.Failures)
		if h.Ejected {
			got = fmt.Sprintf("ejected until %v", time.Duration(h.Until))
		} else if h.Failures == 0 {
			got = "healthy"
		}
		if got != want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	}
	return fmt.Errorf("no endpoint %s", endpoint)
}
