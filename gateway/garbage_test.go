package gateway

import (
	"io"
	"runtime/debug"
	"testing"
	"time"

	"idlegate/gateway/internal/tlsio"
)

func TestTheRoomForGarbageIsBounded(t *testing.T) {
	const mib = 1 << 20
	for live, want := range map[uint64]int{0: 400, mib: 400, 2 * mib: 450, 4 * mib: 400, 8 * mib: 200, 16 * mib: 100, 64 * mib: 0} {
		got := gcPercent(live)
		if got != want {
			t.Errorf("with %d MiB in use it is %d, want %d", live/mib, got, want)
		}
		goal := max(leastHeap*uint64(got)/100, live+live*uint64(got)/100) // as runtime/debug documents it
		if goal > live+garbageRoom {
			t.Errorf("with %d MiB in use there may be %d MiB", live/mib, goal/mib)
		}
	}
}

// TestGarbageIsCollectedMoreSeldomWhileHandshakesAreMade looks at what debug.SetGCPercent was told.
func TestGarbageIsCollectedMoreSeldomWhileHandshakesAreMade(t *testing.T) {
	inForce := func() int {
		percent := debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent
	}
	before, pool := inForce(), tlsio.NewPool(4, 1)
	g := &garbage{atRest: 50, handshakes: pool}
	end := g.begin()
	now := time.Now()
	step := func(what string, handshakes int, after time.Duration, holds func(percent int) bool) {
		t.Helper()
		for range handshakes { // each makes room for the next
			pool.Server(nil, nil, func() {}).End(io.EOF)
		}
		now = now.Add(after)
		g.look(now)
		if percent := inForce(); !holds(percent) {
			t.Errorf("%s: it is %d", what, percent)
		}
	}
	atRest := func(percent int) bool { return percent == 50 }
	more := func(percent int) bool { return percent >= 100 }
	step("at rest", 0, time.Second, atRest)
	step("few handshakes", manyHandshakes-1, time.Second, atRest)
	step("many", manyHandshakes, time.Second, more)
	step("a pause", 0, time.Second, more)
	step("calm", 0, calmAfter, atRest)
	end()
	if inForce() != before {
		t.Errorf("it stays at %d", inForce())
	}
}

// TestManyHandshakesAreToldOf as soon as they have begun.
func TestManyHandshakesAreToldOf(t *testing.T) {
	pool := tlsio.NewPool(4, 1)
	begin := func(n int) {
		for range n {
			pool.Server(nil, nil, func() {}).End(io.EOF)
		}
	}
	told := func() bool {
		select {
		case <-pool.More():
			return true
		default:
			return false
		}
	}
	begin(tlsio.Many - 1)
	if told() {
		t.Error("it is told of few")
	}
	begin(1)
	if !told() || told() {
		t.Error("it is not told of many, or twice")
	}
	begin(3 * tlsio.Many)
	if !told() || told() {
		t.Error("what nobody has heard of is not told once")
	}
}
