package gateway

import (
	"context"
	"time"

	"idlegate/gateway/internal/file"
	"idlegate/gateway/internal/reactor"
)

// The phases of what looks at something every second, so that no two wake up at one instant, see reactor.Pulse.
const (
	phaseFile         = 0
	phaseRecord       = time.Second / 2
	phaseCertificates = time.Second / 4
)

// newTicks returns what tells every so often that time has passed. Where no descriptor is left for it, it is a ticker of Go's.
func newTicks(ctx context.Context, every, phase time.Duration) file.Ticks {
	pulse, err := reactor.NewPulse(ctx, every, phase)
	if err != nil {
		return file.Tickers(ctx, every)
	}
	return pulse
}

// recordTicks bring a look at the record along, before what they are for: a wake-up less each second, which is a fifth of the CPU of a
// gateway at rest.
type recordTicks struct {
	file.Ticks
	look func()
}

// Wait returns when the time has passed and the record was looked at.
func (t recordTicks) Wait() bool {
	if !t.Ticks.Wait() {
		return false
	}
	t.look()
	return true
}
