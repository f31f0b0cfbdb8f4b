package gateway

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/session"
	"idlegate/policy"
)

// pipe makes a named pipe and opens its reading end.
func pipe(t *testing.T) (path string, reader *os.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(path, 0o600))
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	must(t, err)
	t.Cleanup(func() { _ = reader.Close() })
	return path, reader
}

// within fails where do takes longer than anything that is right.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(enough):
		t.Fatalf("not done within %v: %s", enough, what)
	}
}

// eventually waits until holds does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(enough)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not so after %v: %s", enough, what)
		}
	}
}

func TestACrowdThatEndsBeforeAStalledLogNeitherWaitsNorGrows(t *testing.T) {
	const crowd = 200_000
	const most = 8 << 20 // the queue, the batch that is being written, and its lines; all lines are 50 MB
	path, reader := pipe(t)
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	before := heapInUse()
	within(t, "connections end", func() {
		for i := range crowd {
			j.Ended(endOf(i, session.IdleTimeout))
		}
	})
	if grown := heapInUse() - before; grown > most {
		t.Errorf("%d bytes more are held, want no more than %d", grown, most)
	}

	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(reader)
		text <- string(all)
	}()
	within(t, "the journal is closed", j.close)
	ids := idsIn(t, <-text)
	if lost := int(j.dropped()); lost == 0 || len(ids)+lost != crowd {
		t.Errorf("%d lines arrived and %d were dropped, want %d together", len(ids), lost, crowd)
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestLoggingGoesOnWhenAStalledPipeIsReadAgain(t *testing.T) {
	path, reader := pipe(t)
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	j.Ended(endOf(0, session.IdleTimeout))
	total := 1
	eventually(t, "lines are dropped", func() bool {
		for range 1000 {
			j.Ended(endOf(total, session.IdleTimeout))
			total++
		}
		return j.dropped() > 0
	})
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(reader)
		text <- string(all)
	}()
	eventually(t, "there is room again", func() bool {
		lost := j.dropped()
		j.Ended(endOf(total, session.IdleTimeout))
		total++
		return j.dropped() == lost
	})
	within(t, "the journal is closed", j.close)
	if ids, lost := idsIn(t, <-text), int(j.dropped()); len(ids)+lost != total {
		t.Errorf("%d lines arrived and %d were dropped, want %d together", len(ids), lost, total)
	}
}

func TestAStalledPipeIsLeftForAFile(t *testing.T) {
	path, reader := pipe(t)
	file := filepath.Join(t.TempDir(), "log")
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	const before, after = 20_000, 10
	for i := range before {
		j.Ended(endOf(i, session.IdleTimeout))
	}
	within(t, "the pipe is left", func() {
		must(t, j.reopen()) // which is of no help
		adopts(t, j, policy.Log{File: policy.File{Path: file}})
	})
	for i := range after {
		j.Ended(endOf(before+i, session.IdleTimeout))
	}
	within(t, "the journal is closed", j.close)

	piped, err := io.ReadAll(reader) // the gateway has closed its end
	must(t, err)
	arrived := len(idsIn(t, string(piped[:strings.LastIndexByte(string(piped), '\n')+1])))
	ids := idsIn(t, contentOf(t, file))
	if last := ids[len(ids)-1]; last != before+after-1 {
		t.Errorf("the last line has %d, want %d", last, before+after-1)
	}
	eventually(t, "every line has arrived or is counted", func() bool { // the write to the pipe ends in its own time
		return arrived+len(ids)+int(j.dropped()) == before+after
	})
}

func TestAFullDiskLosesLinesUntilThereIsRoom(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	must(t, os.Symlink("/dev/full", path))
	j := journalOf(t, policy.Log{File: policy.File{Path: path}})
	const lost, kept = 1000, 10
	for i := range lost {
		j.Ended(endOf(i, session.IdleTimeout))
	}
	eventually(t, "all are dropped", func() bool { return j.dropped() == lost })
	must(t, os.Remove(path))
	must(t, j.reopen())
	for i := range kept {
		j.Ended(endOf(lost+i, session.IdleTimeout))
	}
	j.close()
	if ids := idsIn(t, contentOf(t, path)); len(ids) != kept || j.dropped() != lost {
		t.Errorf("%d lines arrived, want %d; %d were dropped, want %d", len(ids), kept, j.dropped(), lost)
	}
}
