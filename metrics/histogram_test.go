package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

// edges are the durations where a bucket may go wrong: each bound, its neighbours, and the ends of the range.
func edges() []time.Duration {
	durations := []time.Duration{math.MinInt64, -1, 0, 1, math.MaxInt64}
	for _, bound := range classicBounds {
		durations = append(durations, bound-1, bound, bound+1)
	}
	for key := nativeFirst - 1; key < nativeFirst+nativeBuckets; key++ {
		bound := time.Duration(nativeBound(key) * float64(time.Second))
		durations = append(durations, bound-1, bound, bound+1)
	}
	return durations
}

// nativeBound is the inclusive upper bound of a native bucket, in seconds, from the figures that Prometheus's own client
// and server keep for schema 2 (client_golang, prometheus/histogram.go: nativeHistogramBounds).
func nativeBound(key int) float64 {
	quarters := [perOctave]float64{0.5, 0.5946035575013605, 0.7071067811865475, 0.8408964152537144}
	return math.Ldexp(quarters[key&(perOctave-1)], key>>nativeSchema+1)
}

// naive counts as the package comment says, without a single trick.
func naive(durations []time.Duration) (h Histogram) {
	for _, d := range durations {
		d = max(d, 0)
		h.sum += d.Seconds()
		for i, bound := range classicBounds {
			if d <= bound {
				h.classic[i]++
				break
			}
		}
		if d.Seconds() <= math.Pow(2, lowestPower) {
			h.zero++
			continue
		}
		key := nativeFirst
		for key < nativeFirst+nativeBuckets-1 && d.Seconds() > nativeBound(key) {
			key++
		}
		h.native[key-nativeFirst]++
	}
	return h
}

func TestEveryEdgeCountsInTheBucketItBelongsTo(t *testing.T) {
	for _, d := range edges() {
		var h Histogram
		h.Observe(d)
		if want := naive([]time.Duration{d}); !sameCounts(&h, &want) {
			t.Errorf("%d ns: counted in native %d, classic %d; want native %d, classic %d", d,
				first(h.native[:]), first(h.classic[:]), first(want.native[:]), first(want.classic[:]))
		}
	}
}

func TestRandomDurationsCountAsTheNaiveHistogramDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	durations := make([]time.Duration, 20000)
	var h Histogram
	for i := range durations {
		durations[i] = time.Duration(random.Uint64() >> random.UintN(64))
		h.Observe(durations[i])
	}
	want := naive(durations)
	if !sameCounts(&h, &want) {
		t.Errorf("counts differ from the naive histogram's:\n got %v\nwant %v", h, want)
	}
	if h.Count() != uint64(len(durations)) {
		t.Errorf("Count is %d, want %d", h.Count(), len(durations))
	}
	if off := math.Abs(h.Sum()-want.sum) / want.sum; off > 1e-9 {
		t.Errorf("Sum is %v, want %v", h.Sum(), want.sum)
	}
}

func TestAddAndObserveNCountLikeSingleObservations(t *testing.T) {
	var single, a, b Histogram
	for _, d := range edges() {
		for range 3 {
			single.Observe(d)
		}
		a.ObserveN(d, 1)
		b.ObserveN(d, 2)
	}
	a.Add(&b)
	if !sameCounts(&a, &single) {
		t.Errorf("counts differ:\n got %v\nwant %v", a, single)
	}
	if off := math.Abs(a.Sum()-single.Sum()) / single.Sum(); off > 1e-9 {
		t.Errorf("Sum is %v, want %v", a.Sum(), single.Sum())
	}
}

func TestClassicBoundsAreAtLeastAFactorOfTwoApart(t *testing.T) {
	for i := 1; i < len(classicBounds); i++ {
		if classicBounds[i] < 2*classicBounds[i-1] {
			t.Errorf("%v after %v: classicIndex looks at one bound only", classicBounds[i], classicBounds[i-1])
		}
	}
}

func TestHistogramIsSmallAndObservesWithoutAllocating(t *testing.T) {
	if size := unsafe.Sizeof(Histogram{}); size != 1472 {
		t.Errorf("a Histogram is %d bytes, its comment says 1,472", size)
	}
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Second) }); n != 0 {
		t.Errorf("Observe allocates %v times", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	durations := make([]time.Duration, 1024)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range durations {
		durations[i] = time.Duration(random.ExpFloat64() * float64(20*time.Second))
	}
	b.ReportAllocs()
	var h Histogram
	i := 0
	for b.Loop() {
		h.Observe(durations[i%len(durations)])
		i++
	}
}

func sameCounts(a, b *Histogram) bool {
	return a.zero == b.zero && a.native == b.native && a.classic == b.classic
}

// first is the index of the first counter that is not 0, -1 if all are.
func first(counters []uint64) int {
	for i, n := range counters {
		if n > 0 {
			return i
		}
	}
	return -1
}
