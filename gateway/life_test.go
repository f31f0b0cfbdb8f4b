package gateway_test

import (
	"context"
	"testing"
	"time"
)

// TestASnapshotMayBeGivenUp has callers who do not wait for the loops, which answer all the same.
func TestASnapshotMayBeGivenUp(t *testing.T) {
	g := start(t, oneRoute+`{long: {}}}`, backend(t, echoes))
	answered, givenUp := 0, 0
	for i := range 2000 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*100*time.Nanosecond)
		if _, err := g.g.Snapshot(ctx); err == nil {
			answered++
		} else {
			givenUp++
		}
		cancel()
	}
	if givenUp == 0 {
		t.Errorf("all %d were answered", answered)
	}
	g.dial("r").echo(framed("all is well"))
}
