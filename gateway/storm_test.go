package gateway

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/session"
	"idlegate/policy"
)

// tally counts the connections in a log, each by a line of its own or in a sum.
func tally(t *testing.T, text string) (lines, summed int) {
	t.Helper()
	count := regexp.MustCompile(`msg="more connections ended in the last second" route=r endpoint=127.0.0.1:1 reason=\w+ count=(\d+)\n`)
	for line := range strings.Lines(text) {
		if found := count.FindStringSubmatch(line); found != nil {
			n, err := strconv.Atoi(found[1])
			must(t, err)
			summed += n
			continue
		}
		if !strings.Contains(line, `msg="connection ended"`) {
			t.Errorf("unexpected line %q", line)
		}
		lines++
	}
	return lines, summed
}

func failed(id int, reason session.Reason) ledger.Ended {
	e := endOf(id, reason)
	e.Endpoint = "127.0.0.1:1"
	return e
}

func TestAStormOfEqualFailuresIsSummedUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(t, policy.Log{File: policy.File{Path: path}})
		const seconds, each = 3, 4000
		for range seconds {
			for i := range each {
				j.Ended(failed(i, session.ConnectRefused))
			}
			<-time.After(stormWindow + time.Millisecond)
		}
		j.Ended(failed(0, session.ConnectRefused)) // the last window but one has ended, this one has nothing to sum up
		<-time.After(2 * stormWindow)
		j.storms.mu.Lock()
		kept := len(j.storms.kinds)
		j.storms.mu.Unlock()
		if kept > 0 {
			t.Errorf("%d kinds are kept when the storm is over", kept)
		}
		j.close()
		lines, summed := tally(t, contentOf(t, path))
		if want := seconds*stormLines + 1; lines != want || lines+summed != seconds*each+1 {
			t.Errorf("%d lines and %d summed up, want %d lines and %d together", lines, summed, want, seconds*each+1)
		}
		if n := strings.Count(contentOf(t, path), "\n"); n > seconds*(stormLines+1)+1 {
			t.Errorf("%d lines of log", n)
		}
	})
}

func TestAStormUnderWayIsSummedUpAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	for i := range 1000 {
		j.Ended(failed(i, session.ConnectTimeout))
	}
	j.close()
	if lines, summed := tally(t, contentOf(t, path)); lines+summed != 1000 {
		t.Errorf("%d lines and %d summed up, want 1000 together", lines, summed)
	}
}

func TestOnlyEqualFailuresAreSummedUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	total := 0
	for reason := session.Open + 1; reason < session.ReasonCount; reason++ {
		for endpoint := range 2 { // stormLines of each kind
			for range stormLines {
				e := endOf(total, reason)
				e.Endpoint = fmt.Sprint("127.0.0.1:", endpoint)
				j.Ended(e)
				total++
			}
		}
	}
	for i := range 100 {
		j.Ended(endOf(total+i, session.IdleTimeout)) // says of each client that it was silent
	}
	j.close()
	if ids := idsIn(t, contentOf(t, path)); len(ids) != total+100 {
		t.Errorf("%d lines, want %d", len(ids), total+100)
	}
}
