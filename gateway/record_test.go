package gateway

import (
	"testing"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
)

// recorded is a recorder of one route, whose totals are told it second by second.
type recorded struct {
	*recorder
	now    time.Time
	route  *relay.RouteStats
	totals ledger.Totals
	lost   uint64
}

func newRecorded() *recorded {
	return &recorded{recorder: newRecorder(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), route: relay.NewRouteStats("r", 1)}
}

// after lets time pass, with a look each second.
func (r *recorded) after(d time.Duration) {
	for ; d > 0; d -= time.Second {
		r.now = r.now.Add(time.Second)
		r.note(r.now, 1000+r.now.Unix()/60, []*relay.RouteStats{r.route}, []ledger.Totals{r.totals}, r.lost)
		r.totals.Latest = 0 // as the loops do
	}
}

func TestAnEpisodeLastsUntilNothingHasHappenedForAMinute(t *testing.T) {
	r := newRecorded()
	r.totals.Refused[session.Denied] = 3
	r.after(time.Second)
	began := r.now
	r.after(58 * time.Second)
	r.totals.Refused[session.OverRouteLimit] = 2
	r.after(time.Second)
	if e, _ := r.episodes(r.route); !e.isOn(r.now) || e.count != 5 || !e.since.Equal(began) {
		t.Errorf("after refusals that were less than a minute apart: %+v, want 5 since %v", e, began)
	}
	r.after(59 * time.Second)
	if e, _ := r.episodes(r.route); !e.isOn(r.now) {
		t.Error("it was over before a quiet minute")
	}
	r.after(time.Second)
	if e, _ := r.episodes(r.route); e.isOn(r.now) {
		t.Error("it goes on after a quiet minute")
	}
	r.totals.Refused[session.Denied]++
	r.after(time.Second)
	if e, _ := r.episodes(r.route); e.count != 1 || !e.since.Equal(r.now) {
		t.Errorf("the next one is %+v, want 1 since %v", e, r.now)
	}
}

func TestLatenessIsTheGreatestOfAnEpisode(t *testing.T) {
	r := newRecorded()
	for _, late := range []time.Duration{lateFrom - 1, 0} {
		r.totals.Latest = late
		r.after(time.Second)
	}
	if _, e := r.episodes(r.route); e.isOn(r.now) {
		t.Errorf("a timer that was %v late is told: %+v", lateFrom-1, e)
	}
	for _, late := range []time.Duration{300 * time.Millisecond, 900 * time.Millisecond, 200 * time.Millisecond} {
		r.totals.Latest = late
		r.after(time.Second)
	}
	if _, e := r.episodes(r.route); e.worst != 900*time.Millisecond || e.count != 3 {
		t.Errorf("the episode is %+v, want a worst of 900ms in 3 seconds", e)
	}
}

func TestLostLinesOfTheLogAreAnEpisode(t *testing.T) {
	r := newRecorded()
	r.after(5 * time.Second)
	r.lost = 17
	r.after(2 * time.Second)
	if e := r.logLoss(); e.count != 17 || !e.isOn(r.now) {
		t.Errorf("after 17 lost lines: %+v", e)
	}
	r.after(quiet)
	if r.logLoss().isOn(r.now) {
		t.Error("it goes on after a quiet minute")
	}
}

func TestAnAlarmKeepsItsBeginAndARouteThatHasGoneIsForgotten(t *testing.T) {
	r := newRecorded()
	alarm := func() []api.Alarm { return []api.Alarm{{Kind: api.AlarmRouteFull, Route: "r"}} }
	first := alarm()
	r.date(r.now, first)
	began := r.now
	r.after(time.Minute)
	second := alarm()
	r.date(r.now, second)
	if !first[0].Since.Equal(began) || !second[0].Since.Equal(began) {
		t.Errorf("it began at %v, then at %v; want %v", first[0].Since, second[0].Since, began)
	}
	r.date(r.now, nil)
	third := alarm()
	r.date(r.now, third)
	if !third[0].Since.Equal(r.now) {
		t.Errorf("one that came back began at %v, want %v", third[0].Since, r.now)
	}
	r.note(r.now, 1, nil, nil, 0)
	if len(r.routes) != 0 {
		t.Errorf("%d routes are remembered of none", len(r.routes))
	}
}
