package metrics

import "math"

// Numbers are all that h has counted, as plain numbers to be written down. HistogramOf makes h of them again.
func (h *Histogram) Numbers() []uint64 {
	all := append(make([]uint64, 0, 2+nativeBuckets+classicBuckets), math.Float64bits(h.sum), h.zero)
	return append(append(all, h.native[:]...), h.classic[:]...)
}

// HistogramOf returns the Histogram that has such Numbers. It reports false where there is none.
func HistogramOf(numbers []uint64) (h Histogram, ok bool) {
	if len(numbers) != 2+nativeBuckets+classicBuckets {
		return Histogram{}, false
	}
	h.sum, h.zero = math.Float64frombits(numbers[0]), numbers[1]
	copy(h.native[:], numbers[2:])
	copy(h.classic[:], numbers[2+nativeBuckets:])
	return h, h.sum >= 0 && !math.IsInf(h.sum, 1)
}
