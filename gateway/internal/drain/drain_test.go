package drain

import (
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

func TestWhenConnectionsEnd(t *testing.T) {
	began := deadline.Instant(time.Hour)
	for name, test := range map[string]struct {
		order    Order
		share    uint16
		at, last deadline.Instant
	}{
		"no jitter: at the end of the time":               {Order{began, time.Minute}, 0, began.After(time.Minute), began.After(time.Minute)},
		"jitter takes its share off, but not off Last":    {Order{began, time.Minute}, 1 << 14, began.After(45 * time.Second), began.After(time.Minute)},
		"no time given: whenever it ends by itself":       {Order{Since: began}, 1 << 14, deadline.Never, deadline.Never},
		"no drain: never":                                 {None, 0, deadline.Never, deadline.Never},
		"a time too long to be reached: whenever it ends": {Order{began, 1<<63 - 1}, 1, deadline.Never, deadline.Never},
	} {
		t.Run(name, func(t *testing.T) {
			if at, last := test.order.At(test.share), test.order.Last(); at != test.at || last != test.last {
				t.Errorf("it ends at %v, at last at %v; want %v and %v", at, last, test.at, test.last)
			}
		})
	}
}

func TestWhatIsUndrainedDrainsNoMore(t *testing.T) {
	var s State
	if s.Draining() || s.DrainOrder() != None {
		t.Error("it drains from the beginning")
	}
	order := Order{Since: 1, Within: time.Second}
	s.SetDraining(order)
	if !s.Draining() || s.DrainOrder() != order {
		t.Errorf("it drains: %v, by %v; want %v", s.Draining(), s.DrainOrder(), order)
	}
	s.Undrain()
	if s.Draining() || s.DrainOrder() != None {
		t.Error("it still drains")
	}
}
