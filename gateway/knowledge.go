package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"idlegate/gateway/internal/advicefile"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/file"
	"idlegate/gateway/internal/ledger"
	"idlegate/policy"
)

const (
	// keepEvery is how often what is known for advice is written down where advise_file says so, if there is more of it.
	keepEvery = 5 * time.Minute
	// keepAgain is how long after a failure it is tried again.
	keepAgain = 5 * time.Second
	// keepPatience is how long a file system may take for it before that counts as a failure, and how long an end waits for it.
	keepPatience = 2 * time.Second
)

// knowledge is what is known for advice from before: what the file of advise_file had when it was read first. What was counted since is
// with the loops.
type knowledge struct {
	kick    chan struct{} // holds an item when there is another file to be looked at
	writing chan struct{} // holds an item while a file is written, which may hang

	mu      sync.Mutex
	path    string                      // Guarded by mu; of advise_file. "": nothing is kept.
	read    string                      // Guarded by mu; the path that was read, or found to be free.
	earlier map[string]ledger.Knowledge // Guarded by mu; by route.
	loaded  bool                        // Guarded by mu; earlier is of a file, which is read once.
	kept    map[string]ledger.Knowledge // Guarded by mu; what was written last, without times.
	failing notKept                     // Guarded by mu.
}

func newKnowledge(path policy.File) *knowledge {
	return &knowledge{path: path.Path, kick: make(chan struct{}, 1), writing: make(chan struct{}, 1)}
}

// of returns all that is known of each route.
func (k *knowledge) of(ctx context.Context, g *Gateway, routes []*route) ([]ledger.Knowledge, error) {
	counted, err := g.counters(ctx, statsOf(routes))
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]ledger.Knowledge, len(routes))
	for i, r := range routes {
		all[i] = counted[i].Knowledge(time.Since(r.since), watchedIdle(r))
		if earlier, known := k.earlier[r.Name]; known {
			all[i].Add(&earlier)
		}
	}
	return all, nil
}

// watchedIdle is the idle_timeout that a dry run of a route watches, 0 if none does.
func watchedIdle(r *route) time.Duration {
	return r.Rules.Standard(r.Rules.DryRunValue(deadline.IdleTimeout))
}

// beginDryRun forgets what was known of a dry run of a route: another value is tried from now on.
func (k *knowledge) beginDryRun(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if earlier, known := k.earlier[name]; known {
		earlier.DryRun = -1 // no dry run has that
		k.earlier[name] = earlier
	}
}

// follow changes to the file of an edited policy.
func (k *knowledge) follow(path policy.File) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path == path.Path {
		return
	}
	k.path, k.failing, k.kept = path.Path, notKept{}, nil
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// keepKnowledge reads the file and writes it now and then, until the returned function is called or ctx ends. That writes it once more.
func (g *Gateway) keepKnowledge(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		again := time.NewTimer(keepEvery)
		defer again.Stop()
		for ctx.Err() == nil {
			g.takeUpKnowledge(ctx)
			g.writeKnowledge(ctx) // at the start, too: that it cannot be is told at once
			wait := keepEvery
			if _, failing := g.knowledge.notKept(); failing.err != nil {
				wait = keepAgain
			}
			again.Reset(wait)
			select {
			case <-g.knowledge.kick:
			case <-again.C:
			case <-ctx.Done():
			}
		}
	})
	return func() {
		cancel()
		keeping.Wait()
		g.knowledge.forgetKept() // so that the time is written, too
		g.writeKnowledge(context.Background())
	}
}

// takeUpKnowledge reads the file where it was not read yet. What another file has is left out once one was read, since it is older than
// what is known: that file is only looked at, whether it may be written over.
func (g *Gateway) takeUpKnowledge(ctx context.Context) {
	k := g.knowledge
	k.mu.Lock()
	path, read := k.path, k.read
	k.mu.Unlock()
	if path == "" || path == read {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	data, _, err := file.New(path).Read(bounded)
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.tellKept(path, err)
		return
	}
	routes, err := advicefile.Decode(data)
	if errors.Is(err, advicefile.ErrForeign) {
		g.tellKept(path, err)
		return
	}
	if err != nil {
		g.log.logger.Warn("what advise knew is lost: it begins from nothing", "advise_file", path, "error", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.read = path
	if !k.loaded && err == nil && len(routes) > 0 {
		k.earlier, k.loaded = routes, true
		g.log.logger.Info("what advise knew is there again", "advise_file", path, "routes", len(routes))
	}
}

// writeKnowledge writes the file, if there is something new.
func (g *Gateway) writeKnowledge(ctx context.Context) {
	k := g.knowledge
	k.mu.Lock()
	path, ready := k.path, k.path != "" && k.path == k.read
	k.mu.Unlock()
	if !ready {
		return
	}
	routes := g.current().routes
	known, err := k.of(ctx, g, routes)
	if err != nil {
		return // the gateway ends
	}
	all, timeless := make(map[string]ledger.Knowledge, len(known)), make(map[string]ledger.Knowledge, len(known))
	for i, r := range routes {
		all[r.Name] = known[i]
		known[i].Counted = 0
		timeless[r.Name] = known[i]
	}
	if k.isKept(timeless) {
		return
	}
	err = k.write(path, advicefile.Encode(all))
	if err == nil {
		k.wrote(path, timeless)
	}
	g.tellKept(path, err)
}

// wrote notes what the file at path has, unless an edit named another one meanwhile.
func (k *knowledge) wrote(path string, timeless map[string]ledger.Knowledge) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if path == k.path {
		k.kept = timeless
	}
}

// forgetKept makes the file be written next time, whether there is something new or not.
func (k *knowledge) forgetKept() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = nil
}

// isKept reports whether the file has all that already.
func (k *knowledge) isKept(timeless map[string]ledger.Knowledge) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) != len(timeless) {
		return false
	}
	for name, known := range timeless {
		if k.kept[name] != known {
			return false
		}
	}
	return true
}

// write writes the file in a goroutine, which may hang; none other is begun while it does. What has begun is not cut by an end.
func (k *knowledge) write(path string, data []byte) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), keepPatience, file.ErrHangs)
	defer cancel()
	select {
	case k.writing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("write %s: %w", path, context.Cause(ctx))
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-k.writing }()
		done <- advicefile.Write(path, data)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("write %s: %w", path, context.Cause(ctx))
	}
}
