package health

import (
	"context"
	"math/rand/v2"
	"net"
	"reflect"
	"sync"
	"time"
)

// Rule says how something is checked.
type Rule struct {
	Every   time.Duration // between the beginnings of two checks
	Timeout time.Duration // of one, from its beginning until all that is expected has come
	Send    []byte        // once connected; empty: nothing
	Expect  []byte        // the first bytes that must come; empty: that it connects is enough
}

// Target is what is checked.
type Target struct {
	Rule Rule
	// Dial connects, and does all that goes before the first byte of a client: TLS, a PROXY header.
	Dial func(ctx context.Context) (net.Conn, error)
	// Ended hears of each check that has ended, nil where it has passed, and says whether the next should come sooner. It is called by
	// one goroutine at a time, and not any more when Follow has returned that leaves the target out.
	Ended func(err error) (soon bool)
}

// AtOnce is how many checks run at a time. Each needs a descriptor.
const AtOnce = 64

const (
	firstWithin = 5 * time.Second        // the first check of a target comes within this, or within Rule.Every
	soonShare   = 5                      // a check that should come sooner comes after a fifth of Rule.Every,
	soonest     = 200 * time.Millisecond // or after this, where a fifth is less and Rule.Every is not
	spread      = 0.1                    // each wait is up to this share shorter or longer
)

// Checker checks targets.
type Checker struct {
	slots chan struct{}

	mu      sync.Mutex
	targets map[any]*target // Guarded by mu.
	running sync.WaitGroup
}

// target is one that is checked, by a goroutine of its own.
type target struct {
	stop   context.CancelFunc
	edited chan struct{} // has an item when the rule is another

	mu      sync.Mutex
	now     Target // Guarded by mu.
	stopped bool   // Guarded by mu.
}

// New returns a checker without targets.
func New() *Checker {
	return &Checker{slots: make(chan struct{}, AtOnce), targets: map[any]*target{}}
}

// Follow checks these targets from now on and no others. One that is there goes on by its new rule; its key tells it.
func (c *Checker) Follow(all map[any]Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, t := range c.targets {
		if _, stays := all[key]; !stays {
			t.end()
			delete(c.targets, key)
		}
	}
	for key, next := range all {
		if t := c.targets[key]; t != nil {
			t.edit(next)
			continue
		}
		ctx, stop := context.WithCancel(context.Background())
		t := &target{stop: stop, edited: make(chan struct{}, 1), now: next}
		c.targets[key] = t
		c.running.Go(func() { c.follow(ctx, t) })
	}
}

// Close ends all checks. Nothing is called any more when it returns.
func (c *Checker) Close() {
	c.Follow(nil)
	c.running.Wait()
}

// end stops t. A check that has just ended may be telling so: then end waits for that.
func (t *target) end() {
	t.stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
}

func (t *target) edit(next Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	same := reflect.DeepEqual(t.now.Rule, next.Rule)
	t.now = next
	if same {
		return
	}
	select {
	case t.edited <- struct{}{}:
	default:
	}
}

func (t *target) current() Target {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// follow checks t until ctx ends.
func (c *Checker) follow(ctx context.Context, t *target) {
	wait := rand.N(min(t.current().Rule.Every, firstWithin))
	for {
		select {
		case <-time.After(wait):
		case <-t.edited:
			wait = rand.N(min(t.current().Rule.Every, firstWithin))
			continue
		case <-ctx.Done():
			return
		}
		now := t.current()
		began := time.Now()
		err := c.check(ctx, now)
		soon, stopped := t.ended(err)
		if stopped {
			return
		}
		wait = max(0, pause(now.Rule.Every, soon)-time.Since(began))
	}
}

// pause returns how long after the beginning of a check the next begins.
func pause(every time.Duration, soon bool) time.Duration {
	if soon {
		every = min(every, max(every/soonShare, soonest))
	}
	return time.Duration(float64(every) * (1 + spread*(2*rand.Float64()-1)))
}

// ended tells how a check has ended, unless t was stopped meanwhile.
func (t *target) ended(err error) (soon, stopped bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return false, true
	}
	return t.now.Ended(err), false
}

func (c *Checker) check(ctx context.Context, t Target) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.slots }()
	return Run(ctx, t)
}
