package file

import (
	"context"
	"time"
)

// Watch says how to look at a file again and again.
type Watch struct {
	Every   time.Duration
	Settled func(Look)  // whenever two looks in a row agree on a file that exists
	Failing func(error) // once when looks begin to fail or hang, or find no file twice, and with nil when one is found again
}

// Watch looks at the file until ctx ends. A look that hangs is not waited for longer than lookPatience; then the next one is
// made, in its turn.
func (f *File) Watch(ctx context.Context, w Watch) {
	every := time.NewTicker(w.Every)
	defer every.Stop()
	var last Look
	var failing bool
	looked := false // at least once, so that last is of a look
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
		if err == nil && look == last && looked {
			err = look.missing(f.name)
		}
		if (err != nil) != failing {
			failing = err != nil
			w.Failing(err)
		}
		if err == nil && look == last && look.Exists() {
			w.Settled(look)
		}
		last, looked = look, true
	}
}

func (f *File) lookPatiently(ctx context.Context) (Look, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookPatience, ErrHangs)
	defer cancel()
	return f.Look(ctx)
}
