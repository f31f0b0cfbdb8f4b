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
// event is its kind, its data an api.Event.
func (c calls) events(w http.ResponseWriter, r *http.Request) {
	a, err := newAsk(r, []string{"kind", "route"}, false)
	if err != nil {
		fail(w, err)
		return
	}
	kinds := a.kinds()
	if a.err != nil {
		fail(w, a.err)
		return
	}
	if r.Method == http.MethodHead {
		(&stream{w: w, control: http.NewResponseController(w)}).begin()
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	s := &stream{w: w, control: http.NewResponseController(w)}
	go s.follow(ctx, c.stopped, cancel)
	heard := make(chan api.Event)
	said := make(chan error, 1)
	go func() {
		said <- c.gateway.Listen(ctx, func() error {
			return hand(ctx, heard, api.Event{})
		}, func(e api.Event) error {
			if !slices.Contains(kinds, e.Kind) || a.text("route") != "" && routeOf(&e) != a.text("route") {
				return nil
			}
			return hand(ctx, heard, e)
		})
	}()
	s.write(heard, said)
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

// write writes events as they come, until said tells why there are no more. The first event that comes is none: it says that others are
// heard from now on.
func (s *stream) write(heard <-chan api.Event, said <-chan error) {
	tick := time.NewTicker(stillHere)
	defer tick.Stop()
	for {
		select {
		case e := <-heard:
			if !s.begun {
				s.begin()
				continue
			}
			if s.event(string(e.Kind), e) != nil {
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
	_ = s.send(": listening\n\n") // a caller that has gone is found out by the next write
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
