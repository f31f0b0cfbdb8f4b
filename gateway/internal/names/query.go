package names

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Query is a name that is looked up, and what for.
type Query struct {
	Kind  Kind
	Name  string
	Every time.Duration // between look-ups; 0: standardEvery
}

// Host returns the query for the address of an endpoint that has a name.
func Host(name string) Query { return Query{Kind: Addresses, Name: name} }

// Kind is what is looked up of a name.
type Kind uint8

const (
	Addresses Kind = iota // of one endpoint: one of them is used
	Every                 // A and AAAA, each of which is an endpoint; its port is not in the answer
	SRV                   // targets with ports, each of whose addresses is an endpoint
)

// String is the word of the API.
func (k Kind) String() string { return [...]string{"address", "every_address", "srv"}[k] }

// Target is one thing that a name stands for.
type Target struct {
	Address netip.AddrPort // port 0: not in the answer
	Weight  int            // of SRV: 1 to 100, in proportion to those of the records; else 0
	Backup  bool           // of SRV: its priority is not the best
	Host    string         // of SRV: the target whose address it is
}

func compare(a, b Target) int {
	backup := func(t Target) int {
		if t.Backup {
			return 1
		}
		return 0
	}
	return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(backup(a), backup(b)), cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Host, b.Host))
}

// Answer is what is known of a name.
type Answer struct {
	Targets  []Target  // the last that were known
	Err      error     // of the last look-up; with Targets where something of it has failed, or all of it
	LeftOut  int       // how many of the last answer are not among Targets, which are at most MostTargets
	At       time.Time // when the last look-up ended that brought an answer; zero: none has
	FailedAt time.Time // when the last ended that has failed, also in part; zero: none has
	Lookups  uint64    // that have ended
	Failures uint64    // of these
}

// MostTargets is how many endpoints one name can stand for. What an answer has beyond them is left out: an answer of thousands, be it a
// mistake or an attack, must not make each connection look at thousands of endpoints.
const MostTargets = 512

// bounded returns at most MostTargets of found, sorted, each address once, those that were known before all others: an answer that is
// too long, and in another order each time, must not make endpoints come and go.
func bounded(found, before []Target) (kept []Target, leftOut int) {
	slices.SortFunc(found, compare)
	kept = slices.CompactFunc(found, func(a, b Target) bool { return a.Address == b.Address })
	if len(kept) <= MostTargets {
		return kept, 0
	}
	known := map[netip.AddrPort]bool{}
	for _, t := range before {
		known[t.Address] = true
	}
	slices.SortStableFunc(kept, func(a, b Target) int {
		if known[a.Address] == known[b.Address] {
			return 0
		}
		if known[a.Address] {
			return -1
		}
		return 1
	})
	leftOut = len(kept) - MostTargets
	kept = kept[:MostTargets]
	slices.SortFunc(kept, compare)
	return kept, leftOut
}
