// Package drain says by when the connections end of something that drains: the gateway, a route or an endpoint.
//
//	var s drain.State
//	s.SetDraining(drain.Order{Since: now, Within: 30 * time.Second})
//	s.DrainOrder().At(share) // when a connection ends whose jitter takes that share off
//	s.Undrain()
//
// What drains gets no new connections. Those that are open end by themselves, or at the end of the time that the order gives
// them. An order never changes: a drain that begins again is another order.
package drain

import (
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/deadline"
)

// Order says that connections shall end.
type Order struct {
	Since  deadline.Instant
	Within time.Duration // 0: whenever they end by themselves
}

// None is the order of what does not drain: it is never over.
var None = Order{Since: deadline.Never}

// Last returns when the time is over.
func (o Order) Last() deadline.Instant {
	if o.Within == 0 {
		return deadline.Never
	}
	return o.Since.After(o.Within)
}

// At returns when a connection has to end that jitter gives share 65536ths less time.
func (o Order) At(share uint16) deadline.Instant {
	if o.Last() == deadline.Never {
		return deadline.Never
	}
	early := time.Duration(float64(o.Within) * float64(share) / 65536)
	return o.Since.After(o.Within - early)
}

// State says whether something drains. Its zero value does not. Any goroutine may use it.
type State struct{ order atomic.Pointer[Order] }

// SetDraining makes it drain by o.
func (s *State) SetDraining(o Order) { s.order.Store(&o) }

// Undrain takes SetDraining back.
func (s *State) Undrain() { s.order.Store(nil) }

// Draining reports whether it drains.
func (s *State) Draining() bool { return s.order.Load() != nil }

// DrainOrder returns the order by which it drains; None: it does not.
func (s *State) DrainOrder() Order {
	if o := s.order.Load(); o != nil {
		return *o
	}
	return None
}
