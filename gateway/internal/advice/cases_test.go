package advice

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"idlegate/policy"
)

// TestCases plays testdata/cases.txt, a list of paragraphs:
//
//	case: the timeout in force is longer than it needs to be
//	counted 3d idle_timeout 5m
//	400 ended quiet 41s tail 2h
//	expect 1m
//	because The longest silence after which a client spoke again was 41s.
//
// What comes before expect is the input: `counted D`, `idle_timeout D` (`in_force D` for other timers), `dry_run D`, `dry_run all D`, `observed N`,
// `tolerance SHARE`, `gaps P50 P99 P999 MAX`, any number of them on a line; `N ended quiet D tail D`, the same with `cut`
// at its end where idle_timeout ended them, and with `open` for `ended`; `N spoke D`, after a silence that the dry run had
// counted. `expect D|nothing` demands what is recommended, `expect too little [D]` that there is not enough to go by; all
// reasons follow, in their order. `timer KEY` and `kind short` say what is advised on, and in which policy; `certain WORD BASIS` demands
// how sure that is, and from what it follows.
func TestCases(t *testing.T) {
	for _, c := range readCases(t) {
		t.Run(c.name, func(t *testing.T) {
			got := For(c.in)
			if got.Recommended != c.recommended || got.Enough != c.enough {
				t.Errorf("recommended %v, enough %t; want %v, %t", got.Recommended, got.Enough, c.recommended, c.enough)
			}
			if said, want := strings.Join(got.Reasons, "\n"), strings.Join(c.reasons, "\n"); said != want {
				t.Errorf("it says:\n%s\nwant:\n%s", said, want)
			}
			if c.certain != "" && c.certain != got.Certainty.String()+" "+got.Basis {
				t.Errorf("how sure: %s %s\nwant: %s", got.Certainty, got.Basis, c.certain)
			}
			checkSnippets(t, &c.in, &got)
		})
	}
}

// checkSnippets demands that what is to be pasted does in a policy file what it says.
func checkSnippets(t *testing.T, in *Input, got *Advice) {
	t.Helper()
	wanted := got.Enough && got.Recommended > 0
	if (got.YAML != "") != wanted {
		t.Errorf("%v is recommended, but to be pasted is %q", got.Recommended, got.YAML)
	}
	if got.YAML != "" {
		if p := pasted(t, in, got.YAML); valueOf(p, in.Timer) != got.Recommended || p.DryRun.All {
			t.Errorf("pasted, %v is %v, dry_run %t:\n%s", in.Timer, valueOf(p, in.Timer), p.DryRun.All, got.YAML)
		}
	}
	if got.DryRunYAML == "" {
		return
	}
	p := pasted(t, in, got.DryRunYAML)
	if in.DryRunAll && (!p.DryRun.All || valueOf(p, in.Timer) != got.Recommended) ||
		!in.DryRunAll && (p.DryRun.All || p.DryRun.Timers[policy.Timer(in.Timer.String())] != got.Recommended) {
		t.Errorf("pasted, it does not watch %v:\n%s", got.Recommended, got.DryRunYAML)
	}
	if in.InForce > 0 && got.Recommended >= in.InForce {
		t.Errorf("a dry run of %v would see nothing beside %v in force", got.Recommended, in.InForce)
	}
}

// valueOf is the value of a timer in a policy.
func valueOf(p *policy.Policy, timer Timer) time.Duration {
	for _, t := range p.Timers() {
		if string(t.Key) == timer.String() {
			return t.Duration
		}
	}
	return -1
}

// pasted returns the policy of the route in a file that has the snippet in its place.
func pasted(t *testing.T, in *Input, snippet string) *policy.Policy {
	t.Helper()
	const rest = "    listen: 127.0.0.1:7000\n    protocol: raw\n    upstream: servers\n"
	file := snippet + rest
	if in.Policy != "" {
		file = snippet + "routes:\n  - name: " + strconv.Quote(in.Route) + "\n    policy: " + strconv.Quote(in.Policy) + "\n" + rest
	}
	config, err := policy.Parse("pasted.yaml", []byte(file+"upstreams:\n  servers: {endpoints: [127.0.0.1:9000]}\n"))
	if err != nil {
		t.Fatalf("%v in\n%s", err, file)
	}
	route := config.Routes[0]
	if route.Name != in.Route || route.Policy.Name != in.Policy {
		t.Errorf("route %s, policy %q; want %s, %q", route.Name, route.Policy.Name, in.Route, in.Policy)
	}
	return route.Policy
}

type adviceCase struct {
	name        string
	in          Input
	recommended time.Duration
	enough      bool
	reasons     []string
	certain     string
}

func readCases(t *testing.T) (all []*adviceCase) {
	t.Helper()
	f, err := os.Open("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for n := 1; scanner.Scan(); n++ {
		word, rest, _ := strings.Cut(scanner.Text(), " ")
		switch {
		case word == "" || word[0] == '#':
		case word == "case:":
			all = append(all, &adviceCase{name: rest, in: Input{Route: "devices", Policy: "patient"}})
		case len(all) == 0:
			t.Fatalf("cases.txt:%d: no case has begun", n)
		case word == "because":
			c := all[len(all)-1]
			c.reasons = append(c.reasons, rest)
		case word == "certain":
			all[len(all)-1].certain = rest
		default:
			all[len(all)-1].read(t, strings.Fields(scanner.Text()))
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// read takes one line, word by word.
func (c *adviceCase) read(t *testing.T, words []string) {
	t.Helper()
	next := func() string {
		if len(words) == 0 {
			t.Fatalf("%s: a line ends too early", c.name)
		}
		word := words[0]
		words = words[1:]
		return word
	}
	for len(words) > 0 {
		switch word := next(); word {
		case "counted":
			c.in.Counted = duration(t, next())
		case "idle_timeout", "in_force":
			c.in.InForce = duration(t, next())
		case "dry_run":
			if words[0] == "all" {
				next()
				c.in.DryRunAll = true
			}
			c.in.DryRun = duration(t, next())
		case "observed":
			c.in.Observed = uint64(whole(t, next()))
		case "tolerance":
			share, err := strconv.ParseFloat(next(), 64)
			if err != nil {
				t.Fatal(err)
			}
			c.in.Tolerance = share
		case "gaps":
			c.in.Gaps = Gaps{duration(t, next()), duration(t, next()), duration(t, next()), duration(t, next())}
		case "timer":
			c.in.Timer = timerOf(t, next())
		case "kind":
			c.in.Kind = next()
		case "inline":
			c.in.Policy = ""
		case "expect":
			c.expect(t, words)
			return
		default:
			c.count(t, whole(t, word), words)
			return
		}
	}
}

func timerOf(t *testing.T, key string) Timer {
	t.Helper()
	for timer := range Timers {
		if timer.String() == key {
			return timer
		}
	}
	t.Fatalf("there is no advice on %s", key)
	return Timers
}

func whole(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// count adds n connections, or silences that were counted by the dry run.
func (c *adviceCase) count(t *testing.T, n int, words []string) {
	t.Helper()
	if words[0] == "spoke" {
		for range n {
			c.in.Ended.Spoke(duration(t, words[1]))
		}
		return
	}
	if len(words) < 5 || words[1] != "quiet" || words[3] != "tail" {
		t.Fatalf("%s: not understood: %q", c.name, words)
	}
	quiet, tail := duration(t, words[2]), duration(t, words[4])
	for range n {
		if words[0] == "open" {
			c.in.Open.openOn(c.in.Timer.ladder(), quiet, tail)
			continue
		}
		c.in.Ended.endedOn(c.in.Timer.ladder(), quiet, tail, words[len(words)-1] == "cut")
	}
}

func (c *adviceCase) expect(t *testing.T, words []string) {
	t.Helper()
	c.enough = words[0] != "too"
	if last := words[len(words)-1]; last != "nothing" && last != "little" {
		c.recommended = duration(t, last)
	}
}
