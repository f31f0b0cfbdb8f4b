package upstream

import (
	"sync/atomic"
	"time"
)

// Member is an endpoint and what the policy file says of it.
type Member struct {
	*Endpoint
	Weight int  // its share beside others; at least 1
	Backup bool // it is used where no other can be
}

// Config is what a Set is made from.
type Config struct {
	Members        []Member
	Balance        Balance
	MaxConnections int64 // to each endpoint; 0: no limit
	Eject          Eject
	SlowStart      time.Duration // until an endpoint that is back has its whole share; 0: at once
	Sources        *Sources      // addresses to connect from; nil: the kernel chooses
	After          *Set          // that this one takes over from, whose turns go on; nil: there is none
}

// Set is the endpoints of an upstream under one policy file.
type Set struct {
	// Set once, then read only.
	Members []Member
	balance Balance
	most    int64
	eject   Eject
	slow    time.Duration
	Sources *Sources
	turns   []uint16 // places in Members, each as often as its weight says and evenly spread

	turn atomic.Uint32 // where the next pick starts
}

// New returns a set.
func New(cfg Config) *Set {
	s := &Set{
		Members: cfg.Members, balance: cfg.Balance, most: cfg.MaxConnections, eject: cfg.Eject, slow: cfg.SlowStart,
		Sources: cfg.Sources, turns: turns(cfg.Members),
	}
	if cfg.After != nil { // where endpoints come and go all the time, the first must not get every turn
		s.turn.Store(cfg.After.turn.Load())
	}
	return s
}

// Ejects reports whether endpoints of the set are ever ejected.
func (s *Set) Ejects() bool { return s.eject.Failures > 0 }

// MaxConnections returns how many connections each endpoint may have; 0: any number.
func (s *Set) MaxConnections() int64 { return s.most }

// Healthy reports whether any endpoint is.
func (s *Set) Healthy() bool {
	for _, m := range s.Members {
		if m.Healthy() {
			return true
		}
	}
	return false
}

// Source is the address of a client, which decides where SourceHash balances.
type Source [16]byte

// Pick reserves a place at an endpoint that was not tried. False: there is none.
func (s *Set) Pick(u *Use, from *Source, now int64) bool {
	for range len(s.Members) + 1 { // others may have taken the place that was found
		m, rank := s.choose(u, from, now)
		if rank == rankNone {
			return false
		}
		if m == nil || !m.reserve(s.most) {
			continue
		}
		u.probe = false
		if m.isEjected() && rank < rankOut {
			if !m.health.probed.CompareAndSwap(false, true) {
				m.open.Add(-1)
				continue
			}
			u.probe = true
		}
		u.Endpoint, u.stage, u.finished = m.Endpoint, inDial, false
		u.tried.add(m.ID)
		m.dialling.began(now)
		return true
	}
	return false
}

// rank orders endpoints by how much there is to be said for them; the least is best.
type rank uint8

const (
	rankUsable     rank = iota
	rankSlow            // attempts are under way, and the last has failed or none was answered for long
	rankBackup          // to be used where no other can be
	rankSlowBackup      // both
	rankOut             // ejected, and not to be probed now: only where all are
	rankOutBackup       // both
	rankNone            // not to be used at all
)

// rank says how m stands for a connection.
func (s *Set) rank(m *Member, u *Use, now int64) rank {
	switch {
	case !m.mayBeUsed() || m.full(s.most) || u.tried.has(m.ID):
		return rankNone
	case m.isEjected() && !m.health.mayProbe(now):
		return rankOut + m.tier()
	case m.slow(now):
		return rankSlow + 2*m.tier()
	}
	return rankUsable + 2*m.tier()
}

// tier is 0 for an endpoint in ordinary use, and 1 for a backup.
func (m *Member) tier() rank {
	if m.Backup {
		return 1
	}
	return 0
}

// slow reports whether another connection had better go elsewhere until the attempts under way have ended.
func (m *Member) slow(now int64) bool {
	return m.dialling.open.Load() > 0 && (m.health.failures.Load() > 0 || m.dialling.unanswered(now))
}

// choose returns the best endpoint and its rank; rankNone: there is none. One that is ejected is among them only where none is
// healthy. Nil with another rank: what was found is not so any more.
func (s *Set) choose(u *Use, from *Source, now int64) (*Member, rank) {
	best, healthy := rankNone, false
	for i := range s.Members {
		m := &s.Members[i]
		best = min(best, s.rank(m, u, now))
		healthy = healthy || m.Healthy()
	}
	if best == rankNone || best >= rankOut && healthy {
		return nil, rankNone
	}
	fits := func(m *Member) bool { return s.rank(m, u, now) == best }
	return s.balanced(fits, from, now), best
}
