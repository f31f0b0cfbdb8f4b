package advice

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"
)

// connection is one as an event loop reports it.
type connection struct {
	quiet, tail time.Duration
	cut         bool
}

// figures are those of one candidate, worked out from the connections themselves.
type figures struct {
	cutSpoke, cutDead, deadCut uint64
	reclaimed                  *big.Int // nanoseconds
}

func figuresOf(all []connection, candidate time.Duration) figures {
	f := figures{reclaimed: new(big.Int)}
	for _, c := range all {
		if c.tail > candidate {
			f.reclaimed.Add(f.reclaimed, big.NewInt(int64(c.tail-candidate)))
		}
		if c.quiet > candidate {
			f.cutSpoke++
			continue
		}
		if c.tail > candidate {
			f.cutDead++
			if c.cut {
				f.deadCut++
			}
		}
	}
	return f
}

func (t *Tally) ended(c connection) { t.Ended(c.quiet, c.tail, c.cut) }

func compare(t *testing.T, tally *Tally, all []connection) {
	t.Helper()
	for i, candidate := range silences {
		want := figuresOf(all, candidate)
		dead, cut := tally.cutDead(i)
		if spoke := tally.cutSpoke(i); spoke != want.cutSpoke || dead != want.cutDead || cut != want.deadCut {
			t.Errorf("%v: cut %d that spoke and %d dead, %d of them by idle_timeout; want %d, %d and %d",
				candidate, spoke, dead, cut, want.cutSpoke, want.cutDead, want.deadCut)
		}
		sum := tally.reclaimed(&silences, i)
		got := new(big.Int).SetUint64(sum.hi)
		got.Lsh(got, 64).Add(got, new(big.Int).SetUint64(sum.lo))
		if got.Cmp(want.reclaimed) != 0 {
			t.Errorf("%v: reclaimed %v ns, want %v", candidate, got, want.reclaimed)
		}
	}
}

// silence draws one that lies on a rung, beside it or anywhere, up to a year.
func silence(r *rand.Rand) time.Duration {
	rung := silences[r.IntN(rungs)]
	switch r.IntN(6) {
	case 0:
		return 0
	case 1:
		return rung
	case 2:
		return rung + 1
	case 3:
		return rung - 1
	case 4:
		return time.Duration(r.Int64N(int64(365 * day)))
	}
	return time.Duration(r.Int64N(int64(rung)))
}

func TestEveryFigureIsExactOnEveryRung(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var loops [3]Tally
		var all []connection
		for range r.IntN(300) {
			c := connection{quiet: silence(r), tail: silence(r), cut: r.IntN(4) == 0}
			all = append(all, c)
			loops[r.IntN(len(loops))].ended(c)
		}
		var sum Tally
		for i := range loops {
			sum.Add(&loops[i])
		}
		compare(t, &sum, all)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSumsGoBeyond64Bits(t *testing.T) {
	c := connection{tail: 200 * 365 * day}
	var tally, twice Tally
	var all []connection
	for range 8 {
		all = append(all, c)
		tally.ended(c)
	}
	compare(t, &tally, all)
	twice.Add(&tally)
	twice.Add(&tally)
	compare(t, &twice, slices.Concat(all, all))
	if got, want := twice.reclaimed(&silences, rungs-1).hours(), float64(16*(200*365-1)*24); got != want {
		t.Errorf("%v hours, want %v", got, want)
	}
}

func TestASilenceAsLongAsTheCandidateIsInTime(t *testing.T) {
	var tally Tally
	tally.Ended(30*time.Second, 30*time.Second, false)
	at := slices.Index(silences[:], 30*time.Second)
	if dead, _ := tally.cutDead(at); tally.cutSpoke(at) != 0 || dead != 0 {
		t.Error("30s cuts a connection that was silent for exactly 30s")
	}
	if tally.cutSpoke(at-1) != 1 {
		t.Error("20s does not cut it")
	}
}

func TestNegativeSilencesCountAsNone(t *testing.T) {
	var tally Tally
	tally.Ended(-time.Second, -1, true)
	tally.Open(-1, -1)
	compare(t, &tally, []connection{{}, {}})
	if tally.spoke != 0 || tally.shortestCut != 0 {
		t.Errorf("spoke %d, shortest cut %v", tally.spoke, tally.shortestCut)
	}
}

func TestSumsKeepTheExtremes(t *testing.T) {
	var first, second, sum Tally
	first.Ended(time.Second, time.Minute, true)
	first.Spoke(40 * time.Second)
	second.Ended(3*time.Second, 30*time.Second, true)
	second.Ended(2*time.Second, time.Second, false)
	second.Spoke(31 * time.Second)
	sum.Add(&first)
	sum.Add(&second)
	sum.Add(&Tally{})
	if sum.longest != 3*time.Second || sum.shortestCut != 30*time.Second || sum.longestResumed != 40*time.Second {
		t.Errorf("longest %v, shortest cut %v, resumed after %v", sum.longest, sum.shortestCut, sum.longestResumed)
	}
	if sum.connections != 3 || sum.spoke != 3 || sum.cut != 2 || sum.resumed != 2 {
		t.Errorf("%d connections, %d spoke, %d cut, %d resumed", sum.connections, sum.spoke, sum.cut, sum.resumed)
	}
}

func TestTheLadderAscends(t *testing.T) {
	for timer := range Timers {
		if l := slices.Clone(timer.ladder()[:]); len(l) != rungs || !slices.IsSorted(l) || len(slices.Compact(l)) != rungs {
			t.Errorf("%v: %v", timer, l)
		}
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	var tally Tally
	silence := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		silence += 7 * time.Second
		tally.Ended(silence, silence/2, true)
		tally.Spoke(silence)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if size := unsafe.Sizeof(tally); size > 2048 {
		t.Errorf("a tally takes %d bytes", size)
	} else {
		t.Logf("a tally takes %d bytes", size)
	}
}
