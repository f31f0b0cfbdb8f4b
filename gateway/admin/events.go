package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"idlegate/gateway/admin/api"
)

const (
	// stillHere is how often something is written to a stream on which nothing happens, so that both ends know that the other is there.
	stillHere = 15 * time.Second
	// streamWrite is how long one write to a stream may take.
	streamWrite = 10 * time.Second
)

// errStopped ends streams when the server does.
var errStopped = errors.New("the gateway ends")

// events streams what happens, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): the name of an
// event is its kind, its data an api.Event. Those that are asked for of the past come first, then a comment that others are heard now.
func (c calls) events(w http.ResponseWriter, r *http.Request) {
	a, err := newAsk(r, []string{"kind", "route", "last"}, false)
	if err != nil {
		fail(w, err)
		return
	}
	wanted := wanted{kinds: a.kinds(), route: a.text("route"), last: a.number("last", 1, api.MaxLast, 0)}
	if a.err != nil {
		fail(w, a.err)
		return
	}
	if r.Method == http.MethodHead {
		s := &stream{w: w, control: http.NewResponseController(w)}
		s.begin()
		_ = s.send(nowListening)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	s := &stream{w: w, control: http.NewResponseController(w)}
	go s.follow(ctx, c.stopped, cancel)
	heard := make(chan api.Event)
	said := make(chan error, 1)
	go func() {
		said <- c.gateway.Listen(ctx, func(past []api.Event) error {
			for _, e := range append(wanted.of(past), api.Event{}) {
				if err := hand(ctx, heard, e); err != nil {
					return err
				}
			}
			return nil
		}, func(e api.Event) error {
			if !wanted.has(&e) {
				return nil
			}
			return hand(ctx, heard, e)
		})
	}()
	s.write(heard, said)
}

// wanted are the events that a caller asks for.
type wanted struct {
	kinds []api.EventKind
	route string // "": of any, and of none
	last  int    // how many of the past
}

func (w *wanted) has(e *api.Event) bool {
	return slices.Contains(w.kinds, e.Kind) && (w.route == "" || routeOf(e) == w.route)
}

// of are the last of the past that are wanted.
func (w *wanted) of(past []api.Event) []api.Event {
	past = slices.DeleteFunc(past, func(e api.Event) bool { return !w.has(&e) })
	return past[max(0, len(past)-w.last):]
}

// hand gives an event to who writes it.
func hand(ctx context.Context, to chan<- api.Event, e api.Event) error {
	select {
	case to <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kinds are those asked for, as in kind=ended,reload; without them all.
func (a *ask) kinds() []api.EventKind {
	text := a.text("kind")
	if text == "" {
		return api.EventKinds()
	}
	var kinds []api.EventKind
	for _, word := range strings.Split(text, ",") {
		if !slices.Contains(api.EventKinds(), api.EventKind(word)) {
			a.wrong("kind is %s; it must be one or several of %s, separated by commas", quote(text), strings.Trim(fmt.Sprint(api.EventKinds()), "[]"))
			return nil
		}
		kinds = append(kinds, api.EventKind(word))
	}
	return kinds
}

// routeOf is the route that an event is about; "": it is about none.
func routeOf(e *api.Event) string {
	switch {
	case e.Ended != nil:
		return e.Ended.Route
	case e.Alarm != nil:
		return e.Alarm.Route
	}
	return ""
}

// stream is one answer that goes on.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// follow ends the stream when the server stops.
func (s *stream) follow(ctx context.Context, stopped <-chan struct{}, cancel context.CancelCauseFunc) {
	select {
	case <-stopped:
		cancel(errStopped)
	case <-ctx.Done():
	}
}

// nowListening says that events are those that happen now, and none is missed.
const nowListening = ": listening\n\n"

// write writes events as they come, until said tells why there are no more. Those of the past come first, then one that is none.
func (s *stream) write(heard <-chan api.Event, said <-chan error) {
	tick := time.NewTicker(stillHere)
	defer tick.Stop()
	for {
		select {
		case e := <-heard:
			if !s.begun {
				s.begin()
			}
			if s.told(e) != nil {
				return
			}
		case <-tick.C:
			if s.send(": still here\n\n") != nil {
				return
			}
		case err := <-said:
			s.end(err)
			return
		}
	}
}

func (s *stream) begin() {
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	s.w.WriteHeader(http.StatusOK)
	s.begun = true
}

func (s *stream) told(e api.Event) error {
	if e.Kind == "" {
		return s.send(nowListening)
	}
	return s.event(string(e.Kind), e)
}

// end says why a stream ends that its caller has not ended.
func (s *stream) end(err error) {
	switch {
	case !s.begun && errors.Is(err, context.Canceled): // nobody is there to be answered
		s.begin()
	case !s.begun:
		fail(s.w, refusal{http.StatusServiceUnavailable, err.Error()})
	case !errors.Is(err, context.Canceled):
		_ = s.event(api.EventDropped, api.Error{Error: err.Error()})
	}
}

func (s *stream) event(name string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return s.send(fmt.Sprintf("event: %s\ndata: %s\n\n", name, text))
}

func (s *stream) send(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(streamWrite)) // which what is no connection has not
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
