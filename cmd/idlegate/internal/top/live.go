package top

import (
	"context"
	"time"
)

// live is a model that is kept up to date by answers and by keys.
type live struct {
	model Model
	wants bool // to ask again
	stale bool // something has happened since that shows in figures: to ask again in a moment

	last     Answers   // zero: none yet
	answered time.Time // when that was
}

// result is what became of asking.
type result struct {
	answers Answers
	err     error
	at      time.Time
}

func newLive(address, route string) *live {
	return &live{model: Model{Address: address, Sort: sortOrders()[0], Route: route, Keys: true}, wants: true}
}

// at asks and notes when the answer came.
func (a Ask) at(ctx context.Context, q Query) result {
	answers, err := a(ctx, q)
	return result{answers: answers, err: err, at: time.Now()}
}

// take shows answers, or that there are none; then what was shown before stays.
func (l *live) take(r result) {
	if r.err != nil {
		l.model.Gone = r.err.Error()
		if !l.answered.IsZero() {
			l.model.GoneFor = r.at.Sub(l.answered)
		}
		return
	}
	l.model.Sample = sample(l.last, r.answers)
	l.model.Gone, l.model.GoneFor = "", 0
	l.last, l.answered = r.answers, r.at
}

// press changes what the viewer has chosen, and asks for it. What is on the screen until then was another choice, so the
// connections are taken off it.
func (l *live) press(k key) {
	sort, route := l.model.Sort, l.model.Route
	l.model.press(k)
	if l.model.Sort != sort || l.model.Route != route {
		l.model.Sample.Connections = nil
		l.wants = true
	}
}
