package file

import (
	"context"
	"sync"
	"time"
)

// Watch says how to look at a file again and again.
type Watch struct {
	Every   time.Duration
	Settled func(Look)  // whenever two looks in a row agree on a file that exists
	Failing func(error) // once when looks begin to fail or hang, or find no file twice, and with nil when one is found again

	// Ticks returns what tells that so much time has passed, until ctx ends; nil: a time.Ticker.
	Ticks func(ctx context.Context, every time.Duration) Ticks
}

// Ticks tells that time has passed.
type Ticks interface {
	Wait() bool // false: there are no more
	Stop()
}

// Watch looks at the file until ctx ends. A look that hangs is not waited for longer than twice lookPatience; then another one takes its
// place.
//
// The goroutine that waits for the next look makes it, since another one, or a timer for the case that it hangs, would cost more CPU
// than all else that a gateway at rest does. A second one looks now and then whether the first hangs.
func (f *File) Watch(ctx context.Context, w Watch) {
	if w.Ticks == nil {
		w.Ticks = Tickers
	}
	watch := &watcher{file: f, Watch: w}
	go watch.look(ctx, watch.turn())
	watch.guard(ctx)
	watch.telling.Lock() // what is told now; nothing is from now on
	defer watch.telling.Unlock()
}

// watcher is a file that is watched.
type watcher struct {
	Watch
	file *File

	telling sync.Mutex // held while what a look has found is told; no look waits for it that hangs

	mu    sync.Mutex
	turns int       // Guarded by mu; goroutines that have been looking. The last of them is the one that counts.
	began time.Time // Guarded by mu; when the look under way began. Zero: none is.

	// Guarded by telling.
	last    Look
	looked  bool // at least once, so that last is of a look
	failing bool
}

// turn is the number of a goroutine that looks from now on in the place of the one before.
func (w *watcher) turn() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turns++
	w.began = time.Time{}
	return w.turns
}

// begin notes that a look begins, and end that it is over. Both report whether it is still this goroutine's turn.
func (w *watcher) begin(turn int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if turn == w.turns {
		w.began = time.Now()
	}
	return turn == w.turns
}

func (w *watcher) end(turn int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if turn == w.turns {
		w.began = time.Time{}
	}
	return turn == w.turns
}

// look looks again and again until ctx ends, or another goroutine has taken its place.
func (w *watcher) look(ctx context.Context, turn int) {
	ticks := w.Ticks(ctx, w.Every)
	defer ticks.Stop()
	for ticks.Wait() && ctx.Err() == nil && w.begin(turn) {
		look, err := w.file.lookHere(ctx)
		if !w.end(turn) || ctx.Err() != nil {
			return
		}
		w.found(ctx, look, err)
	}
}

// guard has another goroutine look where one hangs, unless as many hang as may: then the last of them goes on looking when it is back.
func (w *watcher) guard(ctx context.Context) {
	ticks := w.Ticks(ctx, lookPatience)
	defer ticks.Stop()
	for ticks.Wait() && ctx.Err() == nil {
		w.mu.Lock()
		hangs := !w.began.IsZero() && time.Since(w.began) >= lookPatience/2
		w.mu.Unlock()
		if !hangs {
			continue
		}
		if len(w.file.looks) == cap(w.file.looks) {
			w.found(ctx, Look{}, ErrHangs)
			continue
		}
		turn := w.turn()
		w.found(ctx, Look{}, ErrHangs)
		go w.look(ctx, turn)
	}
}

// found tells what a look has found.
func (w *watcher) found(ctx context.Context, look Look, err error) {
	w.telling.Lock()
	defer w.telling.Unlock()
	if ctx.Err() != nil {
		return
	}
	if err == nil && look == w.last && w.looked {
		err = look.missing(w.file.name)
	}
	if (err != nil) != w.failing {
		w.failing = err != nil
		w.Failing(err)
	}
	if err == nil && look == w.last && look.Exists() {
		w.Settled(look)
	}
	w.last, w.looked = look, true
}

// lookHere is Look on the caller's goroutine, which hangs where that does. It is one of those that may hang at once.
func (f *File) lookHere(ctx context.Context) (Look, error) {
	select {
	case f.looks <- struct{}{}:
	case <-ctx.Done():
		return Look{}, context.Cause(ctx)
	}
	defer func() { <-f.looks }()
	return f.sys.look(f.name)
}

// ticker is a time.Ticker that ends with a context.
type ticker struct {
	*time.Ticker
	ctx context.Context
}

// Tickers are Ticks of Go's own clock.
func Tickers(ctx context.Context, every time.Duration) Ticks {
	return ticker{time.NewTicker(every), ctx}
}

func (t ticker) Wait() bool {
	select {
	case <-t.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}
