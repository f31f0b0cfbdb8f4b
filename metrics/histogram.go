package metrics

import (
	"math"
	"math/bits"
	"time"
)

// Histogram counts durations, at once for the decimal buckets of a classic histogram and for the exponential ones of a
// native histogram. Its zero value is empty and ready.
//
// It has one owner who writes; others read copies. It is 1,472 bytes of plain counters without a pointer, for there are
// several in each route of each loop and the collector shall not look into them.
type Histogram struct {
	sum     float64 // seconds; whole nanoseconds would overflow within days of many silent connections
	zero    uint64  // up to zeroThreshold
	native  [nativeBuckets]uint64
	classic [classicBuckets]uint64 // not cumulative; what exceeds the last bound is only in native
}

// The native buckets are those of Prometheus's schema 2: bucket k holds what is more than 2^((k-1)/4) seconds and at most
// 2^(k/4), so that a quantile read from it is at most 9% off. Kept are those from 61 µs to 388 days; longer durations
// count in the last one.
const (
	nativeSchema  = 2
	perOctave     = 1 << nativeSchema
	lowestPower   = -14 // of two, in seconds
	highestPower  = 25
	zeroThreshold = 1.0 / (1 << -lowestPower) // seconds
	nativeFirst   = lowestPower*perOctave + 1 // key of native[0]
	nativeBuckets = (highestPower - lowestPower) * perOctave
)

// The fractions of 2^(1/4), 2^(2/4) and 2^(3/4) as they stand in a float64. The bounds are the values Prometheus uses.
const (
	fractionBits  = 52
	exponentBias  = 1023
	fractionMask  = 1<<fractionBits - 1
	quarterPower1 = 0x306fe0a31b715
	quarterPower2 = 0x6a09e667f3bcc
	quarterPower3 = 0xae89f995ad3ac
)

const classicBuckets = 26

// classicBounds are the decimal bounds that a classic histogram may use, each inclusive; a metric shows a run of them.
// No two are closer than a factor of two, which classicIndex relies on.
var classicBounds = [classicBuckets]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second,
	1 * time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	1 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// classicStart tells by the bit length of a duration how many bounds all durations of that length exceed.
var classicStart = startByLength()

// Observe counts one duration. A negative one counts as 0.
func (h *Histogram) Observe(d time.Duration) { h.ObserveN(d, 1) }

// ObserveN counts n equal durations in one step.
func (h *Histogram) ObserveN(d time.Duration, n uint64) {
	d = max(d, 0)
	seconds := d.Seconds()
	h.sum += seconds * float64(n)
	if i := classicIndex(d); i < classicBuckets {
		h.classic[i] += n
	}
	if seconds <= zeroThreshold {
		h.zero += n
		return
	}
	h.native[min(nativeIndex(seconds), nativeBuckets-1)] += n
}

// Add counts in h what o has counted.
func (h *Histogram) Add(o *Histogram) {
	h.sum += o.sum
	h.zero += o.zero
	for i, n := range &o.native {
		h.native[i] += n
	}
	for i, n := range &o.classic {
		h.classic[i] += n
	}
}

// Count is the number of durations observed.
func (h *Histogram) Count() uint64 {
	count := h.zero
	for _, n := range &h.native {
		count += n
	}
	return count
}

// Sum is the sum of the durations observed, in seconds.
func (h *Histogram) Sum() float64 { return h.sum }

// Quantile returns a bound that the share q of the durations observed does not exceed, 0 to 1, at most 19% above the least
// such bound; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(h.Count())))
	if rank == 0 {
		return 0
	}
	seen := h.zero
	bound := zeroThreshold
	for i := 0; seen < rank && i < nativeBuckets; i++ {
		seen += h.native[i]
		bound = math.Pow(2, float64(nativeFirst+i)/perOctave)
	}
	return time.Duration(bound * float64(time.Second))
}

// nativeIndex takes seconds above zeroThreshold. It reads the bucket off the float's own exponent and fraction.
func nativeIndex(seconds float64) int {
	word := math.Float64bits(seconds)
	fraction := word & fractionMask
	key := (int(word>>fractionBits) - exponentBias) * perOctave
	if fraction > 0 {
		key++
	}
	if fraction > quarterPower1 {
		key++
	}
	if fraction > quarterPower2 {
		key++
	}
	if fraction > quarterPower3 {
		key++
	}
	return key - nativeFirst
}

// classicIndex is the first bound that d does not exceed, classicBuckets if it exceeds all.
func classicIndex(d time.Duration) int {
	i := int(classicStart[bits.Len64(uint64(d))])
	if i < classicBuckets && d > classicBounds[i] {
		i++
	}
	return i
}

func startByLength() (start [65]uint8) {
	for length := 1; length <= 64; length++ {
		shortest := uint64(1) << (length - 1)
		for _, bound := range classicBounds {
			if uint64(bound) < shortest {
				start[length]++
			}
		}
	}
	return start
}
