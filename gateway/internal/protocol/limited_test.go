package protocol

import "testing"

// TestAnotherLimitInTheMiddleOfAStream reads the beginning of a message under one limit and the rest under another.
func TestAnotherLimitInTheMiddleOfAStream(t *testing.T) {
	for name, test := range map[string]struct {
		framer        func(limit uint64) Framer
		before, after uint64
		first, second string
		want          Event
	}{
		"length field: a body under way comes to its end":  {prefixed, 0, 2, "\x03a", "bc", Message},
		"length field: the next message obeys":             {prefixed, 0, 2, "\x01a", "\x03", TooLarge},
		"length field: a wider limit lets more through":    {prefixed, 2, 9, "\x01a", "\x03abc", Message},
		"length field: no limit any more":                  {prefixed, 2, 0, "\x01a", "\x03abc", Message},
		"varint: a body under way comes to its end":        {NewVarint, 0, 2, "\x03a", "bc", Message},
		"varint: a header under way obeys":                 {NewVarint, 0, 2, "\x83", "\x00", TooLarge},
		"delimiter: a message already longer is too large": {lines, 0, 2, "abc", "\n", TooLarge},
		"delimiter: one that still fits comes to its end":  {lines, 9, 4, "abc", "\n", Message},
		"delimiter: a wider limit lets it grow":            {lines, 4, 9, "abc", "defg\n", Message},
		"fixed: a message under way comes to its end":      {threes, 0, 2, "ab", "c", Message},
		"fixed: the next one obeys":                        {threes, 0, 2, "abc", "d", TooLarge},
		"raw: has none":                                    {func(uint64) Framer { return NewRaw() }, 0, 1, "ab", "cdef", Message},
	} {
		t.Run(name, func(t *testing.T) {
			framer, state := test.framer(test.before), State{}
			if _, event := framer.Scan(&state, []byte(test.first)); event != None && event != Message {
				t.Fatalf("the beginning is %v", event)
			}
			if _, event := framer.Limited(test.after).Scan(&state, []byte(test.second)); event != test.want {
				t.Errorf("the rest is %v, want %v", event, test.want)
			}
		})
	}
}

func prefixed(limit uint64) Framer {
	f, err := NewLengthField(LengthField{Size: 1, Limit: limit})
	if err != nil {
		panic(err)
	}
	return f
}

func lines(limit uint64) Framer {
	f, err := NewDelimiter([]byte("\n"), limit)
	if err != nil {
		panic(err)
	}
	return f
}

func threes(limit uint64) Framer {
	f, err := NewFixed(3, limit)
	if err != nil {
		panic(err)
	}
	return f
}
