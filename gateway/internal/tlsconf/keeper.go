package tlsconf

import (
	"context"
	"slices"
	"sync"
	"time"

	"idlegate/gateway/internal/file"
)

// lookPatience is how long looking at a file may take.
const lookPatience = 10 * time.Second

// Events are what a Keeper tells.
type Events struct {
	Exchanged func(m *Material)            // what the files hold is in force
	Refused   func(m *Material, err error) // files that have changed cannot be used; told once for each error
}

// Keeper looks at the files of all Materials.
type Keeper struct {
	// Set once, then read only.
	events Events
	some   chan struct{} // holds an item when there may be something to look at

	mu  sync.Mutex
	all []*Material // Guarded by mu.
}

// NewKeeper returns one that keeps nothing yet.
func NewKeeper(events Events) *Keeper { return &Keeper{events: events, some: make(chan struct{}, 1)} }

// Keep looks at those that are given, and at no others any more.
func (k *Keeper) Keep(all []*Material) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = slices.Clone(all)
	if len(all) > 0 {
		select {
		case k.some <- struct{}{}:
		default:
		}
	}
}

// Kept returns those that are looked at.
func (k *Keeper) Kept() []*Material {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.all)
}

// Watch looks at the files at each of the ticks until ctx ends. Files that hang hold up their Material and no other. While there is none
// it waits for no tick.
func (k *Keeper) Watch(ctx context.Context, newTicks func(context.Context) file.Ticks) {
	var looks sync.WaitGroup
	defer looks.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.some:
			k.watch(ctx, newTicks(ctx), &looks)
		}
	}
}

// watch looks while there is something to look at.
func (k *Keeper) watch(ctx context.Context, ticks file.Ticks, looks *sync.WaitGroup) {
	defer ticks.Stop()
	for len(k.Kept()) > 0 && ticks.Wait() {
		for _, m := range k.Kept() {
			if m.looking.CompareAndSwap(false, true) {
				looks.Go(func() {
					defer m.looking.Store(false)
					m.look(ctx, &k.events)
				})
			}
		}
	}
}

// watched is what is known of the files of a Material.
type watched struct {
	last    []file.Look // at the last look
	refused []file.Look // of those that could not be used, when they were read; nil: those in force can be
	told    string      // why
}

// look reads the files where they have changed and two looks agree.
func (m *Material) look(ctx context.Context, events *Events) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookPatience, file.ErrHangs)
	defer cancel()
	looks := make([]file.Look, len(m.files))
	for i, f := range m.files {
		var err error
		if looks[i], err = f.Look(ctx); err != nil {
			looks[i] = file.Look{} // reading it says what is wrong
		}
	}
	w := &m.watched
	settled := slices.Equal(looks, w.last)
	w.last = looks
	if ctx.Err() != nil || !settled || slices.Equal(looks, m.now.Load().lookedAt) && w.told == "" {
		return
	}
	if w.told != "" && slices.Equal(looks, w.refused) {
		return
	}
	read, err := m.read()
	if err != nil {
		w.refused = looks
		if told := err.Error(); told != w.told {
			w.told = told
			events.Refused(m, err)
		}
		return
	}
	w.refused, w.told = nil, ""
	m.now.Store(read)
	events.Exchanged(m)
}
