package ledger

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// Minutes is how many minutes a History reaches back.
const Minutes = 60

// History is how many connections have ended for which reason in each of the last minutes that had any. The first end in a
// minute takes the place of the minute that was Minutes before it.
type History [Minutes]Minute

// Minute is one minute of a History.
type Minute struct {
	Number int64 // minutes of the monotonic clock; 0: none yet
	Closed [session.ReasonCount]uint32
}

func (h *History) count(r session.Reason, now deadline.Instant) {
	number := int64(now) / int64(time.Minute)
	m := &h[number%Minutes]
	if m.Number != number {
		*m = Minute{Number: number}
	}
	m.Closed[r]++
}

// After copies the minutes that came after one, in no order.
func (h *History) After(number int64) (all []Minute) {
	for i := range h {
		if h[i].Number > number {
			all = append(all, h[i])
		}
	}
	return all
}
