// Package watch tells when the content of a file may have changed.
//
// It sees plain writes, renames over the file as editors and mv make them, removal and re-creation, a file that comes to
// exist later, and every link on the way being pointed elsewhere, as a mounted Kubernetes ConfigMap does with its ..data:
//
//	/etc/idlegate/idlegate.yaml -> ..data/idlegate.yaml
//	/etc/idlegate/..data        -> ..2026_11_23     renamed over by a link to ..2026_11_24
//
// For that it watches directories, never the file, and all those on the way, for any of them can be renamed. A burst of
// events gives one notice, and none where the content is what it was: a touch, a write of the same bytes, a removal. What
// the file held when New returned counts as known, so read it after that and no change is missed.
//
//	w, err := watch.New("idlegate.yaml")
//	defer w.Close()
//	for range w.Changes() { reload() }
//
// The kernel does not tell of what another machine writes to a network file system, nor of a mount over the file.
package watch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is how long nothing may happen before the file is looked at: who writes it in two steps is given the time.
	quiet = 100 * time.Millisecond
	// latest is how long a look may be put off by events that do not end.
	latest = time.Second
	// retry is when to look again after not all directories could be watched anew.
	retry = 5 * time.Second
)

// Watcher watches one file.
type Watcher struct {
	// Set once, then read only.
	file    string // absolute
	kernel  *fsnotify.Watcher
	changes chan struct{}
	touched chan struct{} // holds a token while there is something to look at
	done    chan struct{} // closed by Close
	close   func()
	running sync.WaitGroup

	// Guarded by mu.
	mu      sync.Mutex
	names   map[string]bool // an event of any other name is none of ours
	content [sha256.Size]byte
	known   bool // content was read once
}

// New watches file, which need not exist. The error says what to do where the system has no watches left.
func New(file string) (*Watcher, error) {
	w, err := prepare(file)
	if err != nil {
		return nil, err
	}
	w.start()
	return w, nil
}

func prepare(file string) (*Watcher, error) {
	if !filepath.IsAbs(file) {
		wd, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", file, err)
		}
		file = wd + "/" + file // filepath.Join takes link/.. away, which need not be where it started
	}
	kernel, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explain(fmt.Errorf("watch %s: %w", file, err))
	}
	w := &Watcher{
		file: file, kernel: kernel, names: map[string]bool{},
		changes: make(chan struct{}, 1), touched: make(chan struct{}, 1), done: make(chan struct{}),
	}
	w.close = sync.OnceFunc(func() {
		close(w.done)
		_ = w.kernel.Close() // its descriptor is only read
	})
	if err := w.renew(); err != nil {
		_ = kernel.Close()
		return nil, explain(err)
	}
	w.content, w.known = digest(w.file)
	return w, nil
}

func (w *Watcher) start() {
	w.running.Go(w.listen)
	w.running.Go(func() { w.settle(w.look) })
}

// explain adds what the errors of inotify(7) mean, which their texts do not tell.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: no inotify watches are left; the sysctl fs.inotify.max_user_watches limits them", err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: no inotify instances or no descriptors are left; the sysctl fs.inotify.max_user_instances and ulimit -n limit them", err)
	}
	return err
}

// Changes gives a notice for every change of the content, or one for several. It is never closed.
func (w *Watcher) Changes() <-chan struct{} { return w.changes }

// Close ends the watch. No notice comes after it, but for one that was not fetched before. It may be called again.
func (w *Watcher) Close() {
	w.close()
	w.running.Wait()
}

// listen takes all events at once, so that fsnotify never stands still while settle calls it.
func (w *Watcher) listen() {
	for {
		select {
		case e, open := <-w.kernel.Events:
			if !open {
				return
			}
			if !w.knows(filepath.Base(e.Name)) {
				continue
			}
		case _, open := <-w.kernel.Errors: // such as an overflow: some event was lost
			if !open {
				return
			}
		}
		w.touch()
	}
}

func (w *Watcher) touch() {
	select {
	case w.touched <- struct{}{}:
	default: // the token is there
	}
}

// Read notes what the file held when somebody read it without a notice: what it holds now is compared with that. Otherwise
// an edit that was read and then taken back between two looks would stay in force.
func (w *Watcher) Read(content [sha256.Size]byte) {
	w.mu.Lock()
	w.content, w.known = content, true
	w.mu.Unlock()
	w.touch()
}

// settle looks once after each burst of events. look reports whether all that it needs is watched.
func (w *Watcher) settle(look func() bool) {
	var began time.Time // of the burst; zero: there is none
	timer := time.NewTimer(0)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-w.touched:
			now := time.Now()
			if began.IsZero() {
				began = now
			}
			timer.Reset(min(quiet, latest-now.Sub(began)))
		case <-timer.C:
			began = time.Time{}
			if !look() {
				timer.Reset(retry)
			}
		}
	}
}

// look gives notice if the file has a content that is not the one known. A file that is away keeps the one that it had.
func (w *Watcher) look() bool {
	err := w.renew() // first: what happens after it is an event, what happened before it is in the content
	content, exists := digest(w.file)
	if exists && w.isNew(content) {
		select {
		case w.changes <- struct{}{}:
		default: // whoever fetches the notice will read this content too
		}
	}
	return err == nil
}

func (w *Watcher) isNew(content [sha256.Size]byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known && content == w.content {
		return false
	}
	w.content, w.known = content, true
	return true
}

// digest returns the hash of a file's content, if it is a file that can be read.
func digest(file string) (sum [sha256.Size]byte, ok bool) {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() { // to open a pipe can take for ever
		return sum, false
	}
	f, err := os.Open(file)
	if err != nil {
		return sum, false
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return sum, false
	}
	return [sha256.Size]byte(hash.Sum(nil)), true
}

// renew watches the directories that are on the way now, and only these. They are all watched anew, since a watch stays
// with its directory where that is renamed and another takes its place.
func (w *Watcher) renew() error {
	for _, dir := range w.kernel.WatchList() {
		_ = w.kernel.Remove(dir) // fails where the directory is gone, and its watch with it
	}
	names := map[string]bool{}
	err := follow(w.file, func(dir, name string) error {
		names[name] = true
		w.learn(name)
		err := w.kernel.Add(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil // gone just now, of which the directory above will tell
		}
		return fmt.Errorf("watch %s: %w", dir, err)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names = names // without those of former ways
	return err
}

func (w *Watcher) learn(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[name] = true
}

func (w *Watcher) knows(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[name]
}
