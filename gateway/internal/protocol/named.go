package protocol

// named is what the named protocols have in common.
type named struct {
	limit  uint64 // bytes of a message; none is the largest number
	answer bool
}

func newNamed(o Options) named { return named{orNone(o.Limit), o.Answer} }

// limited returns p with another limit.
func (p named) limited(limit uint64) named { return named{orNone(limit), p.answer} }

// mayAnswer reports whether the gateway may answer a heartbeat that comes now. Then it must be whole before it is passed on.
func (p named) mayAnswer(d *Dialogue, from Direction) bool {
	return p.answer && d.maySwallow(from) && d.MayInsert(FromUpstream)
}

// readDigits reads digits, 9 at most, and returns what follows them.
func readDigits(text []byte) (n uint64, rest []byte) {
	for i, c := range text {
		if c < '0' || c > '9' || i == 9 {
			return n, text[i:]
		}
		n = n*10 + uint64(c-'0')
	}
	return n, nil
}
