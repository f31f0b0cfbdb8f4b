package admin

import (
	"net/netip"
	"sync"
	"time"
)

const (
	penalty       = 200 * time.Millisecond // between the answers to two wrong tokens of one address
	maxBehind     = 16                     // wrong tokens of one address that wait for their answers
	maxAddresses  = 1024                   // that are told apart; beyond it they count as one
	betweenRemark = time.Second            // between two lines in the log
)

// guesses paces the answers to wrong tokens by the address that they came from. What is noted of an address is when the last of
// its answers is due, so that a caller who goes away before has gained nothing.
type guesses struct {
	mu      sync.Mutex
	due     map[netip.Prefix]time.Time // Guarded by mu.
	refused uint64                     // since the last remark. Guarded by mu.
	remark  time.Time                  // when that was. Guarded by mu.
}

func newGuesses() *guesses { return &guesses{due: map[netip.Prefix]time.Time{}} }

// full reports whether no more wrong tokens of an address are taken, because too many wait.
func (g *guesses) full(from string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return isFull(g.due[g.place(from, now)], now)
}

func isFull(due, now time.Time) bool { return due.Sub(now) > (maxBehind-1)*penalty }

// add notes a wrong token, and reports false where too many wait meanwhile. It returns how long its answer has to wait, and how many were
// refused since the last remark in the log, 0 where it is too soon for another one.
func (g *guesses) add(from string, now time.Time) (wait time.Duration, remark uint64, taken bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.place(from, now)
	due := g.due[at]
	if isFull(due, now) {
		return 0, 0, false
	}
	if due.Before(now) {
		due = now
	}
	g.due[at] = due.Add(penalty)
	g.refused++
	if now.Sub(g.remark) >= betweenRemark {
		remark, g.refused, g.remark = g.refused, 0, now
	}
	return g.due[at].Sub(now), remark, true
}

// place returns under what an address is noted: an IPv6 network of 64 bits is one, since one machine has all of it. The zero prefix
// is for all without a place of their own, and for unix sockets.
func (g *guesses) place(from string, now time.Time) netip.Prefix {
	address, err := netip.ParseAddrPort(from)
	if err != nil {
		return netip.Prefix{}
	}
	ip := address.Addr().Unmap()
	place, _ := ip.Prefix(min(ip.BitLen(), 64)) // which ip has
	if _, known := g.due[place]; known || len(g.due) < maxAddresses {
		return place
	}
	for other, due := range g.due {
		if due.Before(now) {
			delete(g.due, other)
		}
	}
	if len(g.due) < maxAddresses {
		return place
	}
	return netip.Prefix{}
}
