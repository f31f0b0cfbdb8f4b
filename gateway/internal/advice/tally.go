package advice

import (
	"math/bits"
	"time"
)

// Tallies has a Tally for each timer.
type Tallies [Timers]Tally

// Ended adds to the tally of t as Tally.Ended does.
func (all *Tallies) Ended(t Timer, quiet, tail time.Duration, cut bool) {
	all[t].endedOn(t.ladder(), quiet, tail, cut)
}

// Open adds to the tally of t as Tally.Open does.
func (all *Tallies) Open(t Timer, quiet, tail time.Duration) { all[t].openOn(t.ladder(), quiet, tail) }

// Add adds all that other has counted.
func (all *Tallies) Add(other *Tallies) {
	for t := range all {
		all[t].Add(&other[t])
	}
}

// Tally counts connections, or messages, by the candidates that would have cut them. It is of plain counters, 1.3 KB, and the zero
// Tally is empty. It belongs to one event loop; a copy of it is a snapshot.
type Tally struct {
	connections uint64
	spoke       uint64        // such that spoke again after some silence
	longest     time.Duration // greatest quiet

	cut         uint64        // ended by idle_timeout
	shortestCut time.Duration // least tail of those; nothing is known of longer silences of theirs

	resumed        uint64 // silences that a dry run had counted, and that ended with a message
	longestResumed time.Duration

	// By exceeded, so that what lies at i concerns the candidates before i.
	quiets  [rungs + 1]uint64
	tails   [rungs + 1]uint64
	tailSum [rungs + 1]total

	// A connection is dead to the candidates from exceeded(quiet) to before exceeded(tail): 1 is added at the one and
	// taken away at the other, and the sum up to a candidate is how many are dead to it.
	dead    [rungs + 1]int64
	deadCut [rungs + 1]int64 // those of dead that idle_timeout ended
}

// Ended adds a connection that has ended. quiet is the longest silence after which its client spoke again, 0 if it never
// did; tail the silence in which it ended; cut says that idle_timeout ended it.
func (t *Tally) Ended(quiet, tail time.Duration, cut bool) { t.endedOn(&silences, quiet, tail, cut) }

func (t *Tally) endedOn(l *ladder, quiet, tail time.Duration, cut bool) {
	from, to := t.count(l, max(quiet, 0), max(tail, 0))
	if !cut {
		return
	}
	if t.cut == 0 || tail < t.shortestCut {
		t.shortestCut = max(tail, 0)
	}
	t.cut++
	mark(&t.deadCut, from, to)
}

// Open adds a connection that is open, with its silence so far as tail.
func (t *Tally) Open(quiet, tail time.Duration) { t.openOn(&silences, quiet, tail) }

func (t *Tally) openOn(l *ladder, quiet, tail time.Duration) { t.count(l, max(quiet, 0), max(tail, 0)) }

// Prompt has n messages in all be those that were finished: the others than those that Ended was told of came whole, in no time.
func (t *Tally) Prompt(n uint64) {
	if n <= t.spoke {
		return
	}
	more := n - t.spoke
	t.connections += more
	t.spoke += more
	t.quiets[0] += more
	t.tails[0] += more
}

// Spoke adds a message after a silence for which a dry run had counted the connection as ended.
func (t *Tally) Spoke(silence time.Duration) {
	t.resumed++
	t.longestResumed = max(t.longestResumed, silence)
}

// BeginDryRun forgets what an earlier dry run has shown: another value is tried from now on.
func (t *Tally) BeginDryRun() { t.resumed, t.longestResumed = 0, 0 }

// count adds a connection, and returns the candidates to which it is dead: from one and before another.
func (t *Tally) count(l *ladder, quiet, tail time.Duration) (from, to int) {
	from, to = l.exceeded(quiet), l.exceeded(tail)
	t.connections++
	if quiet > 0 {
		t.spoke++
	}
	t.longest = max(t.longest, quiet)
	t.quiets[from]++
	t.tails[to]++
	t.tailSum[to].add(total{lo: uint64(tail)})
	mark(&t.dead, from, to)
	return from, to
}

func mark(counts *[rungs + 1]int64, from, to int) {
	if from < to {
		counts[from]++
		counts[to]--
	}
}

// Add adds all that other has counted.
func (t *Tally) Add(other *Tally) {
	if other.cut > 0 && (t.cut == 0 || other.shortestCut < t.shortestCut) {
		t.shortestCut = other.shortestCut
	}
	t.connections += other.connections
	t.spoke += other.spoke
	t.cut += other.cut
	t.resumed += other.resumed
	t.longest = max(t.longest, other.longest)
	t.longestResumed = max(t.longestResumed, other.longestResumed)
	for i := range other.quiets {
		t.quiets[i] += other.quiets[i]
		t.tails[i] += other.tails[i]
		t.tailSum[i].add(other.tailSum[i])
		t.dead[i] += other.dead[i]
		t.deadCut[i] += other.deadCut[i]
	}
}

// cutSpoke returns how many connections candidate i would have cut that later spoke.
func (t *Tally) cutSpoke(i int) (n uint64) {
	for _, quiets := range t.quiets[i+1:] {
		n += quiets
	}
	return n
}

// cutDead returns how many connections candidate i would have cut that did not speak again, and how many of those
// idle_timeout has ended.
func (t *Tally) cutDead(i int) (n, cut uint64) {
	for at := range i + 1 {
		n += uint64(t.dead[at]) // in sum never negative
		cut += uint64(t.deadCut[at])
	}
	return n, cut
}

// reclaimed returns the time for which connections were silent beyond candidate i of l.
func (t *Tally) reclaimed(l *ladder, i int) (sum total) {
	var n uint64
	for at := i + 1; at <= rungs; at++ {
		n += t.tails[at]
		sum.add(t.tailSum[at])
	}
	return sum.less(n, l[i])
}

// total is a sum of durations in nanoseconds. It has 128 bits because 64 hold only 5 million connection-hours.
type total struct{ hi, lo uint64 }

func (t *total) add(other total) {
	var carry uint64
	t.lo, carry = bits.Add64(t.lo, other.lo, 0)
	t.hi, _ = bits.Add64(t.hi, other.hi, carry)
}

// less returns t without n times d, which must not be more than t.
func (t total) less(n uint64, d time.Duration) total {
	hi, lo := bits.Mul64(n, uint64(d))
	var borrow uint64
	t.lo, borrow = bits.Sub64(t.lo, lo, 0)
	t.hi, _ = bits.Sub64(t.hi, hi, borrow)
	return t
}

func (t total) hours() float64 {
	return (float64(t.hi)*(1<<64) + float64(t.lo)) / float64(time.Hour)
}
