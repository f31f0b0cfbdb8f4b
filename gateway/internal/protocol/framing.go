package protocol

// framing is a Protocol whose two directions know nothing of each other: the general framings. It may know one heartbeat, and
// one question to ask a client.
type framing struct {
	framers   [2]Framer
	heartbeat *heartbeat // nil: none is known
	question  *question  // nil: the gateway asks nothing
	former    *question  // what a connection may have been asked before an edit; see StillAsked
}

// NewFraming returns the Protocol of two framings, by direction.
func NewFraming(framers [2]Framer) Protocol { return &framing{framers: framers} }

func (f *framing) Limited(limit uint64) Protocol {
	other := *f
	for i, framer := range f.framers {
		other.framers[i] = framer.Limited(limit)
	}
	return &other
}

func (f *framing) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if (f.heartbeat != nil || d.flags.has(probed)) && s.phase == between && len(b) > 0 {
		if n, event := f.recognise(d, from, b); event != None {
			return n, event
		}
	}
	return f.framers[from].Scan(s, b)
}

func (f *framing) Skip(d *Dialogue, from Direction, n uint64) Event { return d.streams[from].Skip(n) }
