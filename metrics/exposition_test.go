package metrics

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/testing/protocmp"
)

// The client library's own histogram is the judge: given the same observations it must write the same protobuf.
func TestHistogramIsWrittenAsTheClientLibraryWritesIts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	sets := map[string][]time.Duration{
		"nothing observed":        nil,
		"only the zero bucket":    {0, time.Microsecond},
		"one bucket":              {time.Second, time.Second},
		"a gap of two buckets":    {time.Second, 1600 * time.Millisecond},
		"a gap of three buckets":  {time.Second, 1900 * time.Millisecond},
		"the longest a week long": {time.Millisecond, 7 * 24 * time.Hour, 8 * 24 * time.Hour},
	}
	for range 2000 {
		sets["random"] = append(sets["random"], time.Duration(random.Uint64()>>(10+random.UintN(54))))
	}
	bounds := []time.Duration{time.Millisecond, 365 * 24 * time.Hour}
	for name, durations := range sets {
		t.Run(name, func(t *testing.T) {
			var h Histogram
			judge := newJudge(bounds[0], bounds[1])
			for _, d := range durations {
				h.Observe(d)
				judge.Observe(d.Seconds())
			}
			got := write(t, histogramMetric{desc: histogram("x", "X.", bounds[0], bounds[1]), histogram: &h})
			if diff := cmp.Diff(write(t, judge), got, protocmp.Transform(),
				protocmp.IgnoreFields(&dto.Histogram{}, "created_timestamp")); diff != "" {
				t.Errorf("client library -, ours +:\n%s", diff)
			}
		})
	}
}

func newJudge(shortest, longest time.Duration) prometheus.Histogram {
	var bounds []float64
	for _, bound := range classicBounds {
		if bound >= shortest && bound <= longest {
			bounds = append(bounds, bound.Seconds())
		}
	}
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "x", Help: "X.",
		Buckets:                      bounds,
		NativeHistogramBucketFactor:  1.2, // schema 2
		NativeHistogramZeroThreshold: zeroThreshold,
	})
}

func write(t *testing.T, metric prometheus.Metric) *dto.Metric {
	t.Helper()
	out := new(dto.Metric)
	if err := metric.Write(out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryMetricShowsARunOfTheBounds(t *testing.T) {
	d := newDescs()
	for name, h := range map[string]struct {
		desc    histogramDesc
		buckets int
	}{
		"lateness":         {d.lateness, 13},
		"duration":         {d.duration, 20},
		"gap":              {d.gap, 20},
		"upstream connect": {d.upstreamConnect, 16},
	} {
		buckets := new(Histogram).classicUpTo(h.desc.shortest, h.desc.longest)
		if len(buckets) != h.buckets {
			t.Errorf("%s: %d buckets, want %d", name, len(buckets), h.buckets)
			continue
		}
		first, last := buckets[0].GetUpperBound(), buckets[len(buckets)-1].GetUpperBound()
		if first != h.desc.shortest.Seconds() || last != h.desc.longest.Seconds() {
			t.Errorf("%s: buckets from %v to %v, want %v to %v", name, first, last, h.desc.shortest, h.desc.longest)
		}
	}
}
