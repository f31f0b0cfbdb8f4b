package policy

import (
	"math"
	"time"

	"gopkg.in/yaml.v3"
)

// MessageRate bounds the messages of one client. Its zero value bounds nothing.
type MessageRate struct {
	Rate int  // a second; 0: any number
	Over Over // what happens to who sends more
}

func (m *MessageRate) keys() keys {
	return keys{
		{name: "rate", takes: integer(&m.Rate, 1, math.MaxInt32), example: "100", doc: "messages a second"},
		{name: "over", takes: word(&m.Over), standard: "close", doc: "what happens to who sends more: `close` ends the connection as `rate_limited`, `delay` reads it later"},
	}
}

// value takes a number, the word none, or a mapping.
func (m *MessageRate) value() value {
	list := m.keys()
	return either(limit(&m.Rate), mapping(list)).printed(func() *yaml.Node {
		if m.Rate == 0 {
			return scalarNode(none)
		}
		return flow(list.pairs()...)
	})
}

// MinRate is the least at which a peer must get on. Its zero value demands nothing.
type MinRate struct {
	Bytes int64
	Over  time.Duration
}

// IsOn reports whether there is one.
func (m MinRate) IsOn() bool { return m.Over > 0 }

// value takes a mapping, or the word none.
func (m *MinRate) value() value {
	list := keys{
		{name: "bytes", takes: size(&m.Bytes, 1, false), example: "1KiB", doc: "the fewest"},
		{name: "over", takes: span{}.into(&m.Over), example: "60s", doc: "the time in which they have to move"},
	}
	return either(noneOr("{bytes: 1KiB, over: 60s}"), mapping(list)).printed(func() *yaml.Node {
		if !m.IsOn() {
			return scalarNode(none)
		}
		return flow(list.pairs()...)
	})
}
