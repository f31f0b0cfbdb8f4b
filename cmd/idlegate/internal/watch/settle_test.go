package watch

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// settling runs settle in virtual time and returns when it looked, as time since the start. answers are what its looks
// report; further ones report true.
func settling(t *testing.T, touch func(w *Watcher), answers ...bool) []time.Duration {
	t.Helper()
	var looked []time.Duration
	synctest.Test(t, func(t *testing.T) {
		w := &Watcher{touched: make(chan struct{}, 1), done: make(chan struct{})}
		start := time.Now()
		w.running.Go(func() {
			w.settle(func() bool {
				looked = append(looked, time.Since(start))
				return len(looked) > len(answers) || answers[len(looked)-1]
			})
		})
		touch(w)
		close(w.done)
		w.running.Wait()
	})
	return looked
}

// touches sends one token after each gap, then lets a minute pass.
func touches(gaps ...time.Duration) func(*Watcher) {
	return func(w *Watcher) {
		for _, gap := range append(gaps, time.Minute) {
			<-time.After(gap)
			if gap < time.Minute {
				w.touched <- struct{}{}
			}
		}
	}
}

func TestBurstsSettle(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		gaps    []time.Duration
		answers []bool
		want    []time.Duration
	}{
		"no event, no look":                       {nil, nil, nil},
		"one event: looks once all is quiet":      {[]time.Duration{5 * ms}, nil, []time.Duration{105 * ms}},
		"three in a row: one look after the last": {[]time.Duration{0, 50 * ms, 99 * ms}, nil, []time.Duration{249 * ms}},
		"two bursts: two looks":                   {[]time.Duration{0, 200 * ms}, nil, []time.Duration{100 * ms, 300 * ms}},
		"no end of events: looks after a second": {
			slices.Repeat([]time.Duration{70 * ms}, 20), nil, []time.Duration{1070 * ms, 1500 * ms},
		},
		"not all is watched: looks again later": {[]time.Duration{0}, []bool{false, false}, []time.Duration{100 * ms, 5100 * ms, 10100 * ms}},
		"an event before the next try":          {[]time.Duration{0, time.Second}, []bool{false}, []time.Duration{100 * ms, 1100 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			if looked := settling(t, touches(test.gaps...), test.answers...); !slices.Equal(looked, test.want) {
				t.Errorf("looked after %v, want %v", looked, test.want)
			}
		})
	}
}

func TestALookTellsOnlyOfOtherContent(t *testing.T) {
	in := t.TempDir()
	file := filepath.Join(in, "idlegate.yaml")
	write(t, file, "a")
	w, err := prepare(file)
	must(t, err)
	defer w.Close()
	for _, row := range []struct {
		rule string
		do   func() error
		told bool
	}{
		{"nothing happened", func() error { return nil }, false},
		{"touched", func() error { return os.Chtimes(file, time.Now(), time.Now()) }, false},
		{"other mode", func() error { return os.Chmod(file, 0o644) }, false},
		{"read", func() error { _, err := os.ReadFile(file); return err }, false},
		{"the same bytes written", func() error { return os.WriteFile(file, []byte("a"), 0o600) }, false},
		{"other bytes", func() error { return os.WriteFile(file, []byte("b"), 0o600) }, true},
		{"and no more after that", func() error { return nil }, false},
		{"removed", func() error { return os.Remove(file) }, false},
		{"back with what it had", func() error { return os.WriteFile(file, []byte("b"), 0o600) }, false},
		{"removed again", func() error { return os.Remove(file) }, false},
		{"a folder in its place", func() error { return os.Mkdir(file, 0o700) }, false},
		{"no folder", func() error { return os.Remove(file) }, false},
		{"a pipe that nobody writes to", func() error { return syscall.Mkfifo(file, 0o600) }, false},
		{"no pipe", func() error { return os.Remove(file) }, false},
		{"back with another content", func() error { return os.WriteFile(file, []byte("c"), 0o600) }, true},
		{"emptied", func() error { return os.Truncate(file, 0) }, true},
	} {
		must(t, row.do())
		if !w.look() {
			t.Errorf("%s: not all is watched", row.rule)
		}
		select {
		case <-w.Changes():
			if !row.told {
				t.Errorf("%s: a notice", row.rule)
			}
		default:
			if row.told {
				t.Errorf("%s: no notice", row.rule)
			}
		}
	}
}

func TestAFileThatIsWrittenWithoutEndIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "idlegate.yaml")
	w, err := New(file)
	must(t, err)
	defer w.Close()
	f, err := os.Create(file)
	must(t, err)
	defer f.Close()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	limit := time.After(patience)
	for notices := 0; notices < 2; {
		select {
		case <-pace.C:
			_, err := f.WriteString("x")
			must(t, err)
		case <-w.Changes():
			notices++
		case <-limit:
			t.Fatalf("%d notices within %v", notices, patience)
		}
	}
}
