package top

import (
	"context"
	"time"
)

// Follow gives a sample to emit every so often, count of them or, where that is 0, until ctx ends. The first comes after one
// interval, so that each has rates. The error is the gateway's, or emit's.
func Follow(ctx context.Context, ask Ask, query Query, every time.Duration, count int, emit func(Sample) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	before, err := ask(ctx, query)
	for n := 0; err == nil && (count == 0 || n < count); n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var now Answers
		if now, err = ask(ctx, query); err == nil {
			err = emit(sample(before, now))
			before = now
		}
	}
	if ctx.Err() != nil {
		return nil // it was interrupted, which is how it ends
	}
	return err
}
