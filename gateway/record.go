package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
)

// recordEvery is how often it is looked what has happened. Where something has, each loop is asked for totals: a wake-up, and some 150
// bytes of each route.
const recordEvery = time.Second

// recordSpare is how often it is looked where the looks at the policy file bring one along: these may hang.
const recordSpare = 5 * time.Second

// recorder looks at what the loops have counted every second, since some things that are wrong show only in how figures change.
type recorder struct {
	mu      sync.Mutex
	looked  time.Time                     // Guarded by mu; when the last look began.
	routes  map[*relay.RouteStats]*record // Guarded by mu; of those that are served.
	logLost episode                       // Guarded by mu.
	dropped uint64                        // Guarded by mu; lines of the log, at the last look.
	begun   map[alarmKey]api.Alarm        // Guarded by mu; the alarms of the last look.
}

// record is what is known of a route beyond its counters.
type record struct {
	last    ledger.Totals
	seen    time.Time // when; zero: not yet
	hour    ledger.Hour
	refused episode
	causes  causes // of the refusals of that episode
	late    episode
}

func newRecorder() *recorder {
	return &recorder{routes: map[*relay.RouteStats]*record{}, begun: map[alarmKey]api.Alarm{}}
}

// quiet is how long nothing of a kind must have happened for an episode to be over.
const quiet = time.Minute

// episode is a row of like events without a quiet minute between them.
type episode struct {
	since, last time.Time
	count       uint64
	worst       time.Duration
}

// note adds n events; worst is how bad the worst of them was, where that can be said.
func (e *episode) note(now time.Time, n uint64, worst time.Duration) {
	if n == 0 {
		return
	}
	if !e.isOn(now) {
		*e = episode{since: now}
	}
	e.last = now
	e.count += n
	e.worst = max(e.worst, worst)
}

func (e episode) isOn(now time.Time) bool { return e.count > 0 && now.Sub(e.last) < quiet }

// lateFrom is from when on a timer is so late that the operator is told: usual is a millisecond or two.
const lateFrom = 100 * time.Millisecond

// note takes the totals of a route at now, which is in a minute of the monotonic clock, and how many connections it has.
func (r *record) note(now time.Time, minute int64, totals *ledger.Totals, open int64) {
	since := totals.Since(&r.last)
	apart := recordEvery
	if !r.seen.IsZero() {
		apart = now.Sub(r.seen)
	}
	r.last, r.seen = *totals, now
	r.hour.Note(minute, &since, open, apart)
	r.noteRefused(now, &since)
	if since.Latest >= lateFrom {
		r.late.note(now, 1, since.Latest)
	}
}

func (r *record) noteRefused(now time.Time, since *ledger.Totals) {
	if !r.refused.isOn(now) {
		r.causes = causes{}
	}
	r.refused.note(now, since.RefusedAll(), 0)
	for cause, n := range since.Refused {
		r.causes[cause] += n
	}
}

// due reports whether it is to be looked at now, and notes that it is. A look that comes well within a second of the last is not due.
func (r *recorder) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.looked.IsZero() && now.Sub(r.looked) < recordEvery*3/4 {
		return false
	}
	r.looked = now
	return true
}

// note takes the totals of the routes that are served, and forgets all others.
func (r *recorder) note(now time.Time, minute int64, routes []*relay.RouteStats, totals []ledger.Totals, dropped uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.routes
	r.routes = make(map[*relay.RouteStats]*record, len(routes))
	for i, one := range routes {
		of := known[one]
		if of == nil {
			of = &record{} // of a route that has just come into being, and had counted nothing
		}
		of.note(now, minute, &totals[i], one.Open())
		r.routes[one] = of
	}
	r.logLost.note(now, dropped-r.dropped, 0)
	r.dropped = dropped
}

// goOn notes that nothing was counted since the last look. It reports false, and notes nothing, where a route is not known yet.
func (r *recorder) goOn(now time.Time, minute int64, routes []*relay.RouteStats, dropped uint64) bool {
	r.mu.Lock()
	totals := make([]ledger.Totals, len(routes))
	for i, one := range routes {
		of := r.routes[one]
		if of == nil {
			r.mu.Unlock()
			return false
		}
		totals[i] = of.last
		totals[i].Latest = 0 // that was then
	}
	r.mu.Unlock()
	r.note(now, minute, routes, totals, dropped)
	return true
}

// episodes returns what has happened lately on a route.
func (r *recorder) episodes(of *relay.RouteStats) (refused, late episode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.routes[of]; known != nil {
		return known.refused, known.late
	}
	return episode{}, episode{}
}

// refusedBy returns the causes of the refusals that episodes tells.
func (r *recorder) refusedBy(of *relay.RouteStats) causes {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.routes[of]; known != nil {
		return known.causes
	}
	return causes{}
}

// hour returns what has happened on a route in the last hour.
func (r *recorder) hour(of *relay.RouteStats) ledger.Hour {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.routes[of]; known != nil {
		return known.hour
	}
	return ledger.Hour{}
}

func (r *recorder) logLoss() episode {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logLost
}

// alarmKey tells alarms apart.
type alarmKey struct {
	kind                                   api.AlarmKind
	route, upstream, endpoint, certificate string
}

func keyOf(a *api.Alarm) alarmKey {
	return alarmKey{a.Kind, a.Route, a.Upstream, a.Endpoint, a.Certificate}
}

// date says since when each of the alarms is on, where that is not known otherwise: since it was seen first. It returns those that are
// new, and those that are over.
func (r *recorder) date(now time.Time, alarms []api.Alarm) (fresh, over []api.Alarm) {
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := make(map[alarmKey]api.Alarm, len(alarms))
	for i := range alarms {
		a := &alarms[i]
		key := keyOf(a)
		before, known := r.begun[key]
		if a.Since.IsZero() {
			a.Since = now
			if known {
				a.Since = before.Since
			}
		}
		if !known {
			fresh = append(fresh, *a)
		}
		begun[key] = *a
	}
	for key, a := range r.begun {
		if _, goesOn := begun[key]; !goesOn {
			over = append(over, a)
		}
	}
	r.begun = begun
	return fresh, over
}

// totals adds up what the loops have counted of the routes.
func (g *Gateway) totals(ctx context.Context, routes []*relay.RouteStats) ([]ledger.Totals, error) {
	of := func(l *relay.Loop, r *relay.RouteStats) ledger.Totals {
		if r == routes[0] { // before any is copied: what happens from then on shows at the next look, if not at this one
			l.ClearActive()
		}
		return l.Totals(r)
	}
	return sumOf(ctx, g, "its totals", routes, of, (*ledger.Totals).Add)
}

// isActive reports whether there was something to do on any loop since the last look.
func (g *Gateway) isActive() bool {
	return slices.ContainsFunc(g.loops, (*relay.Loop).Active)
}

// look takes a look if one is due, and notes what is wrong then. Where there was nothing to do no loop wakes up for it.
func (g *Gateway) look(ctx context.Context) {
	if !g.record.due(time.Now()) {
		return
	}
	now, gone := g.served()
	routes := append(statsOf(slices.Concat(now.routes, gone.routes)), g.unrouted)
	at, minute := time.Now(), g.clock.Now()/int64(time.Minute)
	if g.isActive() || !g.record.goOn(at, minute, routes, g.log.dropped()) {
		totals, err := g.totals(ctx, routes)
		if err != nil {
			return // the gateway ends
		}
		at = time.Now()
		g.record.note(at, minute, routes, totals, g.log.dropped())
	}
	g.alarms(at)
	g.garbage.look(at)
}

// ownRecordEvery is how often the record has a wake-up of its own.
func (c *Config) ownRecordEvery() time.Duration {
	if c.watches() && c.Every <= recordEvery {
		return recordSpare
	}
	return recordEvery
}

// recordFigures looks every second until the returned function is called or ctx ends, along with the looks at the policy file.
func (g *Gateway) recordFigures(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var recording sync.WaitGroup
	recording.Go(func() {
		ticks := newTicks(ctx, g.cfg.ownRecordEvery(), phaseRecord)
		defer ticks.Stop()
		for g.look(ctx); ticks.Wait(); {
			g.look(ctx)
		}
	})
	recording.Go(func() { g.makeRoom(ctx) })
	return func() {
		cancel()
		recording.Wait()
	}
}

// makeRoom makes room for the garbage of handshakes as soon as many have begun, until ctx ends.
func (g *Gateway) makeRoom(ctx context.Context) {
	for {
		select {
		case <-g.garbage.handshakes.More():
			g.garbage.look(time.Now())
		case <-ctx.Done():
			return
		}
	}
}
