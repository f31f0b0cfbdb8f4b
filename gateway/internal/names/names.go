// Package names looks up host names again and again, and keeps the last known addresses of each.
//
//	table := names.New(names.Config{Lookup: names.System, Changed: func(host string) { ... }})
//	table.Follow([]string{"backend.example"})
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
	Lookup  Lookup
	Changed func(host string, news News) // called after each look-up that brought news, one at a time for each host; may be nil
}

// News is what a look-up has brought.
type News uint8

const (
	Moved     News = iota // other addresses than before
	Failing               // an error, where there was none before
	Resolving             // an answer after errors; it may bring other addresses, too
)

const (
	every      = 30 * time.Second // between look-ups of a name
	firstRetry = time.Second      // after one that failed; each that follows waits twice as long, up to every
	atOnce     = 16               // look-ups at most
	longest    = 20 * time.Second // for one, all name servers and search domains included
)

// Table is names that are followed and what is known of them.
type Table struct {
	// Set once, then read only.
	cfg   Config
	slots chan struct{}

	mu      sync.Mutex
	hosts   map[string]*host // Guarded by mu.
	closed  bool             // Guarded by mu.
	running sync.WaitGroup
}

// host is one name.
type host struct {
	stop     context.CancelFunc
	answered chan struct{} // closed after the first look-up

	// Guarded by the table's mu.
	known []netip.Addr
	err   error // of the last look-up
}

// errPending is what is known of a name before its first look-up has ended.
var errPending = errors.New("the name servers have not answered yet")

// New returns a table that follows no names.
func New(cfg Config) *Table {
	return &Table{cfg: cfg, slots: make(chan struct{}, atOnce), hosts: map[string]*host{}}
}

// Follow has these names looked up from now on, beside those that are.
func (t *Table) Follow(hosts []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range hosts {
		if t.hosts[name] != nil || t.closed {
			continue
		}
		ctx, stop := context.WithCancel(context.Background())
		h := &host{stop: stop, answered: make(chan struct{}), err: errPending}
		t.hosts[name] = h
		t.running.Go(func() { t.follow(ctx, name, h) })
	}
}

// Keep forgets all other names than these.
func (t *Table) Keep(hosts []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, h := range t.hosts {
		if !slices.Contains(hosts, name) {
			h.stop()
			delete(t.hosts, name)
		}
	}
}

// Wait returns when all names that are followed have been looked up once, or ctx has ended.
func (t *Table) Wait(ctx context.Context) {
	t.mu.Lock()
	var pending []*host
	for _, h := range t.hosts {
		pending = append(pending, h)
	}
	t.mu.Unlock()
	for _, h := range pending {
		select {
		case <-h.answered:
		case <-ctx.Done():
			return
		}
	}
}

// Addresses returns the last known addresses of a name that is followed, and the error of its last look-up: both where a name
// does not resolve any more.
func (t *Table) Addresses(name string) ([]netip.Addr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.hosts[name]; h != nil {
		return h.known, h.err
	}
	return nil, errPending
}

// Close ends all look-ups. Nothing is called any more when it returns.
func (t *Table) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.Keep(nil)
	t.running.Wait()
}

func (t *Table) follow(ctx context.Context, name string, h *host) {
	retry := firstRetry
	for first := true; ; first = false {
		found, err := t.lookup(ctx, name)
		if ctx.Err() != nil {
			return
		}
		news, isNews := t.note(h, found, err)
		if first {
			close(h.answered)
		}
		if isNews && t.cfg.Changed != nil {
			t.cfg.Changed(name, news)
		}
		wait := every
		if err != nil {
			wait, retry = retry, min(2*retry, every)
		} else {
			retry = firstRetry
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

func (t *Table) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-t.slots }()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	return t.cfg.Lookup(ctx, name)
}

// note keeps what a look-up has brought. The order of addresses is no news: name servers give them in turn.
func (t *Table) note(h *host, found []netip.Addr, err error) (news News, isNews bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := h.err
	h.err = err
	if err != nil {
		return Failing, before == nil || errors.Is(before, errPending)
	}
	moved := !sameSet(h.known, found)
	h.known = found
	switch {
	case before != nil && !errors.Is(before, errPending):
		return Resolving, true
	case moved:
		return Moved, true
	}
	return 0, false
}

func sameSet(a, b []netip.Addr) bool {
	x, y := slices.Clone(a), slices.Clone(b)
	slices.SortFunc(x, netip.Addr.Compare)
	slices.SortFunc(y, netip.Addr.Compare)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}
