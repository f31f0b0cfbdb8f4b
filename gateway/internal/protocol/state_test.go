package protocol

import (
	"math"
	"slices"
	"testing"
	"unsafe"
)

// check wants messages that end after these bytes of stream, and then a fault, or None. It scans the stream whole and
// byte by byte; in the latter case a fault must come with the stream's last byte.
func check(t *testing.T, f Framer, stream string, ends []int, fault Event) {
	t.Helper()
	for _, read := range []int{len(stream), 1} {
		var s State
		var got []int
		event, pos := None, 0
		for pos < len(stream) && event <= Message {
			var n int
			n, event = f.Scan(&s, []byte(stream[pos:max(pos+1, min(len(stream), read))]))
			pos += n
			if event == Message {
				got = append(got, pos)
			}
		}
		if event == Message {
			event = None
		}
		if !slices.Equal(got, ends) || event != fault {
			t.Errorf("in reads of %d: messages end at %v, then %s; want %v, %s", read, got, event, ends, fault)
		}
		if read == 1 && fault != None && pos != len(stream)-1 {
			t.Errorf("%s at byte %d, want it at %d", fault, pos, len(stream)-1)
		}
	}
}

func TestStateIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(State{}); size > 32 {
		t.Errorf("%d bytes a direction, want at most 32", size)
	}
}

// The largest message of all: a value of 2^63-1 and as much again for the adjustment, behind a header.
func TestSkipOfAnEnormousMessage(t *testing.T) {
	r := lengthFieldRule(t, "", LengthField{Size: 8, Adjustment: math.MaxInt64})
	var s State
	header := "\x7f\xff\xff\xff\xff\xff\xff\xff"
	if n, event := r.framer.Scan(&s, []byte(header)); n != 8 || event != None {
		t.Fatalf("Scan of the header = %d, %s", n, event)
	}
	const body = math.MaxUint64 - 1
	if s.Ahead() != body {
		t.Fatalf("Ahead() = %d, want 2^64-2", s.Ahead())
	}
	for _, step := range []struct {
		n     uint64
		event Event
	}{{0, None}, {1 << 63, None}, {body - 1<<63 - 1, None}, {1, Message}, {0, None}} {
		if event := s.Skip(step.n); event != step.event {
			t.Errorf("Skip(%d) = %s, want %s", step.n, event, step.event)
		}
	}
	if !s.AtBoundary() || s.Ahead() != 0 || s != (State{}) {
		t.Errorf("state after the message: %+v", s)
	}
}

func TestSkipThenScan(t *testing.T) {
	var s State
	f := NewVarint(0)
	f.Scan(&s, []byte("\x05a"))
	if event := s.Skip(2); event != None || s.Ahead() != 2 {
		t.Errorf("Skip(2) of 4 = %s, %d ahead", event, s.Ahead())
	}
	if n, event := f.Scan(&s, []byte("de\x01f")); n != 2 || event != Message {
		t.Errorf("Scan of the rest = %d, %s", n, event)
	}
}

func TestSkipOfMoreThanIsKnownPanics(t *testing.T) {
	delim := delimiterRule(t, "\n", 0)
	for _, tt := range []struct {
		name   string
		framer Framer
		read   string
		skip   uint64
	}{
		{"at a boundary", NewVarint(0), "", 1},
		{"inside a header", NewVarint(0), "\x80", 1},
		{"beyond the body", NewVarint(0), "\x02a", 2},
		{"where the end is not known", delim.framer, "abc", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s State
			tt.framer.Scan(&s, []byte(tt.read))
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			s.Skip(tt.skip)
		})
	}
}

// A state is written down in mid-message and taken up by a Framer made alike.
func TestCopiedStateGoesOnAlone(t *testing.T) {
	first, second := delimiterRule(t, "\r\n", 0), delimiterRule(t, "\r\n", 0)
	var s State
	first.framer.Scan(&s, []byte("abc\r"))
	taken := s
	if n, event := first.framer.Scan(&s, []byte("x")); n != 1 || event != None {
		t.Errorf("original: %d, %s", n, event)
	}
	if n, event := second.framer.Scan(&taken, []byte("\nx")); n != 1 || event != Message {
		t.Errorf("copy: %d, %s; want its message", n, event)
	}
}

func TestEventNames(t *testing.T) {
	seen := map[string]bool{}
	for e := None; e <= TooLarge+1; e++ {
		if seen[e.String()] {
			t.Errorf("%q is the name of two events", e)
		}
		seen[e.String()] = true
	}
}
