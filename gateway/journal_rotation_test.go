package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/policy"
)

// enough bounds every wait of the journal's tests; nothing that is right takes as long.
const enough = time.Minute

// journalOf opens a journal, and checks that nothing of it stays open. The test closes it, as its last lines are only
// there after that.
func journalOf(t *testing.T, cfg policy.Log) *journal {
	t.Helper()
	before := openFiles(t)
	clock, err := reactor.NewClock()
	must(t, err)
	j, err := newJournal(nil, cfg, clock)
	must(t, err)
	t.Cleanup(func() {
		if after := openFiles(t); after > before { // what a test before this one has had open may be closed meanwhile
			t.Errorf("%d descriptors, %d before", after, before)
		}
	})
	return j
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

var _ relay.Reporter = (*journal)(nil)

func endOf(id int, reason session.Reason) ledger.Ended {
	return ledger.Ended{ID: uint64(id), Route: "r", Reason: reason, At: deadline.Instant(1)}
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}

// idsIn returns the ids of the ended connections in text, and fails where a line is not whole.
func idsIn(t *testing.T, text string) []int {
	t.Helper()
	var ids []int
	for line := range strings.Lines(text) {
		_, rest, found := strings.Cut(line, `level=INFO msg="connection ended" id=`)
		var id int
		if _, err := fmt.Sscanf(rest, "%d route=r", &id); err != nil || !found ||
			!strings.HasPrefix(line, "time=") || !strings.HasSuffix(line, "longest_silence=0s\n") {
			t.Fatalf("no whole line: %q", line)
		}
		ids = append(ids, id)
	}
	return ids
}

func TestRotationLosesNoLineAndTearsNone(t *testing.T) {
	const loops, each, rotations = 3, 1000, 20
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	var wg sync.WaitGroup
	for loop := range loops {
		wg.Go(func() {
			for i := range each {
				j.Ended(endOf(loop*each+i, session.IdleTimeout))
			}
		})
	}
	text := ""
	for i := range rotations {
		old := filepath.Join(dir, fmt.Sprint("log.", i))
		must(t, os.Rename(path, old))
		must(t, j.reopen())
		text += contentOf(t, old) // nothing is written to it any more
	}
	wg.Wait()
	j.close()
	seen := map[int]bool{}
	for _, id := range idsIn(t, text+contentOf(t, path)) {
		if seen[id] {
			t.Errorf("connection %d is logged twice", id)
		}
		seen[id] = true
	}
	if lost := j.dropped(); len(seen) != loops*each || lost != 0 {
		t.Errorf("%d lines, want %d; %d counted as dropped", len(seen), loops*each, lost)
	}
}

func TestReopeningWithoutARotationGoesOnInTheSameFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	former := j.file
	for i := range 3 {
		j.Ended(endOf(i, session.IdleTimeout))
		must(t, j.reopen())
		if j.file != former { // which may have been cut within a line
			t.Error("it was opened again")
		}
	}
	j.close()
	if ids := idsIn(t, contentOf(t, path)); len(ids) != 3 {
		t.Errorf("it has %v", ids)
	}
}

func TestLogThatCannotBeReopenedGoesOnInTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path, old := filepath.Join(dir, "log"), filepath.Join(dir, "log.1")
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	must(t, os.Rename(path, old))
	must(t, os.Mkdir(path, 0o700))
	err := j.reopen()
	if want := "reopen the log, which goes on in the file that was open: open " + path + ": is a directory"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	j.Ended(endOf(7, session.IdleTimeout))
	j.close()
	if ids := idsIn(t, contentOf(t, old)); len(ids) != 1 || j.dropped() != 0 {
		t.Errorf("the old file has %v, %d dropped", ids, j.dropped())
	}
}

func TestReopeningLeavesStandardErrorAlone(t *testing.T) {
	path := standardError(t)
	j := journalOf(t, policy.Log{})
	must(t, os.Rename(path, path+".1"))
	must(t, j.reopen())
	j.Ended(endOf(7, session.IdleTimeout))
	j.close()
	must(t, j.reopen())
	if ids := idsIn(t, contentOf(t, path+".1")); len(ids) != 1 {
		t.Errorf("it has %v", ids)
	}
}

// standardError sends standard error to a file until the test ends.
func standardError(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(path)
	must(t, err)
	former := os.Stderr
	os.Stderr = file
	t.Cleanup(func() {
		os.Stderr = former
		file.Close()
	})
	return path
}

func TestAPipeThatNobodyReadsIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(path, 0o600))
	if _, err := newJournal(nil, policy.Log{File: policy.File{Path: path}}, nil); err == nil || !strings.HasPrefix(err.Error(), "open the log: ") {
		t.Errorf("the error is %v", err)
	}
}
