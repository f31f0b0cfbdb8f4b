package load

import (
	"math"
	"testing"
	"time"
)

func TestBucketsAreNarrowAndInOrder(t *testing.T) {
	values := []uint64{0, 1, 31, 32, 33, 63, 64, 65, 1000, 123_456_789, math.MaxInt64}
	for _, v := range values {
		b := bucketOf(v)
		if low := lowest(b); low > v || float64(v-low) > 0.032*float64(v) {
			t.Errorf("%d lies in bucket %d, which begins at %d", v, b, low)
		}
		if b >= buckets {
			t.Errorf("%d has bucket %d of %d", v, b, buckets)
		}
	}
	for b := 1; b < buckets; b++ {
		if lowest(b) <= lowest(b-1) {
			t.Fatalf("bucket %d begins at %d, the one before at %d", b, lowest(b), lowest(b-1))
		}
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	if q := h.quantile(0.5); q != 0 {
		t.Errorf("of nothing: %v", q)
	}
	for i := range 1000 {
		h.record(time.Duration(i+1) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0: 1000, 0.5: 501_000, 0.99: 991_000, 0.999: 1_000_000, 1: 1_000_000} {
		if have := h.quantile(q); have > want || float64(want-have) > 0.032*float64(want) {
			t.Errorf("quantile %v is %v, not %v", q, have, want)
		}
	}
}
