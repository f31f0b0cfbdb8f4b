package protocol

import "bytes"

// An edit may change the question that the gateway asks, or let it ask none, while a client is still to answer the one before:
// its answer is not passed on all the same, since the upstream has not asked.

// Asked says which question of the gateway a client is still to answer.
type Asked uint8

const (
	AskedNothing Asked = iota
	AskedThis          // the protocol's
	AskedFormer        // that from before an edit
)

// Asked returns which question the client is still to answer.
func (d *Dialogue) Asked() Asked {
	switch {
	case !d.flags.has(probed):
		return AskedNothing
	case d.flags.has(former):
		return AskedFormer
	}
	return AskedThis
}

// StillAsked returns next for connections that were read by p, and were asked that by it: so that it knows their answer. It is
// next itself where that knows it anyway.
func StillAsked(p, next Protocol, asked Asked) Protocol {
	old, ok := p.(*framing)
	if !ok || asked == AskedNothing {
		return next
	}
	of, ok := next.(*framing)
	if !ok {
		return next
	}
	q := old.question
	if asked == AskedFormer {
		q = old.former
	}
	if q == nil || q.alike(of.question) {
		return next
	}
	other := *of
	other.former = q
	return &other
}

func (q *question) alike(other *question) bool {
	return other != nil && q.own == other.own && bytes.Equal(q.ask, other.ask) && bytes.Equal(q.answer, other.answer)
}

// Follow notes that the connection is read by p from now on, which StillAsked has given.
func (d *Dialogue) Follow(p Protocol) {
	d.clear(former)
	if f, ok := p.(*framing); ok && f.former != nil && d.flags.has(probed) {
		d.set(former)
	}
}

// asked returns the question that the client is to answer, if it is to answer any.
func (f *framing) asked(d *Dialogue) *question {
	if d.flags.has(former) {
		return f.former
	}
	return f.question
}
