package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
)

const (
	mostListeners = 16   // to events, at once
	mostWaiting   = 1024 // events for one of them; who has more to read is dropped
	mostOfPast    = 500  // changes or problems of a reload that is remembered
)

// events tells those who listen what happens. Where nobody listens, the end of a connection costs the look at an empty list.
type events struct {
	mu        sync.Mutex                      // held while listeners is exchanged, and while one that is no end is told
	past      []api.Event                     // Guarded by mu; the last that were no ends, the oldest first.
	listeners atomic.Pointer[[]*eventsReader] // nil: none; what it points to is never changed
}

// happening is an event on its way: an end as its loop gives it, which is described where it is read, or another.
type happening struct {
	ended ledger.Ended
	event *api.Event // nil: it is the end
}

// eventsReader is one who listens.
type eventsReader struct {
	waiting chan happening
	late    chan struct{} // closed when there were too many
	once    sync.Once
}

// tell tells all listeners, and drops those that do not keep up. It does not wait; loops may call it.
func (e *events) tell(h *happening) {
	listeners := e.listeners.Load()
	if listeners == nil {
		return
	}
	for _, l := range *listeners {
		select {
		case l.waiting <- *h:
		default:
			l.once.Do(func() { close(l.late) })
		}
	}
}

func (e *events) ended(end *ledger.Ended) {
	if e.listeners.Load() != nil {
		e.tell(&happening{ended: *end})
	}
}

// say sends an event that is not an end, and remembers it.
func (e *events) say(event api.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.past) == api.MaxLast {
		e.past = slices.Delete(e.past, 0, 1)
	}
	e.past = append(e.past, bounded(event))
	e.tell(&happening{event: &event})
}

// bounded is an event without what would make it take much memory: a file may have any number of problems.
func bounded(event api.Event) api.Event {
	if event.Reload == nil {
		return event
	}
	r := *event.Reload
	r.Changes, r.Pending, r.Problems, r.Warnings = cut(r.Changes), cut(r.Pending), cut(r.Problems), cut(r.Warnings)
	event.Reload = &r
	return event
}

func cut[T any](all []T) []T {
	if len(all) <= mostOfPast {
		return all
	}
	return slices.Clone(all[:mostOfPast])
}

// errManyListeners is why nobody else can listen.
var errManyListeners = fmt.Errorf("%d callers listen to events already, and no more may", mostListeners)

// listen begins to listen. It also returns what is remembered: none of that is told again, and none between is missed.
func (e *events) listen() (*eventsReader, []api.Event, error) {
	l := &eventsReader{waiting: make(chan happening, mostWaiting), late: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	var now []*eventsReader
	if all := e.listeners.Load(); all != nil {
		now = *all
	}
	if len(now) >= mostListeners {
		return nil, nil, errManyListeners
	}
	now = append(slices.Clone(now), l)
	e.listeners.Store(&now)
	return l, slices.Clone(e.past), nil
}

func (e *events) leave(l *eventsReader) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(*e.listeners.Load()), func(one *eventsReader) bool { return one == l })
	if len(left) == 0 {
		e.listeners.Store(nil)
		return
	}
	e.listeners.Store(&left)
}

// errLate is why a listener is dropped.
var errLate = errors.New("more happened than was read: events were lost")

// Listen calls heard for each event until ctx ends, which is then the error, or heard or ready gives one. ready is called when no event is
// missed any more, with the last that were no ends, the oldest first. A listener that does not keep up is dropped.
func (g *Gateway) Listen(ctx context.Context, ready func(past []api.Event) error, heard func(api.Event) error) error {
	l, past, err := g.log.events.listen()
	if err != nil {
		return err
	}
	defer g.log.events.leave(l)
	if err := ready(past); err != nil {
		return err
	}
	for {
		select {
		case h := <-l.waiting:
			if err := heard(g.describeEvent(&h)); err != nil {
				return err
			}
		case <-l.late:
			return errLate
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *Gateway) describeEvent(h *happening) api.Event {
	if h.event != nil {
		return *h.event
	}
	ended := g.describeEnded(h.ended)
	return api.Event{Kind: api.EventEnded, At: ended.EndedAt, Ended: &ended}
}

// Note tells those who listen what an operator has done.
func (g *Gateway) Note(d api.Deed) {
	g.log.events.say(api.Event{Kind: api.EventDeed, At: time.Now(), Deed: &d})
}

var healthWords = [...]string{
	relay.EndpointEjected: "ejected", relay.EndpointBack: "back", relay.EndpointDown: "down", relay.EndpointUp: "up",
	relay.UpstreamOut: "out", relay.UpstreamBack: "back",
}

func (e *events) health(h *relay.Health) {
	e.say(api.Event{Kind: api.EventHealth, At: time.Now(), Health: &api.HealthEvent{
		Change: healthWords[h.Event], Upstream: h.Upstream, Endpoint: h.Endpoint, Failures: h.Change.Failures, Error: h.Change.Failure,
	}})
}
