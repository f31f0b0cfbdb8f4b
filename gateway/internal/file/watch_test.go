package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// watched is a real file that is watched in virtual time: once a second, half a second after what the test does.
type watched struct {
	*testing.T
	file *File
	last Look

	mu   sync.Mutex
	seen []string // Guarded by mu: contents that were settled, each once.
	fail []error  // Guarded by mu.
}

func (w *watched) failing(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = append(w.fail, err)
}

// failed returns what was reported of looks that fail since it was called last.
func (w *watched) failed() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	failed := w.fail
	w.fail = nil
	return failed
}

func (w *watched) saw(content string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, content)
}

// taken returns what was seen since it was called last.
func (w *watched) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// watching runs a test on a file in a folder of its own.
func watching(t *testing.T, test func(w *watched, path string)) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		w := &watched{T: t, file: New(path)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.file.Watch(ctx, Watch{Every: time.Second, Settled: w.settled, Failing: w.failing})
		}()
		<-time.After(500 * time.Millisecond) // virtual, as all time here
		test(w, path)
		cancel()
		<-ended
	})
}

// settled notes the content, as a gateway does that reads what does not look as before.
func (w *watched) settled(look Look) {
	if look == w.last {
		return
	}
	data, look, err := w.file.Read(w.Context())
	if err != nil {
		w.saw("unreadable")
		return
	}
	w.last = look
	w.saw(string(data))
}

// later lets seconds go by, and demands what was seen in them.
func (w *watched) later(seconds float64, want ...string) {
	w.Helper()
	<-time.After(time.Duration(seconds * float64(time.Second)))
	synctest.Wait()
	if got := strings.Join(w.taken(), "|"); got != strings.Join(want, "|") {
		w.Errorf("seen are %q, want %q", got, want)
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsSettledWhenTwoLooksAgree(t *testing.T) {
	watching(t, func(w *watched, path string) {
		write(t, path, "a")
		w.later(1)
		w.later(1, "a")
		w.later(10)
		write(t, path, "b")
		w.later(1)
		write(t, path, "cc")
		w.later(1)
		w.later(1, "cc")
	})
}

func TestAFileWrittenWithPausesIsSeenWhole(t *testing.T) {
	watching(t, func(w *watched, path string) {
		write(t, path, "before")
		w.later(2, "before")
		f, err := os.Create(path)
		must(t, err)
		defer f.Close()
		for range 20 {
			_, err := f.WriteString("part ")
			must(t, err)
			w.later(0.4)
		}
		w.later(2, strings.Repeat("part ", 20))
	})
}

func TestEveryWayToExchangeAFileIsSeen(t *testing.T) {
	watching(t, func(w *watched, path string) {
		in := filepath.Dir(path)
		write(t, path, "a")
		w.later(2, "a")
		write(t, path+"~", "b")
		must(t, os.Rename(path+"~", path))
		w.later(2, "b")

		must(t, os.Remove(path)) // nothing is settled where there is nothing
		w.later(5)
		write(t, path, "b")
		w.later(2, "b")
		w.failed() // that it had gone

		must(t, os.Remove(path)) // links: one on the way is pointed elsewhere, as in a ConfigMap
		for _, version := range []string{"v1", "v2"} {
			must(t, os.Mkdir(filepath.Join(in, version), 0o700))
			write(t, filepath.Join(in, version, "f"), version)
		}
		must(t, os.Symlink("v1", filepath.Join(in, "..data")))
		must(t, os.Symlink("..data/f", path))
		w.later(2, "v1")
		must(t, os.Symlink("v2", filepath.Join(in, "..new")))
		must(t, os.Rename(filepath.Join(in, "..new"), filepath.Join(in, "..data")))
		w.later(2, "v2")
		must(t, os.RemoveAll(filepath.Join(in, "v1")))
		w.later(5)
		if failed := w.failed(); len(failed) > 0 {
			t.Errorf("failed: %v", failed)
		}
	})
}

func TestWhatIsNoFileIsTriedAndLeavesTheWatchGoing(t *testing.T) {
	watching(t, func(w *watched, path string) {
		must(t, syscall.Mkfifo(path, 0o600))
		w.later(3, "unreadable", "unreadable") // as often as there is a look
		must(t, os.Remove(path))
		must(t, os.Mkdir(path, 0o700))
		w.later(2, "unreadable")
		must(t, os.Remove(path))
		must(t, os.Symlink("/dev/zero", path))
		w.later(2, "unreadable")
		write(t, path+"~", "at last")
		must(t, os.Rename(path+"~", path))
		w.later(2, "at last")
	})
}

func TestALookThatFailsIsToldOnce(t *testing.T) {
	watching(t, func(w *watched, path string) {
		must(t, os.Symlink("f", path))
		w.later(5)
		if failed := w.failed(); len(failed) != 1 || !errors.Is(failed[0], syscall.ELOOP) {
			t.Errorf("failed: %v", failed)
		}
		must(t, os.Remove(path))
		write(t, path, "a")
		w.later(2, "a")
		if failed := w.failed(); len(failed) != 1 || failed[0] != nil {
			t.Errorf("failed: %v", failed)
		}
	})
}

func TestAFileThatHasGoneIsToldOnce(t *testing.T) {
	watching(t, func(w *watched, path string) {
		write(t, path, "a")
		w.later(2, "a")
		for range 3 { // a file that is removed and written again is away between two looks at most
			must(t, os.Remove(path))
			w.later(1)
			write(t, path, "a")
			w.later(2, "a")
		}
		if failed := w.failed(); len(failed) != 0 {
			t.Errorf("away for a moment: %v", failed)
		}
		must(t, os.Remove(path))
		w.later(5)
		if failed := w.failed(); len(failed) != 1 || !errors.Is(failed[0], os.ErrNotExist) {
			t.Errorf("gone: %v", failed)
		}
		write(t, path, "b")
		w.later(2, "b")
		if failed := w.failed(); len(failed) != 1 || failed[0] != nil {
			t.Errorf("back: %v", failed)
		}
	})
}

func TestALookThatHangsDoesNotEndTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var looks atomic.Int32
		settled := 0
		f := newFile("f", system{look: func(string) (Look, error) {
			if looks.Add(1) == 1 {
				<-release
			}
			return Look{inode: 1}, nil
		}})
		var failed []error
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.Watch(ctx, Watch{Every: time.Second, Settled: func(Look) { settled++ }, Failing: func(err error) { failed = append(failed, err) }})
		}()
		<-time.After(lookPatience + 4*time.Second)
		synctest.Wait()
		if len(failed) != 2 || !errors.Is(failed[0], ErrHangs) || failed[1] != nil {
			t.Errorf("failed: %v", failed)
		}
		if settled == 0 {
			t.Error("no look after the one that hangs has told anything")
		}
		cancel()
		<-ended
		close(release)
	})
}

// counted are Ticks of which it is counted how many there are.
type counted struct {
	Ticks
	now *atomic.Int32
}

func (c counted) Stop() {
	c.now.Add(-1)
	c.Ticks.Stop()
}

func TestLooksThatHangForHoursDoNotAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var ticks atomic.Int32
		f := newFile("f", system{look: func(string) (Look, error) {
			<-release
			return Look{inode: 1}, nil
		}})
		var failed []error
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.Watch(ctx, Watch{
				Every: time.Second, Settled: func(Look) {}, Failing: func(err error) { failed = append(failed, err) },
				Ticks: func(ctx context.Context, every time.Duration) Ticks {
					ticks.Add(1)
					return counted{Tickers(ctx, every), &ticks}
				},
			})
		}()
		<-time.After(3 * time.Hour)
		synctest.Wait()
		const most = mostHanging + 2 // one waits until fewer hang, and one guards
		if n := ticks.Load(); n > most {
			t.Errorf("%d goroutines wait, want at most %d", n, most)
		}
		if len(failed) != 1 || !errors.Is(failed[0], ErrHangs) {
			t.Errorf("failed: %v", failed)
		}
		close(release)
		<-time.After(time.Minute)
		synctest.Wait()
		if n := ticks.Load(); n != 2 {
			t.Errorf("%d goroutines wait when none hangs any more, want one that looks and one that guards", n)
		}
		if len(failed) != 2 || failed[1] != nil {
			t.Errorf("failed: %v", failed)
		}
		cancel()
		<-ended
	})
}
