package gateway

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"idlegate/gateway/internal/tlsio"
)

// garbage decides how much garbage there may be before Go collects it. Carrying bytes makes none, so as little as the Config says does
// at rest; but a TLS handshake makes 40 KB, and a gateway that has little else in use would collect a dozen times a second, each
// time interrupting the loops. While many are made, garbageRoom may be garbage, or what the percentage at rest allows where that is more.
// CPU of `idlebench --scenarios tls-connect` in units of nginx's: 1.21 without, 0.93 with room for 8 MiB and 0.91 for 16.
type garbage struct {
	// Set once, then read only.
	atRest     int // the percentage of debug.SetGCPercent; 0: it is somebody else's to decide
	handshakes *tlsio.Pool

	looking sync.Mutex // held by who looks: each second, and when many handshakes have begun

	// Guarded by looking.
	begun  uint64    // handshakes at the last look
	busyAt time.Time // the last look that found many
	set    int       // in force
}

const (
	garbageRoom    = 16 << 20        // bytes
	manyHandshakes = tlsio.Many / 2  // from one look to the next
	calmAfter      = 5 * time.Second // since there were as many
	leastHeap      = 4 << 20         // that Go lets grow without a collection, at 100 percent, in bytes
)

// begin sets the percentage until the returned function is called.
func (g *garbage) begin() (end func()) {
	if g.atRest == 0 {
		return func() {}
	}
	before := debug.SetGCPercent(g.atRest)
	g.set = g.atRest
	return func() { debug.SetGCPercent(before) }
}

// look follows how many handshakes were made. It is called every second, and when many more have begun.
func (g *garbage) look(now time.Time) {
	if g.atRest == 0 {
		return
	}
	g.looking.Lock()
	defer g.looking.Unlock()
	begun := g.handshakes.Begun()
	if begun-g.begun >= manyHandshakes {
		g.busyAt = now
	}
	g.begun = begun
	percent := g.atRest
	if now.Sub(g.busyAt) < calmAfter {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		percent = max(percent, gcPercent(live[0].Value.Uint64()))
	}
	if percent != g.set { // which stops the world
		debug.SetGCPercent(percent)
		g.set = percent
	}
}

// gcPercent is the percentage at which a heap with live bytes in use has room for garbageRoom of garbage, in steps of 50. Go
// takes it of leastHeap, too.
func gcPercent(live uint64) int {
	const step = 50
	percent := min(garbageRoom*100/max(live, 1), (live+garbageRoom)*100/leastHeap)
	return int(percent / step * step)
}
