package load

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCloses(t *testing.T) {
	due := time.Now()
	var c closings
	if diff := cmp.Diff(Closes{}, c.sum()); diff != "" {
		t.Errorf("of none: %s", diff)
	}
	c.record(time.Time{}, due, due)
	if diff := cmp.Diff(Closes{Watched: 1}, c.sum()); diff != "" {
		t.Errorf("of one that was never closed: %s", diff)
	}
	for late := range 100 {
		closed := due.Add(time.Duration(99-late) * time.Second)
		c.record(closed, due.Add(time.Second), due.Add(2*time.Second))
	}
	want := Closes{Watched: 101, Closed: 100, Earliest: -time.Second, P50: 48 * time.Second, P99: 97 * time.Second}
	if diff := cmp.Diff(want, c.sum()); diff != "" {
		t.Error(diff)
	}
}
