package upstream

import (
	"strings"
	"testing"
	"time"
)

// TestHealthChecks plays checks, one a second: P passes, F fails. What is told is in want, at the place of the check.
func TestHealthChecks(t *testing.T) {
	rule := CheckRule{Rise: 2, Fall: 3}
	for name, test := range map[string]struct{ checks, want string }{
		"the first decides: it passes":                  {"P", "."},
		"the first decides: it fails":                   {"F", "D"},
		"up: fewer than fall in a row change nothing":   {"PFFPFFP", "......."},
		"up: fall in a row":                             {"PFFF", "...D"},
		"down: fewer than rise in a row change nothing": {"FPFPFP", "D....."},
		"down: rise in a row":                           {"FPP", "D.U"},
		"down, up and down again, each told once":       {"PFFFFFPPPPFFF", "...D...U....D"},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Config{Members: members(1)})
			e, got := s.Members[0].Endpoint, ""
			for i, check := range test.checks {
				words := map[rune]string{'F': "refused"}[check]
				c := e.Checked(rule, words, int64(i+1)*int64(time.Second))
				got += map[ChangeKind]string{Unchanged: ".", Down: "D", Up: "U"}[c.Kind]
				if down := e.Checks().State == CheckDown; down == e.Healthy() {
					t.Fatalf("check %d: down is %v and so is healthy", i, down)
				}
				if may := settle(s, client(0), 0) != nil; may != e.Healthy() {
					t.Fatalf("check %d: a connection finds it: %v, though healthy is %v", i, may, e.Healthy())
				}
			}
			if got != test.want {
				t.Errorf("told %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheLastFailureOfAHealthCheckIsKept(t *testing.T) {
	e := members(1)[0]
	rule := CheckRule{Rise: 1, Fall: 1}
	e.Checked(rule, "refused", 3)
	if c := e.Checked(rule, "", 10); c.Kind != Up || c.After != 7 {
		t.Errorf("the change is %+v", c)
	}
	e.Checked(rule, "", 20)
	if got, want := e.Checks(), (Checks{State: CheckUp, Since: 10, At: 20, Failure: "refused", FailedAt: 3}); got != want {
		t.Errorf("known is %+v, want %+v", got, want)
	}
	e.NotChecked("no port", 30)
	if got := e.Checks(); got.State != CheckUp || got.Failure != "no port" || !e.Healthy() || got.InDoubt() {
		t.Errorf("a check that could not be made says %+v", got)
	}
}

func TestADownEndpointIsNeverUsedAndAnEjectedOneOnlyIfAllAreOut(t *testing.T) {
	s := set(LeastConnections, 3)
	down := CheckRule{Rise: 1, Fall: 1}
	s.Members[0].Checked(down, "refused", 1)
	s.Members[1].health.failed(Eject{Failures: 1, For: time.Hour}, false, "refused", 1)
	if got := picks(s, 3); got != "ccc" {
		t.Errorf("picked %s, want the one that is well", got)
	}
	s.Members[2].Checked(down, "refused", 1)
	if got := picks(s, 2); got != "bb" {
		t.Errorf("picked %s, want the one that is only ejected", got)
	}
	s.Members[1].Checked(down, "refused", 1)
	if settle(s, client(0), 0) != nil || s.Healthy() {
		t.Error("one is picked though all are down")
	}
}

func TestABackupIsUsedWhileAllOthersAreDown(t *testing.T) {
	all := members(3)
	all[2].Backup = true
	s := New(Config{Members: all})
	for i := range 2 {
		all[i].Checked(CheckRule{Rise: 1, Fall: 1}, "refused", 1)
	}
	if got := picks(s, 2); got != "cc" {
		t.Errorf("picked %s", got)
	}
	all[0].Checked(CheckRule{Rise: 1, Fall: 1}, "", 2)
	if got := picks(s, 2); got != "aa" {
		t.Errorf("picked %s, want the one that is up again", got)
	}
}

func TestAnotherAddressIsUncheckedAndUsed(t *testing.T) {
	s := set(LeastConnections, 1)
	e := s.Members[0].Endpoint
	e.Checked(CheckRule{Rise: 1, Fall: 1}, "refused", 1)
	e.Move(other())
	if e.Checks() != (Checks{}) || !e.Healthy() {
		t.Errorf("known of a new address is %+v", e.Checks())
	}
}

func TestWhatIsSetByHandWinsOverChecksAndEjection(t *testing.T) {
	s := set(LeastConnections, 2)
	a, b := s.Members[0].Endpoint, s.Members[1].Endpoint
	a.Checked(CheckRule{Rise: 1, Fall: 1}, "refused", 1)
	a.health.failed(Eject{Failures: 1, For: time.Hour}, false, "refused", 1)
	a.SetHand(Hand{State: HandUp})
	b.SetHand(Hand{State: HandDown})
	if got := picks(s, 2); got != "aa" || !a.Healthy() || b.Healthy() {
		t.Errorf("picked %s, want the one that was set up", got)
	}
	a.SetHand(Hand{})
	b.SetHand(Hand{})
	if got := picks(s, 2); got != "bb" {
		t.Errorf("picked %s, want what checks say", got)
	}
}

func TestSlowStartRisesFromATenthInProportion(t *testing.T) {
	const picked = 20_000
	for _, balance := range []Balance{RoundRobin, Random, SourceHash} {
		for _, test := range []struct {
			after time.Duration
			least float64 // share of the turns of one that has all of its share
			most  float64
		}{{0, 0.05, 0.15}, {10 * time.Second, 0.2, 0.45}, {15 * time.Second, 0.4, 0.6}, {30 * time.Second, 0.9, 1.1}, {time.Hour, 0.9, 1.1}} {
			s := New(Config{Balance: balance, Members: members(4), SlowStart: 30 * time.Second})
			s.Members[1].Revive(int64(time.Minute))
			now := int64(time.Minute + test.after)
			counts := map[string]int{}
			for i := range picked {
				u := Use{}
				s.Pick(&u, client(i), now)
				counts[u.Name]++
				s.Ended(&u, Ending{}, now)
			}
			if balance == Random { // of two, and the one with fewer connections: here none has any
				counts["a"] = (counts["a"] + counts["c"] + counts["d"]) / 3
			}
			if share := float64(counts["b"]) / float64(counts["a"]); share < test.least || share > test.most {
				t.Errorf("balance %d, %v after it was back: %.2f of the share of another, want %v to %v", balance, test.after, share, test.least, test.most)
			}
		}
	}
}

func TestSlowStartWithLeastConnectionsDoesNotFillTheEmptyOne(t *testing.T) {
	s := New(Config{Members: members(2), SlowStart: 100 * time.Second})
	for range 100 {
		settle(s, client(0), 1)
	}
	s.Members[1].Checked(CheckRule{Rise: 1, Fall: 1}, "killed", 1)
	for range 100 {
		settle(s, client(0), 1)
	}
	for range 50 {
		u := Use{Endpoint: s.Members[1].Endpoint, stage: settled}
		s.Ended(&u, Ending{}, 1)
	}
	s.Members[1].Checked(CheckRule{Rise: 1, Fall: 1}, "", int64(time.Second))
	for range 100 {
		settle(s, client(0), int64(time.Second))
	}
	if n := s.Members[1].Open(); n < 10 || n > 30 {
		t.Errorf("the one that is back has %d connections beside %d, want a tenth or so", n, s.Members[0].Open())
	}
	if until := s.SlowUntil(s.Members[1].Endpoint, int64(time.Second)); until != int64(101*time.Second) {
		t.Errorf("it has less than its share until %v", time.Duration(until))
	}
}

func TestOneThatStartsSlowlyIsUsedWhereItIsAlone(t *testing.T) {
	for _, balance := range []Balance{LeastConnections, RoundRobin, Random, SourceHash} {
		s := New(Config{Balance: balance, Members: members(1), SlowStart: time.Hour})
		s.Members[0].Revive(1)
		if got := picks(s, 50); strings.Trim(got, "a") != "" {
			t.Errorf("balance %d picked %s", balance, got)
		}
	}
}
