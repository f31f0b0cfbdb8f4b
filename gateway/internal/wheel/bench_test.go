package wheel

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkSet moves a timer among many to a later instant, as an earlier deadline and its end do.
func BenchmarkSet(b *testing.B) {
	for _, timers := range []int32{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("timers=%d", timers), func(b *testing.B) {
			w := New(0)
			for id := range timers {
				w.Set(id, int64(time.Minute)+int64(id)*int64(time.Millisecond))
			}
			b.ReportAllocs()
			at, id := int64(time.Minute), int32(0)
			for b.Loop() {
				at += 1000
				w.Set(id, at)
				if id++; id == timers {
					id = 0
				}
			}
		})
	}
}

// BenchmarkExpireIdle is what every wake-up pays when nothing is due.
func BenchmarkExpireIdle(b *testing.B) {
	w := New(0)
	for id := range int32(1000) {
		w.Set(id, int64(time.Hour)+int64(id))
	}
	b.ReportAllocs()
	now := int64(0)
	for b.Loop() {
		now++
		w.Expire(now, nil)
	}
}

// BenchmarkExpire is the whole life of a timer, a minute long, per timer: set, sorted on its way down, due.
func BenchmarkExpire(b *testing.B) {
	for _, timers := range []int64{1000, 100_000} {
		b.Run(fmt.Sprintf("timers=%d", timers), func(b *testing.B) {
			w := New(0)
			minute := int64(time.Minute)
			for id := range timers {
				w.Set(int32(id), id*minute/timers)
			}
			due := make([]int32, 0, timers)
			b.ReportAllocs()
			done := 0
			for b.Loop() {
				for len(due) == done {
					next, _ := w.Next()
					due, done = w.Expire(next, due[:0]), 0
					for _, id := range due {
						w.Set(id, next+minute)
					}
				}
				done++
			}
		})
	}
}
