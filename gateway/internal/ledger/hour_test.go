package ledger

import (
	"testing"
	"time"
)

func TestAnHourKeepsPeaksAndForgetsWhatIsOlder(t *testing.T) {
	var h Hour
	const minute = int64(1000)
	for _, second := range []struct {
		messages uint64
		open     int64
		apart    time.Duration
	}{{10, 3, time.Second}, {400, 7, 2 * time.Second}, {90, 5, time.Second}} {
		h.Note(minute, &Totals{Opened: 1, Messages: [2]uint64{second.messages, 0}, Bytes: [2]uint64{0, 10 * second.messages}}, second.open, second.apart)
	}
	m := h[minute%Minutes]
	if m.Number != minute || m.Opened != 3 || m.Messages[0] != 500 || m.MostOpen != 7 {
		t.Errorf("the minute is %+v, want 3 opened, 500 messages and 7 open at most", m)
	}
	if m.PeakMessages != 200 || m.PeakBytes != 2000 || m.PeakOpened != 1 {
		t.Errorf("its peaks are %d messages, %d bytes and %d opened in a second, want 200, 2000 and 1", m.PeakMessages, m.PeakBytes, m.PeakOpened)
	}
	h.Note(minute+Minutes, &Totals{}, 1, time.Second)
	if m := h[minute%Minutes]; m.Number != minute+Minutes || m.Opened != 0 || m.PeakMessages != 0 {
		t.Errorf("an hour later it is %+v", m)
	}
}
