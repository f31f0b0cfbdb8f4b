package ledger

import (
	"testing"
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

func TestAHelloIsNoSignThatASilentClientSpeaksAgain(t *testing.T) {
	rules := session.Rules{Protocol: protocol.NewFraming([2]protocol.Framer{protocol.NewRaw(), protocol.NewRaw()})}
	rules.ResetOn = deadline.ResetOnClient
	start := deadline.Instant(time.Hour)
	for name, test := range map[string]struct {
		says  []time.Duration // since it came
		quiet time.Duration
	}{
		"nothing":                            {nil, 0},
		"hello":                              {[]time.Duration{8 * time.Millisecond}, 0},
		"hello after a while":                {[]time.Duration{5 * time.Second}, 5 * time.Second},
		"hello, and something soon after it": {[]time.Duration{8 * time.Millisecond, 20 * time.Millisecond}, 12 * time.Millisecond},
		"hello, and something later":         {[]time.Duration{8 * time.Millisecond, 9 * time.Second}, 8992 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := session.Accept(start, 0)
			for _, at := range test.says {
				s.Received(&rules, protocol.FromClient, session.Read{Bytes: []byte("x")}, start.After(at))
			}
			if got := Silence(&s, start.After(time.Minute)); got.Quiet != test.quiet || got.Tail <= 0 {
				t.Errorf("it was silent for %v before it spoke, and is for %v; want %v", got.Quiet, got.Tail, test.quiet)
			}
		})
	}
}

// TestWhatAConnectionTellsOfItsTimers plays one that speaks 3 s after it came, takes 4 s over its second message, begins a third, and ends.
func TestWhatAConnectionTellsOfItsTimers(t *testing.T) {
	four, err := protocol.NewFixed(4, 0)
	if err != nil {
		t.Fatal(err)
	}
	rules := session.Rules{Protocol: protocol.NewFraming([2]protocol.Framer{four, four}), Bounded: true}
	rules.ResetOn = deadline.ResetOnClient
	start := deadline.Instant(time.Hour)
	s := session.Accept(start, 0)
	at := func(d time.Duration, text string) session.Receipt {
		return s.Received(&rules, protocol.FromClient, session.Read{Bytes: []byte(text), New: len(text)}, start.After(d))
	}
	if got := at(3*time.Second, "0123"); got.First != 3*time.Second || got.Took != 0 {
		t.Errorf("a first message that comes whole: %v, %v", got.First, got.Took)
	}
	at(10*time.Second, "01")
	if got := at(14*time.Second, "2301"); got.First != 0 || got.Took != 4*time.Second {
		t.Errorf("a message in parts: %v, %v", got.First, got.Took)
	}
	end := start.After(20 * time.Second)
	var open advice.Tallies
	Open(&open, &s, end)
	s.End(session.ClientReset, end)
	var counted Counters
	counted.ended(&s, end)
	for name, tallies := range map[string]*advice.Tallies{"open": &open, "ended": &counted.Advice} {
		rows := func(timer advice.Timer) map[time.Duration]advice.Row {
			all := map[time.Duration]advice.Row{}
			for _, row := range advice.For(advice.Input{Timer: timer, Ended: tallies[timer], Counted: 24 * time.Hour}).Rows {
				all[row.Candidate] = row
			}
			return all
		}
		if r := rows(advice.MessageTimeout); r[5*time.Second].CutDead != 1 || r[10*time.Second].CutDead != 0 {
			t.Errorf("%s: the message under way for 6s: %+v", name, r)
		}
		if r := rows(advice.MaxLifetime); r[10*time.Second].CutSpoke != 1 || r[30*time.Second].CutSpoke+r[30*time.Second].CutDead != 0 {
			t.Errorf("%s: in use up to 14s, ended at 20s: %+v", name, r)
		}
		if n := tallies[advice.FirstMessageTimeout].Connections(); n != 0 {
			t.Errorf("%s: it counts %d times as one that said nothing", name, n)
		}
	}
	silent := session.Accept(start, 0)
	silent.End(session.FirstMessageTimeout, end)
	counted.ended(&silent, end)
	if got := advice.For(advice.Input{Timer: advice.FirstMessageTimeout, Ended: counted.Advice[advice.FirstMessageTimeout], Counted: time.Hour}); got.Cut != 1 || got.Rows[0].CutDead != 1 {
		t.Errorf("one that said nothing: %+v", got)
	}
}

func TestKnowledgeOfAnotherDryRunIsLeftOut(t *testing.T) {
	earlier := Knowledge{Counted: time.Hour, DryRun: 30 * time.Second, DryRunIdle: 7}
	earlier.Advice[advice.IdleTimeout].Spoke(40 * time.Second)
	earlier.Advice.Ended(advice.IdleTimeout, time.Second, time.Minute, false)
	for value, want := range map[time.Duration]uint64{30 * time.Second: 7, time.Minute: 0, 0: 0} {
		k := Knowledge{Counted: time.Minute, DryRun: value}
		k.Add(&earlier)
		resumed := advice.For(advice.Input{Ended: k.Advice[advice.IdleTimeout]}).Resumed
		if k.DryRunIdle != want || (resumed == 1) != (want == 7) || k.Counted != time.Hour+time.Minute || k.Advice[advice.IdleTimeout].Connections() != 1 {
			t.Errorf("a dry run of %v: %d counted, %d resumed, %v", value, k.DryRunIdle, resumed, k.Counted)
		}
	}
}
