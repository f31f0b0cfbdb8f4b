package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
)

// soon is an instant that is near, less than 24 days from now, in half the bytes: its millisecond, rounded up, without the bits that
// now tells. So it is never early, and at most 1 ms late. 0: none.
type soon uint32

// soonAt returns at in short.
func soonAt(at deadline.Instant) soon {
	millisecond := (at + deadline.Instant(time.Millisecond) - 1) / deadline.Instant(time.Millisecond)
	return max(1, soon(millisecond))
}

// at returns the instant in full, Never if there is none.
func (s soon) at(now deadline.Instant) deadline.Instant {
	if s == 0 {
		return deadline.Never
	}
	millisecond := now / deadline.Instant(time.Millisecond)
	ahead := int32(uint32(s) - uint32(millisecond))
	return (millisecond + deadline.Instant(ahead)) * deadline.Instant(time.Millisecond)
}
