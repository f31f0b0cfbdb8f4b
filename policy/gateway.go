package policy

import (
	"math"
	"time"

	"gopkg.in/yaml.v3"

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

func (c cursor) gateway() Gateway {
	g := Gateway{BufferMemory: 256 * units.MiB, DrainTimeout: 30 * time.Second, EditGrace: 2 * time.Second}
	c.mapping(keys{
		"loops":           integer(&g.Loops, 0, 1024),
		"max_connections": integer(&g.MaxConnections, 0, math.MaxInt32),
		"on_full":         word(&g.OnFull),
		"buffer_memory":   size(&g.BufferMemory, minBuffer, false),
		"drain_timeout":   duration(&g.DrainTimeout),
		"edit_grace":      duration(&g.EditGrace),
	})
	if g.DrainTimeout == 0 {
		c.child("drain_timeout").warn("none lets a drain last as long as its last connection")
	}
	return g
}

func (g Gateway) node() *yaml.Node {
	return block(
		pair{"loops", numberNode(g.Loops)},
		pair{"max_connections", numberNode(g.MaxConnections)},
		pair{"on_full", scalarNode(g.OnFull.String())},
		pair{"buffer_memory", scalarNode(units.FormatSize(g.BufferMemory))},
		pair{"drain_timeout", scalarNode(units.FormatDuration(g.DrainTimeout))},
		pair{"edit_grace", scalarNode(units.FormatDuration(g.EditGrace))},
	)
}
