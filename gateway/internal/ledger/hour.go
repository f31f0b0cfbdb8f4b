package ledger

import "time"

// Hour is what has happened on a route in each of the last minutes, from looks at its Totals. It is of the whole gateway, and no loop
// writes it. A minute takes the place of the one that was Minutes before it.
type Hour [Minutes]HourMinute

// HourMinute is one minute of an Hour.
type HourMinute struct {
	Number   int64 // minutes of the monotonic clock; 0: none yet
	MostOpen int64 // connections at once, of those that the looks found
	Totals         // of the minute; without Latest
	// The greatest figure of a second, by both sides.
	PeakOpened, PeakMessages, PeakBytes uint64
}

// Note adds what was counted between two looks that lay so far apart, and how many connections are open.
func (h *Hour) Note(minute int64, since *Totals, open int64, apart time.Duration) {
	m := &h[minute%Minutes]
	if m.Number != minute {
		*m = HourMinute{Number: minute}
	}
	m.MostOpen = max(m.MostOpen, open)
	m.Add(since)
	m.Latest = 0
	seconds := max(apart.Seconds(), 1)
	perSecond := func(n uint64) uint64 { return uint64(float64(n)/seconds + 0.5) }
	m.PeakOpened = max(m.PeakOpened, perSecond(since.Opened))
	m.PeakMessages = max(m.PeakMessages, perSecond(since.Messages[0]+since.Messages[1]))
	m.PeakBytes = max(m.PeakBytes, perSecond(since.Bytes[0]+since.Bytes[1]))
}
