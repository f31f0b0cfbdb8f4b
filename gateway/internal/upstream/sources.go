package upstream

import (
	"sync/atomic"
	"syscall"
	"time"

	"idlegate/gateway/internal/reactor"
)

// Sources are addresses to connect from, each with ports of its own. Each is used in turn.
type Sources struct {
	all  []source
	turn atomic.Uint32
}

type source struct {
	reactor.Address
	exhausted atomic.Int64 // when it last had no port; 0: never
}

// exhaustedFor is how long a source comes last that had no port. To find that out again costs the kernel a look at every one.
const exhaustedFor = time.Second

// NewSources returns nil for none. There are at most 64: the policy file takes no more.
func NewSources(addresses []reactor.Address) *Sources {
	if len(addresses) == 0 {
		return nil
	}
	s := &Sources{all: make([]source, len(addresses))}
	for i, a := range addresses {
		s.all[i].Address = a
	}
	return s
}

// Each calls try with each source of the family of to, those last that lately had no port, until one does not say that it has
// none. It reports whether there was any.
func (s *Sources) Each(to *reactor.Address, now int64, try func(from *reactor.Address) (exhausted bool)) (tried bool) {
	if s == nil {
		return false
	}
	var done uint64 // by place
	start := int(s.turn.Add(1) - 1)
	for _, late := range [...]bool{false, true} {
		for i := range s.all {
			place := (start + i) % len(s.all)
			from := &s.all[place]
			if done&(1<<place) != 0 || !from.SameFamily(*to) || from.isExhausted(now) != late {
				continue
			}
			if !try(&from.Address) {
				return true
			}
			done |= 1 << place
			from.exhausted.Store(now)
		}
	}
	return done != 0
}

func (s *source) isExhausted(now int64) bool {
	at := s.exhausted.Load()
	return at != 0 && now-at < int64(exhaustedFor)
}

// Connect begins to connect to an endpoint, as reactor.Connect does, from a source that has a port left. Where none is of its family the
// kernel chooses.
func (s *Set) Connect(to *reactor.Address, now int64) (fd int, pending bool, errno syscall.Errno) {
	tried := s.Sources.Each(to, now, func(from *reactor.Address) (exhausted bool) {
		fd, pending, errno = reactor.ConnectFrom(*to, from)
		return reactor.IsNoPort(errno)
	})
	if !tried {
		return reactor.Connect(*to)
	}
	return fd, pending, errno
}
