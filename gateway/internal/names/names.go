// Package names looks up names again and again, and keeps what was last known of each.
//
//	table := names.New(names.Config{Lookup: names.System, Discover: names.Discover, Changed: func(q names.Query, news names.News) { ... }})
//	table.Follow([]names.Query{names.Host("backend.example")})
//	table.Wait(ctx)
//	addresses, err := table.Addresses("backend.example")
//
// A name server that is down, or gives no address any more, changes nothing that is known. Nobody waits for a look-up but who
// calls Wait.
package names

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Lookup returns the addresses of a host.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// Config is what a Table is made from.
type Config struct {
	Lookup   Lookup                                                                // of the kind Addresses
	Discover func(ctx context.Context, q Query, before []Target) ([]Target, error) // of the others, as the function Discover
	Changed  func(q Query, news News)                                              // called after each look-up that brought news, one at a time for each query; may be nil
}

// News is what a look-up has brought.
type News uint8

const (
	Moved     News = iota // other addresses than before
	Failing               // an error, where there was none before
	Resolving             // an answer after errors; it may bring other addresses, too
)

const (
	standardEvery = 30 * time.Second // between look-ups of a name
	firstRetry    = time.Second      // after one that failed; each that follows waits twice as long, up to Query.Every
	atOnce        = 16               // look-ups at most
	longest       = 20 * time.Second // for one, all name servers and search domains included
)

// Table is names that are followed and what is known of them.
type Table struct {
	// Set once, then read only.
	cfg   Config
	slots chan struct{}

	mu      sync.Mutex
	queries map[Query]*query // Guarded by mu.
	closed  bool             // Guarded by mu.
	running sync.WaitGroup
}

// query is one that is followed.
type query struct {
	stop     context.CancelFunc
	answered chan struct{} // closed after the first look-up

	known Answer // Guarded by the table's mu; Targets are never changed.
}

// errPending is what is known of a name before its first look-up has ended.
var errPending = errors.New("the name servers have not answered yet")

// New returns a table that follows no names.
func New(cfg Config) *Table {
	return &Table{cfg: cfg, slots: make(chan struct{}, atOnce), queries: map[Query]*query{}}
}

// Follow looks these up from now on, beside those that are.
func (t *Table) Follow(all []Query) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, q := range all {
		if t.queries[q] != nil || t.closed {
			continue
		}
		ctx, stop := context.WithCancel(context.Background())
		followed := &query{stop: stop, answered: make(chan struct{}), known: t.similar(q)}
		t.queries[q] = followed
		t.running.Go(func() { t.follow(ctx, q, followed) })
	}
}

// similar returns what is known before the first look-up of q: what another query has found that asks the same at other times.
func (t *Table) similar(q Query) Answer {
	for other, known := range t.queries {
		if other.Kind == q.Kind && other.Name == q.Name {
			return Answer{Targets: known.known.Targets, Err: errPending}
		}
	}
	return Answer{Err: errPending}
}

// Keep forgets all others than these.
func (t *Table) Keep(all []Query) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for q, followed := range t.queries {
		if !slices.Contains(all, q) {
			followed.stop()
			delete(t.queries, q)
		}
	}
}

// Wait returns when all names that are followed have been looked up once, or ctx has ended.
func (t *Table) Wait(ctx context.Context) {
	t.mu.Lock()
	var pending []*query
	for _, q := range t.queries {
		pending = append(pending, q)
	}
	t.mu.Unlock()
	for _, q := range pending {
		select {
		case <-q.answered:
		case <-ctx.Done():
			return
		}
	}
}

// Addresses returns the last known addresses of a host that is followed, and the error of its last look-up: both where it
// does not resolve any more.
func (t *Table) Addresses(host string) (all []netip.Addr, err error) {
	known := t.Answer(Host(host))
	for _, target := range known.Targets {
		all = append(all, target.Address.Addr())
	}
	return all, known.Err
}

// Answer returns what is known of what is followed.
func (t *Table) Answer(q Query) Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if followed := t.queries[q]; followed != nil {
		return followed.known
	}
	return Answer{Err: errPending}
}

// Close ends all look-ups. Nothing is called any more when it returns.
func (t *Table) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.Keep(nil)
	t.running.Wait()
}

func (t *Table) follow(ctx context.Context, q Query, followed *query) {
	every := q.Every
	if every == 0 {
		every = standardEvery
	}
	retry := min(firstRetry, every)
	for first := true; ; first = false {
		found, err := t.lookup(ctx, q)
		if ctx.Err() != nil {
			return
		}
		news, isNews := t.note(q, followed, found, err)
		if first {
			close(followed.answered)
		}
		if isNews && t.cfg.Changed != nil {
			t.cfg.Changed(q, news)
		}
		wait := every
		if err != nil {
			wait, retry = retry, min(2*retry, every)
		} else {
			retry = min(firstRetry, every)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

func (t *Table) lookup(ctx context.Context, q Query) (found []Target, err error) {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-t.slots }()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if q.Kind != Addresses {
		return t.cfg.Discover(ctx, q, t.Answer(q).Targets)
	}
	ips, err := t.cfg.Lookup(ctx, q.Name)
	for _, ip := range ips {
		found = append(found, Target{Address: netip.AddrPortFrom(ip, 0)})
	}
	return found, err
}

// note keeps what a look-up has brought. The order of addresses is no news: name servers give them in turn. An error keeps what is
// known, but for what has come with it.
func (t *Table) note(q Query, followed *query, found []Target, err error) (news News, isNews bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := &followed.known
	before := k.Err
	k.Err = err
	k.Lookups++
	if err != nil {
		k.Failures++
		k.FailedAt = time.Now()
	} else {
		k.At = time.Now()
	}
	leftOut := 0
	if q.Kind != Addresses {
		found, leftOut = bounded(found, k.Targets)
	}
	moved := (err == nil || len(found) > 0) && !sameSet(k.Targets, found)
	if err == nil || len(found) > 0 {
		k.Targets, k.LeftOut = found, leftOut
	}
	pending := errors.Is(before, errPending)
	switch {
	case err != nil && (before == nil || pending):
		return Failing, true
	case err == nil && before != nil && !pending:
		return Resolving, true
	case moved:
		return Moved, true
	}
	return 0, false
}

func sameSet(a, b []Target) bool {
	x, y := slices.Clone(a), slices.Clone(b)
	slices.SortFunc(x, compare)
	slices.SortFunc(y, compare)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}
