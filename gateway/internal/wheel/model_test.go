package wheel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// model holds a wheel against a map that does the same by looking at everything.
type model struct {
	t       *testing.T
	wheel   *Wheel
	want    map[int32]int64
	now     int64
	removed int // timers cleared or moved: each may leave one stale bound
	idle    int // calls of Expire at Next that found nothing
}

func newModel(t *testing.T, now int64) *model {
	return &model{t: t, wheel: New(now), want: map[int32]int64{}, now: now}
}

func (m *model) set(id int32, at int64) {
	if _, ok := m.want[id]; ok {
		m.removed++
	}
	m.wheel.Set(id, at)
	m.want[id] = at
	m.check()
}

func (m *model) clear(id int32) {
	if _, ok := m.want[id]; ok {
		m.removed++
	}
	m.wheel.Clear(id)
	delete(m.want, id)
	m.check()
}

// expire moves time to now, or asks again at an earlier one, and demands exactly the timers that are due there.
func (m *model) expire(now int64) (due int) {
	m.t.Helper()
	m.now = max(m.now, now)
	var want []int32
	for id, at := range m.want {
		if at <= now {
			want = append(want, id)
		}
	}
	got := m.wheel.Expire(now, nil)
	slices.Sort(want)
	ids := slices.Clone(got)
	slices.Sort(ids)
	if !slices.Equal(ids, want) {
		m.t.Fatalf("Expire(%d) = %v, want %v", now, got, want)
	}
	for _, id := range got {
		delete(m.want, id)
	}
	m.check()
	return len(got)
}

// expireNext does what an idle loop does.
func (m *model) expireNext() {
	m.t.Helper()
	next, ok := m.wheel.Next()
	if !ok {
		return
	}
	if m.expire(max(m.now, next)) > 0 {
		return
	}
	m.idle++
	if m.idle > m.removed {
		m.t.Fatalf("%d wake-ups with nothing due, after %d removals", m.idle, m.removed)
	}
}

// check compares what can be asked of the wheel without changing it.
func (m *model) check() {
	m.t.Helper()
	if m.wheel.Len() != len(m.want) {
		m.t.Fatalf("Len() = %d, want %d", m.wheel.Len(), len(m.want))
	}
	next, ok := m.wheel.Next()
	if ok != (len(m.want) > 0) {
		m.t.Fatalf("Next() says %t with %d timers set", ok, len(m.want))
	}
	for id, at := range m.want {
		if got, ok := m.wheel.At(id); !ok || got != at {
			m.t.Fatalf("At(%d) = %d, %t, want %d", id, got, ok, at)
		}
		if next > at {
			m.t.Fatalf("Next() = %d, later than timer %d at %d", next, id, at)
		}
	}
}

// step does one operation. Distances are drawn by their number of bits, so that every level is met alike.
func (m *model) step(op, id uint8, distance uint64) {
	m.t.Helper()
	ahead := int64(distance >> (1 + distance%63)) // 0 to 2^62
	switch op % 8 {
	case 0, 1, 2:
		m.set(int32(id), add(m.now, ahead))
	case 3:
		m.set(int32(id), add(m.now, -ahead))
	case 4:
		m.clear(int32(id))
	case 5:
		m.expire(add(m.now, ahead>>20)) // up to a slot of the middle levels
	case 6:
		m.expireNext()
	default:
		switch id % 16 {
		case 0: // seldom, so that time does not end soon
			m.expire(add(m.now, ahead))
		case 1, 2:
			m.expire(add(m.now, -ahead))
		}
	}
}

// drain lets an idle loop run until no timer is left.
func (m *model) drain() {
	m.t.Helper()
	for range m.removed + len(m.want) + 1 {
		m.expireNext()
	}
	if len(m.want) > 0 {
		m.t.Fatalf("%d timers never came", len(m.want))
	}
}

// add is a+b, held at the ends of int64.
func add(a, b int64) int64 {
	switch sum := a + b; {
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	default:
		return sum
	}
}

func TestAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		start := []int64{0, 1 << 40, math.MinInt64, -1 << 30, math.MaxInt64 - 1<<50}[seed%5]
		m := newModel(t, start)
		ids := 1 + rng.IntN(64) // few ids move often, many share slots
		for range 400 {
			m.step(uint8(rng.Uint32()), uint8(rng.IntN(ids)), rng.Uint64())
		}
		m.drain()
	}
}

func FuzzWheel(f *testing.F) {
	f.Add(int64(0), []byte("\x00\x01\x00\x00\x00\x00\x00\x00\x00\x40\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(int64(-1), []byte("\x03\x01\xff\xff\xff\xff\xff\xff\xff\xff\x05\x00\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, start int64, script []byte) {
		m := newModel(t, start)
		const operation = 10 // bytes: op, id, distance
		for ; len(script) >= operation; script = script[operation:] {
			m.step(script[0], script[1], binary.LittleEndian.Uint64(script[2:]))
		}
		m.drain()
	})
}
