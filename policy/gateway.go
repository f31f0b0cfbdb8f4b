package policy

import (
	"math"
	"time"

	"idlegate/policy/units"
)

// Gateway holds the settings of the process as a whole.
type Gateway struct {
	Loops          int // 0: one per CPU
	MaxConnections int // 0: as many as the descriptor limit lets
	OnFull         OnFull
	BufferMemory   int64         // bytes held for slow peers, at most
	DrainTimeout   time.Duration // 0: until the last connection has ended
	EditGrace      time.Duration // what an edit ends at once is spread over so long; 0: not spread
}

// minBuffer is the least buffer_memory: less would make the buffer of a few peers starve all others.
const minBuffer = units.MiB

func (g *Gateway) keys() keys {
	return keys{
		{name: "loops", takes: integer(&g.Loops, 0, 1024), standard: "0", doc: "event loops; `0`: one for each CPU"},
		{name: "max_connections", takes: integer(&g.MaxConnections, 0, math.MaxInt32), standard: "0",
			doc: "open client connections at most; `0`: as many as the descriptor limit allows, (limit − 200 − 64 for each event loop) / 2"},
		{name: "on_full", takes: word(&g.OnFull), standard: "wait", doc: "what happens to new clients at `max_connections`: `wait` leaves them in the kernel's backlog, `refuse` resets them, `evict_idlest` resets the connection whose client has been silent for longest, which ends as `evicted`"},
		{name: "buffer_memory", takes: size(&g.BufferMemory, minBuffer, false), standard: "256MiB",
			doc: "bytes held for slow peers, in total; at least 1MiB"},
		{name: "drain_timeout", takes: duration(&g.DrainTimeout).then(warnEndlessDrain), standard: "30s",
			doc: "how long connections that drain may take to end; `none` waits for the last. SIGTERM takes at most 2 s more"},
		{name: "edit_grace", takes: duration(&g.EditGrace), standard: "2s",
			doc: "connections that an edit makes overdue are closed at random instants within this time; `none`: all at once"},
	}
}

func warnEndlessDrain(c cursor) {
	if c.node.Value == none {
		c.warn("none lets a drain last as long as its last connection")
	}
}
