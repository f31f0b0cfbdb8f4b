package top

import (
	"context"
	"time"

	"idlegate/gateway/admin/api"
)

// mostEvents is how many events one sample has.
const mostEvents = 1000

// awaitStream waits a moment for the stream, so that what happens while figures are gathered is not missed.
func (l *live) awaitStream(ctx context.Context, heard <-chan news) {
	const patience = time.Second
	enough := time.After(patience)
	for {
		select {
		case one := <-heard:
			if l.hear(one); one.event == nil {
				return
			}
		case <-enough:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Follow gives a model to emit every so often, count of them or, where that is 0, until ctx ends. The first comes after one
// interval, so that each has rates. The error is that of asking the gateway, or emit's; that events are not heard is none.
func Follow(ctx context.Context, from Source, query Query, every time.Duration, count int, emit func(Model) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := make(chan news)
	go from.Listen.follow(ctx, heard)
	l := &live{model: Model{Sort: query.Sort, Route: query.Route}}
	l.awaitStream(ctx, heard)
	tick := time.NewTicker(every)
	defer tick.Stop()
	events := []api.Event{}
	first := from.Ask.at(ctx, query)
	l.take(first)
	err := first.err
	for n := 0; err == nil && (count == 0 || n < count); {
		select {
		case <-ctx.Done():
			return nil
		case one := <-heard:
			l.hear(one)
			if one.event != nil && one.live {
				events = append(events, *one.event)
				events = events[max(0, len(events)-mostEvents):]
			}
			continue
		case <-tick.C:
		}
		r := from.Ask.at(ctx, query)
		if err = r.err; err != nil {
			break
		}
		l.take(r)
		l.model.Sample.Events, l.model.Sample.Unheard = events, l.model.Unheard
		err = emit(l.model)
		events = []api.Event{}
		n++
	}
	if ctx.Err() != nil {
		return nil // it was interrupted, which is how it ends
	}
	return err
}
