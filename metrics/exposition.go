package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// histogramDesc describes a metric made of Histograms.
type histogramDesc struct {
	*prometheus.Desc
	shortest, longest time.Duration // the first and the last classic bound shown
}

// histogramMetric is a Histogram as one metric, classic and native both. The client library's constant histograms are one
// or the other.
type histogramMetric struct {
	desc      histogramDesc
	labels    []*dto.LabelPair
	histogram *Histogram // not written any more

	nativeOnly bool // no classic buckets are shown
}

func (m histogramMetric) Desc() *prometheus.Desc { return m.desc.Desc }

// Write implements prometheus.Metric.
func (m histogramMetric) Write(out *dto.Metric) error {
	spans, deltas := m.histogram.nativeSpans()
	out.Label = m.labels
	out.Histogram = &dto.Histogram{
		SampleCount:   new(m.histogram.Count()),
		SampleSum:     new(m.histogram.sum),
		Schema:        new(int32(nativeSchema)),
		ZeroThreshold: new(float64(zeroThreshold)), // more than 0: tells scrapers that also an empty one is native
		ZeroCount:     new(m.histogram.zero),
		PositiveSpan:  spans,
		PositiveDelta: deltas,
	}
	if !m.nativeOnly {
		out.Histogram.Bucket = m.histogram.classicUpTo(m.desc.shortest, m.desc.longest)
	}
	return nil
}

// classicUpTo is the cumulative count at each bound from shortest to longest. The one at infinity is the sample count and
// is added where the page is written.
func (h *Histogram) classicUpTo(shortest, longest time.Duration) []*dto.Bucket {
	var buckets []*dto.Bucket
	var count uint64
	for i, bound := range classicBounds {
		count += h.classic[i]
		if bound < shortest || bound > longest {
			continue
		}
		buckets = append(buckets, &dto.Bucket{
			UpperBound:      new(bound.Seconds()),
			CumulativeCount: new(count),
		})
	}
	return buckets
}

// maxGap is how many empty native buckets are written out rather than begin a new span, which costs about as much.
const maxGap = 2

// nativeSpans are the native buckets in use, as Prometheus transfers them: a span is an offset from the end of the one
// before and a length, and each bucket is given as the difference to the count of the bucket before it.
func (h *Histogram) nativeSpans() (spans []*dto.BucketSpan, deltas []int64) {
	end := 0        // key after the last bucket written
	var last uint64 // its count
	write := func(count uint64) {
		deltas = append(deltas, int64(count-last))
		last = count
		end++
		*spans[len(spans)-1].Length++
	}
	for i, count := range &h.native {
		if count == 0 {
			continue
		}
		key := nativeFirst + i
		if len(spans) == 0 || key-end > maxGap {
			spans = append(spans, &dto.BucketSpan{Offset: new(int32(key - end)), Length: new(uint32)})
			end = key
		}
		for end < key {
			write(0)
		}
		write(count)
	}
	return spans, deltas
}
