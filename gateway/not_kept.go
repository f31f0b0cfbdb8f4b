package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/advicefile"
	"idlegate/gateway/internal/file"
)

// notKept is why what is known cannot be kept now.
type notKept struct {
	err   error // nil: it is kept, or need not be
	since time.Time
}

// notKept returns the file of advise_file, and why what is known cannot be kept there.
func (k *knowledge) notKept() (path string, failing notKept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.path, k.failing
}

// alarms is that what is known is not kept, while that is so.
func (k *knowledge) alarms() []api.Alarm {
	path, failing := k.notKept()
	if failing.err == nil {
		return nil
	}
	return []api.Alarm{{
		Kind: api.AlarmAdviceNotKept, Level: api.AlarmWarning, Since: failing.since,
		Text: fmt.Sprintf("what advise knows is not kept in %s, and a restart would lose it: %v", path, failing.err),
		Do:   "give advise_file a path of its own in a folder in which the gateway may make files, or make room there; it is tried again by itself",
	}}
}

// tellKept logs once that what is known cannot be kept, and once that it can again. Nothing is said of a file that is named no more.
func (g *Gateway) tellKept(path string, err error) {
	k := g.knowledge
	k.mu.Lock()
	named, was := path == k.path, k.failing.err != nil
	switch {
	case !named:
	case err == nil:
		k.failing = notKept{}
	case was:
		k.failing.err, k.kept = err, nil
	default:
		k.failing, k.kept = notKept{err, time.Now()}, nil // so that the file is written next time, whether there is something new or not
	}
	k.mu.Unlock()
	switch {
	case !named:
	case err != nil && !was:
		g.log.logger.Warn("what advise knows is not kept now", "advise_file", path, "error", err)
	case err == nil && was:
		g.log.logger.Info("what advise knows is kept again", "advise_file", path)
	}
}

// adviceOfRoute is about how much one route takes in the file.
const adviceOfRoute = 8 << 10

// tryAdviceFile says why what is known for advice could not be kept at path. Nothing is left behind.
func tryAdviceFile(path string) error {
	if err := tryFolder(path, make([]byte, adviceOfRoute)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepPatience)
	defer cancel()
	data, _, err := file.New(path).Read(ctx)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if _, err := advicefile.Decode(data); errors.Is(err, advicefile.ErrForeign) {
		return fmt.Errorf("%s is there already; %w", path, err)
	}
	return nil
}
