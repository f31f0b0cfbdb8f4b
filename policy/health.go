package policy

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Health says how endpoints are checked by connections of the gateway's own. Its zero value is: they are not.
type Health struct {
	Every   time.Duration // between two checks of an endpoint
	Timeout time.Duration // of each
	Rise    int           // checks in a row that pass, after which one that is down is up
	Fall    int           // checks in a row that fail, after which one that is up is down
	Send    []byte        // empty: nothing
	Expect  []byte        // the first bytes that must come; empty: that it connects is enough
}

// IsZero says that there are no health checks.
func (h *Health) IsZero() bool { return h.Every == 0 }

// maxInARow bounds how many checks in a row a change takes.
const maxInARow = 100

func (h *Health) keys() keys {
	return keys{
		{name: "every", takes: span{}.into(&h.Every), standard: "5s",
			doc: "between two checks of an endpoint, a tenth more or less; a fifth of it, 200ms at least, while it is down or in doubt"},
		{name: "timeout", takes: span{}.into(&h.Timeout), standard: "2s", doc: "of each check: until connected, TLS included, and until all of `expect` has come"},
		{name: "rise", takes: integer(&h.Rise, 1, maxInARow), standard: "2", doc: "checks in a row that pass until an endpoint that is down is up; the first check of an endpoint decides by itself"},
		{name: "fall", takes: integer(&h.Fall, 1, maxInARow), standard: "3", doc: "checks in a row that fail until an endpoint that is up is down, and gets no new connections"},
		{name: "send", takes: byteString(&h.Send), without: "nothing", doc: "what is sent once connected, as `{text: \"PING\\r\\n\"}` or `{hex: \"00\"}`"},
		{name: "expect", takes: byteString(&h.Expect), without: "nothing", doc: "the first bytes that must come then; without it a check passes when it connects"},
	}
}

// value takes a mapping. What is not written in it has its default, and without the mapping there are no checks.
func (h *Health) value() value {
	list := h.keys()
	v := mapping(list)
	v.nested = false
	v.read = func(c cursor) {
		list.setDefaults()
		c.mapping(list)
		h.check(c)
	}
	return v.printed(func() *yaml.Node {
		if h.IsZero() {
			return nil
		}
		return flow(list.pairs()...)
	})
}

// check reports a check that could not find out anything.
func (h *Health) check(c cursor) {
	if c.child("send").written() && !c.child("expect").written() {
		c.child("send").fail(`needs expect, the first bytes of the answer, as in {send: {text: "PING\r\n"}, expect: {text: "+PONG"}}`)
	}
	if h.Timeout > h.Every && !c.child("timeout").written() {
		h.Timeout = h.Every
	}
	if h.Timeout > h.Every {
		c.child("timeout").warn("is longer than every: an endpoint that does not answer is checked more rarely than that")
	}
}
