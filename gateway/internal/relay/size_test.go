package relay

import (
	"testing"
	"unsafe"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
)

// TestAConnectionDoesNotGrow holds the memory of an idle connection: conn, what the timing wheel has of it,
// and their share of what a loop has. Who needs more for what few connections use puts it into extra.
func TestAConnectionDoesNotGrow(t *testing.T) {
	for _, row := range []struct {
		name      string
		size, max uintptr
		why       string
	}{
		{"conn", unsafe.Sizeof(conn{}), 456, "1,024 of them are a whole number of pages: at 456 bytes 57 of 8 KiB"},
		{"leg", unsafe.Sizeof(leg{}), 24, "two of them in each conn"},
		{"session.Session", unsafe.Sizeof(session.Session{}), 312, "what is listed, judged by an edit, written down"},
		{"deadline.Events", unsafe.Sizeof(deadline.Events{}), 160, "instants are exact, 8 bytes each: no timer may be early; those that few connections need are behind a pointer"},
		{"protocol.Dialogue", unsafe.Sizeof(protocol.Dialogue{}), 64, "both directions of the conversation"},
		{"upstream.Use", unsafe.Sizeof(upstream.Use{}), 24, "with the endpoints that were tried"},
	} {
		if row.size > row.max {
			t.Errorf("%s has %d bytes, more than %d: %s", row.name, row.size, row.max, row.why)
		}
	}
}

// TestWhatAMessageTouchesLiesTogether holds the layout of a connection: what most messages touch is behind what they do not.
func TestWhatAMessageTouchesLiesTogether(t *testing.T) {
	var c conn
	cold := unsafe.Offsetof(c.session) + unsafe.Offsetof(c.session.Events) + unsafe.Offsetof(c.session.Events.HalfClosed)
	if hot := unsafe.Sizeof(c) - cold; hot > 5*64 {
		t.Errorf("%d bytes, more than 5 cache lines", hot)
	}
}
