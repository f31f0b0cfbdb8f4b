package protocol

import (
	"fmt"
	"testing"
)

// rule is one configured protocol in its two implementations.
type rule struct {
	name   string
	framer Framer
	ref    reference
}

func lengthFieldRule(t testing.TB, name string, c LengthField) rule {
	t.Helper()
	f, err := NewLengthField(c)
	if err != nil {
		t.Fatal(err)
	}
	return rule{name, f, referenceLengthField(c)}
}

func delimiterRule(t testing.TB, delim string, limit uint64) rule {
	t.Helper()
	f, err := NewDelimiter([]byte(delim), limit)
	if err != nil {
		t.Fatal(err)
	}
	return rule{fmt.Sprintf("delimiter %q, limit %d", delim, limit), f, referenceDelimiter([]byte(delim), limit)}
}

func fixedRule(t testing.TB, size, limit uint64) rule {
	t.Helper()
	f, err := NewFixed(size, limit)
	if err != nil {
		t.Fatal(err)
	}
	return rule{fmt.Sprintf("fixed %d, limit %d", size, limit), f, referenceFixed(size, limit)}
}

func varintRule(limit uint64) rule {
	return rule{fmt.Sprintf("varint, limit %d", limit), NewVarint(limit), referenceVarint(limit)}
}

// follower scans a stream in pieces and holds everything that is to be seen on the way against a verdict.
type follower struct {
	framer Framer
	stream []byte
	want   verdict
	skip   bool // pass known bytes by Skip, not by Scan

	state State
	pos   int // bytes taken
	start int // of the message under way
	index int // of the message under way
}

// follow cuts the stream at cuts, which are ascending and inside of it.
func (r rule) follow(stream []byte, want verdict, cuts []int, skip bool) error {
	f := &follower{framer: r.framer, stream: stream, want: want, skip: skip}
	for i := range len(cuts) + 1 {
		to := len(stream)
		if i < len(cuts) {
			to = cuts[i]
		}
		faulted, err := f.read(to)
		if err != nil {
			return fmt.Errorf("%s: %x cut at %v, skip %t: %w", r.name, stream, cuts, skip, err)
		}
		if faulted {
			return nil
		}
	}
	return nil
}

// read takes the stream up to to as one read, and reports whether that ended in the fault expected.
func (f *follower) read(to int) (faulted bool, err error) {
	for f.pos < to {
		wantN, wantEvent := f.next(to)
		n, event := f.take(f.stream[f.pos:to])
		if n != wantN || event != wantEvent {
			return false, fmt.Errorf("at %d: %d bytes, %s; want %d, %s", f.pos, n, event, wantN, wantEvent)
		}
		if event == Violation || event == TooLarge {
			return true, nil
		}
		f.pos += n
		if event == Message {
			f.start = f.pos
			f.index++
		}
		if err := f.look(); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (f *follower) take(b []byte) (int, Event) {
	if ahead := f.state.Ahead(); f.skip && ahead > 0 {
		n := min(ahead, uint64(len(b)))
		return int(n), f.state.Skip(n)
	}
	return f.framer.Scan(&f.state, b)
}

// next returns what a read up to to must come to.
func (f *follower) next(to int) (int, Event) {
	if f.index < len(f.want.messages) {
		if end, ok := f.want.messages[f.index].end(to); ok {
			return end - f.pos, Message
		}
		return to - f.pos, None
	}
	if f.want.fault != None && f.want.faultAt < to {
		return 0, f.want.fault
	}
	return to - f.pos, None
}

// look checks what the state says of itself, and that a read of nothing changes nothing.
func (f *follower) look() error {
	if got, want := f.state.AtBoundary(), f.pos == f.start; got != want {
		return fmt.Errorf("after %d bytes: AtBoundary() = %t", f.pos, got)
	}
	var ahead uint64
	if f.index < len(f.want.messages) {
		if m := f.want.messages[f.index]; f.pos >= m.known {
			ahead = m.rest - uint64(f.pos-m.known)
		}
	}
	if got := f.state.Ahead(); got != ahead {
		return fmt.Errorf("after %d bytes: Ahead() = %d, want %d", f.pos, got, ahead)
	}
	before := f.state
	if n, event := f.framer.Scan(&f.state, nil); n != 0 || event != None || f.state != before {
		return fmt.Errorf("after %d bytes: Scan of nothing = %d, %s, state %v, was %v", f.pos, n, event, f.state, before)
	}
	return nil
}
