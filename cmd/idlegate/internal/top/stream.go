package top

import (
	"context"
	"errors"
	"time"

	"idlegate/cmd/idlegate/internal/client"
	"idlegate/gateway/admin/api"
)

const (
	// relisten is how long after a stream of events was lost it is opened again.
	relisten = 2 * time.Second
	// calm is how long ends are not listened to after there were more than could be read.
	calm = time.Minute
	// lastEvents is how many of the past a stream begins with.
	lastEvents = 20
)

// storm is why ends are not heard for a while.
const storm = "more connections end than can be told each"

// Listen listens to events until ctx ends or the stream is lost. client.Events does.
type Listen func(context.Context, client.EventsQuery, client.Listener) error

// news is what comes of listening: an event, or a turn of the stream.
type news struct {
	event *api.Event
	live  bool   // of an event: it happens now. Else the stream is there from now on.
	lost  string // why events, or ends only, are not heard; "": they are
}

// follow keeps a stream of events open until ctx ends, and sends what comes of it.
func (l Listen) follow(ctx context.Context, to chan<- news) {
	send := func(n news) error {
		select {
		case to <- n:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var calmAt time.Time
	for ctx.Err() == nil {
		stormy := time.Now().Before(calmAt)
		err := l.once(ctx, stormy, calmAt, send)
		wait := relisten
		var dropped *client.DroppedError
		switch {
		case errors.As(err, &dropped) && !stormy:
			calmAt, wait = time.Now().Add(calm), 0
		case errors.Is(err, context.DeadlineExceeded) && stormy:
			wait = 0 // it is calm again
		case send(news{lost: err.Error()}) != nil:
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// once listens to one stream, in a storm to one without ends and until it is over.
func (l Listen) once(ctx context.Context, stormy bool, calmAt time.Time, send func(news) error) error {
	q, lost := client.EventsQuery{Last: lastEvents}, ""
	if stormy {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, calmAt)
		defer cancel()
		lost = storm
		for _, kind := range api.EventKinds() {
			if kind != api.EventEnded {
				q.Kinds = append(q.Kinds, string(kind))
			}
		}
	}
	live := false
	return l(ctx, q, client.Listener{
		Ready: func() error { live = true; return send(news{live: true, lost: lost}) },
		Heard: func(e api.Event) error { return send(news{event: &e, live: live}) },
	})
}
