package policy

import (
	"math"

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
