package top

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"idlegate/cmd/idlegate/internal/client"
)

func TestRates(t *testing.T) {
	before, now := busy()
	for name, c := range map[string]struct {
		change func(before, now *Answers)
		want   *Rates
	}{
		"what happened, in a second": {
			want: &Rates{
				Opened: 1.5, ClientMessages: 3400, UpstreamMessages: 34,
				Closed: map[string]float64{"idle_timeout": 2, "client_fin": 1, "client_reset": 1, "drained": 0.5},
			},
		},
		"nothing to compare with": {change: func(before, _ *Answers) { *before = Answers{} }},
		"the gateway was started again": {change: func(_, now *Answers) {
			now.Status.StartedAt = now.Status.StartedAt.Add(time.Hour)
		}},
		"the route is new":                {change: func(before, _ *Answers) { before.Routes.Routes[0].Name = "other" }},
		"the route was taken out and in":  {change: func(_, now *Answers) { now.Routes.Routes[0].Opened = 1 }},
		"a count of ends went backwards":  {change: func(_, now *Answers) { now.Routes.Routes[0].Closed["killed"] = 6 }},
		"both looks are of one instant":   {change: func(before, now *Answers) { now.Routes.Now = before.Routes.Now }},
		"the clock of the gateway is set": {change: func(_, now *Answers) { now.Routes.Now = noon().Add(-time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			before, now = busy()
			if c.change != nil {
				c.change(&before, &now)
			}
			if diff := cmp.Diff(c.want, sample(before, now).Routes[0].Rates); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	for typed, want := range map[string][]key{
		"q":            {keyQuit},
		"\x03":         {keyQuit},
		"sj":           {keyNext, keyNext},
		"k":            {keyPrevious},
		"\x1b[A\x1b[B": {keyPrevious, keyNext},
		"\x1bOC\x1bOD": {keyNext, keyPrevious},
		"r":            {keyRoute},
		"\x1b[Hx\x1b":  {keyNone, keyNone, keyNone},
		"":             nil,
		"\x1b[":        {keyNone, keyNone},
	} {
		if got := decode([]byte(typed)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", typed, got, want)
		}
	}
}

func TestKeysChoose(t *testing.T) {
	before, now := busy()
	l := newLive("127.0.0.1:9180", "")
	l.take(result{answers: before, at: noon()})
	l.take(result{answers: now, at: noon()})
	for _, step := range []struct {
		key         key
		sort, route string
	}{
		{keyNext, "-silence", ""}, {keyPrevious, "due", ""}, {keyPrevious, "id", ""}, {keyNext, "due", ""},
		{keyRoute, "due", "devices"}, {keyRoute, "due", "lines"}, {keyRoute, "due", ""},
	} {
		l.wants, l.model.Sample.Connections = false, now.Connections.Connections
		l.press(step.key)
		if l.model.Sort != step.sort || l.model.Route != step.route {
			t.Errorf("by %s of %q, want by %s of %q", l.model.Sort, l.model.Route, step.sort, step.route)
		}
		if !l.wants || len(l.model.Sample.Connections) > 0 {
			t.Error("what was chosen before stays on the screen")
		}
	}
	l.wants = false
	if l.press(keyNone); l.wants {
		t.Error("a key that means nothing has the gateway asked")
	}
}

// A gateway that goes away is said to be gone, what it said last stays, and it is taken up again.
func TestGatewayGoesAndComesBack(t *testing.T) {
	before, now := busy()
	l := newLive("127.0.0.1:9180", "")
	l.take(result{err: errors.New("connection refused"), at: noon()})
	if l.model.Gone != "connection refused" || l.model.GoneFor != 0 {
		t.Errorf("gone %q for %s", l.model.Gone, l.model.GoneFor)
	}
	l.take(result{answers: before, at: noon()})
	l.take(result{err: errors.New("connection refused"), at: noon().Add(9 * time.Second)})
	if l.model.GoneFor != 9*time.Second || len(l.model.Sample.Routes) != 2 {
		t.Errorf("gone for %s with %d routes", l.model.GoneFor, len(l.model.Sample.Routes))
	}
	l.take(result{answers: now, at: noon().Add(10 * time.Second)})
	if l.model.Gone != "" || l.model.Sample.Routes[0].Rates == nil {
		t.Errorf("still gone: %q", l.model.Gone)
	}
}

func TestFollow(t *testing.T) {
	before, now := busy()
	down := errors.New("down")
	for name, c := range map[string]struct {
		count, downAfter int
		interrupt        time.Duration
		samples          int
		err              error
	}{
		"as many as were asked for, a second apart": {count: 2, downAfter: 9, interrupt: time.Hour, samples: 2},
		"until it is interrupted":                   {downAfter: 99, interrupt: 3500 * time.Millisecond, samples: 3},
		"until the gateway is gone":                 {downAfter: 3, interrupt: time.Hour, samples: 2, err: down},
		"there is no gateway":                       {downAfter: 0, interrupt: time.Hour, err: down},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.interrupt)
				defer cancel()
				asked, start := 0, time.Now()
				ask := func(context.Context, Query) (Answers, error) {
					asked++
					switch {
					case asked > c.downAfter:
						return Answers{}, down
					case asked == 1:
						return before, nil
					}
					return now, nil
				}
				var got []Sample
				err := Follow(ctx, Source{ask, deaf}, Query{}, time.Second, c.count, func(m Model) error {
					got = append(got, m.Sample)
					return nil
				})
				if !errors.Is(err, c.err) || len(got) != c.samples {
					t.Fatalf("%d samples, error %v; want %d, %v", len(got), err, c.samples, c.err)
				}
				if c.samples > 0 && got[0].Routes[0].Rates == nil {
					t.Error("the first sample has no rates")
				}
				if c.count > 0 && time.Since(start) != time.Duration(c.count)*time.Second {
					t.Errorf("took %s", time.Since(start))
				}
			})
		})
	}
}

// deaf is a stream on which nothing comes.
func deaf(ctx context.Context, _ client.EventsQuery, to client.Listener) error {
	if err := to.Ready(); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}
