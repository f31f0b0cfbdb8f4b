package wheel

import (
	"math"
	"slices"
	"testing"
	"time"
	"unsafe"
)

const tick = 1 << tickShift

func TestExpire(t *testing.T) {
	minute := int64(time.Minute)
	tests := []struct {
		name  string
		start int64
		set   []int64 // the instant of id 0, 1, ...
		now   int64
		want  []int32
	}{
		{"nothing set: nothing due", 0, nil, minute, nil},
		{"an instant that is now is due", 0, []int64{minute}, minute, []int32{0}},
		{"a nanosecond before, it is not", 0, []int64{minute}, minute - 1, nil},
		{"later in the slot of now stays", 0, []int64{tick + 10, tick + 20}, tick + 15, []int32{0}},
		{"an instant in the past is due at once", minute, []int64{5}, minute, []int32{0}},
		{"the past is before the present", minute, []int64{minute + 1, 5}, minute, []int32{1}},
		{"slots are due in the order of time", 0, []int64{3 * minute, minute, 2 * minute}, 4 * minute, []int32{1, 2, 0}},
		{"a jump over all levels loses nothing", 0, []int64{1, tick, minute, math.MaxInt64}, math.MaxInt64, []int32{0, 1, 2, 3}},
		{"the last instant is not due before it", 0, []int64{math.MaxInt64}, math.MaxInt64 - 1, nil},
		{"instants may be negative", math.MinInt64, []int64{math.MinInt64, -1, 0}, -1, []int32{0, 1}},
		{"a clock that went back makes nothing due", minute, []int64{minute}, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := New(tt.start)
			for id, at := range tt.set {
				w.Set(int32(id), at)
			}
			if got := w.Expire(tt.now, nil); !slices.Equal(got, tt.want) {
				t.Errorf("Expire(%d) = %v, want %v", tt.now, got, tt.want)
			}
			if got, want := w.Len(), len(tt.set)-len(tt.want); got != want {
				t.Errorf("Len() = %d afterwards, want %d", got, want)
			}
		})
	}
}

func TestExpireAppends(t *testing.T) {
	w := New(0)
	w.Set(3, 1)
	if got := w.Expire(1, []int32{9}); !slices.Equal(got, []int32{9, 3}) {
		t.Errorf("Expire = %v, want the id after what was there", got)
	}
}

func TestMovedTimerIsDueOnceAtItsNewInstant(t *testing.T) {
	w := New(0)
	for _, at := range []int64{int64(time.Hour), 5, int64(time.Minute)} {
		w.Set(0, at)
		if got, ok := w.At(0); !ok || got != at {
			t.Errorf("At(0) = %d, %t after Set(0, %d)", got, ok, at)
		}
	}
	if due := w.Expire(int64(time.Minute)-1, nil); len(due) != 0 {
		t.Errorf("due at a former instant: %v", due)
	}
	if due := w.Expire(int64(time.Hour), nil); !slices.Equal(due, []int32{0}) {
		t.Errorf("due at the new instant: %v, want it once", due)
	}
}

func TestClear(t *testing.T) {
	w := New(0)
	w.Clear(7) // never seen
	w.Set(7, 10)
	w.Clear(3) // below the highest, never set
	w.Clear(7)
	w.Clear(7)
	if _, ok := w.At(7); ok || w.Len() != 0 {
		t.Errorf("still set after Clear, %d in all", w.Len())
	}
	if _, ok := w.Next(); ok {
		t.Error("Next of an empty wheel")
	}
	if due := w.Expire(10, nil); len(due) != 0 {
		t.Errorf("due after Clear: %v", due)
	}
}

// An idle loop sleeps until Next. Where nothing was removed, each of its wake-ups must find a timer due.
func TestIdleLoopWakesForTimersOnly(t *testing.T) {
	w := New(0)
	const timers = 1000
	for id := range int32(timers) {
		w.Set(id, int64(id)*int64(id)*int64(7*time.Millisecond)+int64(id%13)) // bunched, then hours apart
	}
	for wakes := 1; w.Len() > 0; wakes++ {
		next, _ := w.Next()
		if due := w.Expire(next, nil); len(due) == 0 {
			t.Fatalf("wake-up %d at %d: nothing due, %d timers left", wakes, next, w.Len())
		}
	}
}

func TestRemovedTimerCostsOneIdleWakeUp(t *testing.T) {
	w := New(0)
	first, second := int64(time.Hour), int64(time.Hour)+9
	w.Set(0, first)
	w.Set(1, second)
	w.Clear(0)
	if next, _ := w.Next(); next > second {
		t.Fatalf("Next() = %d, later than the earliest timer at %d", next, second)
	}
	w.Expire(first, nil)
	if next, _ := w.Next(); next != second {
		t.Errorf("Next() = %d after the idle wake-up, want %d", next, second)
	}
}

func TestLoneTimerIsAlwaysExact(t *testing.T) {
	w := New(0)
	for at := int64(time.Minute); at < int64(2*time.Minute); at += int64(time.Second) {
		w.Set(0, at)
		if next, _ := w.Next(); next != at {
			t.Fatalf("Next() = %d, want %d", next, at)
		}
	}
}

func TestNodeIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(node{}); size > 24 {
		t.Errorf("%d bytes a session, want at most 24", size)
	}
}

func TestNoAllocation(t *testing.T) {
	const timers = 512
	w := New(0)
	w.Set(timers-1, 0)
	due := make([]int32, 0, timers)
	now := int64(0)
	allocs := testing.AllocsPerRun(1000, func() {
		for id := range int32(timers) {
			w.Set(id, now+int64(id)*int64(50*time.Millisecond))
		}
		w.Clear(timers / 2)
		now += int64(10 * time.Second)
		due = w.Expire(now, due[:0])
	})
	if allocs != 0 {
		t.Errorf("%v allocations a round, want none", allocs)
	}
}
