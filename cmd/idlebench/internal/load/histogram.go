package load

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// subBuckets is how many buckets an octave has; a bucket is thus at most 3 % wide.
const (
	subBits    = 5
	subBuckets = 1 << subBits
	buckets    = (64 - subBits) * subBuckets
)

// histogram counts durations in buckets that grow with them, as HdrHistogram does. All workers share one.
type histogram struct {
	counts [buckets]atomic.Uint32
	total  atomic.Uint64
}

func (h *histogram) record(d time.Duration) {
	h.counts[bucketOf(uint64(max(d, 0)))].Add(1)
	h.total.Add(1)
}

// bucketOf is exact below subBuckets nanoseconds; above, the top subBits+1 bits of v name its bucket.
func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)<<subBits + int(v>>shift) - subBuckets
}

// lowest is the least value of a bucket.
func lowest(bucket int) uint64 {
	if bucket < subBuckets {
		return uint64(bucket)
	}
	shift := bucket>>subBits - 1
	return uint64(bucket&(subBuckets-1)+subBuckets) << shift
}

// quantile returns the lower end of the bucket in which the share q of all durations has been reached; 0 of none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q*float64(h.total.Load())) + 1
	var seen uint64
	last := 0
	for i := range h.counts {
		n := uint64(h.counts[i].Load())
		if n == 0 {
			continue
		}
		last = i
		if seen += n; seen >= rank {
			break
		}
	}
	return time.Duration(lowest(last))
}
