package upstream

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// ramp is since when an endpoint is back: from an ejection, from being down, or new beside others that are in use.
type ramp struct{ since atomic.Int64 } // 0: always there

func (r *ramp) begin(now int64) { r.since.Store(max(now, 1)) }

// Revive makes e begin with a part of its share, where its set starts slowly.
func (e *Endpoint) Revive(now int64) { e.ramp.begin(now) }

// SlowUntil returns when an endpoint has its whole share; 0: it has.
func (s *Set) SlowUntil(e *Endpoint, now int64) int64 {
	since := e.ramp.since.Load()
	if until := since + int64(s.slow); since != 0 && now < until {
		return until
	}
	return 0
}

// Shares are counted in wholes of 1,024. The least is a tenth: an endpoint that gets nothing shows nothing.
const (
	wholeShare = 1024
	leastShare = wholeShare / 10
)

// share grows in proportion to the time since the endpoint is back.
func (s *Set) share(m *Member, now int64) int64 {
	if s.slow == 0 {
		return wholeShare
	}
	since := m.ramp.since.Load()
	if since == 0 || now-since >= int64(s.slow) {
		return wholeShare
	}
	return max(leastShare, int64(wholeShare*float64(now-since)/float64(s.slow)))
}

// weight is what counts beside others, in 1,024ths of the weight in the file.
func (s *Set) weight(m *Member, now int64) int64 { return int64(m.Weight) * s.share(m, now) }

// takesTurn reports whether a member takes a turn that has come to it: as often as its share says.
func (s *Set) takesTurn(m *Member, now int64) bool {
	share := s.share(m, now)
	return share == wholeShare || rand.Int64N(wholeShare) < share
}

// SlowStart returns how long an endpoint that is back has less than its share.
func (s *Set) SlowStart() time.Duration { return s.slow }
