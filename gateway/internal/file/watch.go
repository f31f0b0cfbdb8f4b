package file

import (
	"context"
	"time"
)

// Watch says how to look at a file again and again.
type Watch struct {
	Every   time.Duration
	Settled func(Look)  // whenever two looks in a row agree on a file that exists
	Failing func(error) // once when looks begin to fail or hang, and with nil when they are answered again
}

// Watch looks at the file until ctx ends. A look that hangs is not waited for longer than lookPatience; then the next one is
// made, in its turn.
func (f *File) Watch(ctx context.Context, w Watch) {
	every := time.NewTicker(w.Every)
	defer every.Stop()
	var last Look
	var failing bool
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		look, err := f.lookPatiently(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			failing = err != nil
			w.Failing(err)
		}
		if err == nil && look == last && look.Exists() {
			w.Settled(look)
		}
		last = look
	}
}

func (f *File) lookPatiently(ctx context.Context) (Look, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookPatience, ErrHangs)
	defer cancel()
	return f.Look(ctx)
}
