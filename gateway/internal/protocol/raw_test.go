package protocol

import "testing"

func TestRaw(t *testing.T) {
	f := NewRaw()
	var s State
	for _, read := range []string{"a", "\x00", "many bytes"} {
		n, event := f.Scan(&s, []byte(read))
		if n != len(read) || event != Message {
			t.Errorf("Scan(%q) = %d, %s; want all of it as one message", read, n, event)
		}
		if !s.AtBoundary() || s.Ahead() != 0 {
			t.Errorf("after %q: not at a boundary", read)
		}
	}
	if n, event := f.Scan(&s, nil); n != 0 || event != None {
		t.Errorf("Scan of nothing = %d, %s; want no message", n, event)
	}
}
