package relay

import "idlegate/gateway/internal/reactor"

// Binding is a listener and the routes that its clients may take.
type Binding struct {
	Listener *reactor.Listener
	Routes   *Candidates
}

// waiting returns how many clients more to accept in this turn.
func (d Binding) waiting() int {
	clients, known := d.Listener.Waiting()
	if !known {
		return acceptBatch - 1 // until there is none
	}
	return min(clients, acceptBatch-1)
}

// Accept makes the loop accept clients at bindings. It is called before Run. The error is that of reactor.Poller.AddListener.
func (l *Loop) Accept(bindings []Binding) error {
	l.acceptor.bindings = bindings
	return l.acceptor.watchAll()
}

func (a *acceptor) watchAll() error {
	for i := range a.bindings {
		if err := a.watch(i); err != nil {
			return err
		}
	}
	return nil
}

func (a *acceptor) watch(i int) error {
	if listener := a.bindings[i].Listener; listener != nil {
		return a.loop.poller.AddListener(listener.FD, listenerToken|uint64(i))
	}
	return nil
}

// close accepts no more.
func (a *acceptor) close() {
	for _, d := range a.bindings {
		if d.Listener != nil {
			_ = a.loop.poller.Remove(d.Listener.FD) // it is not registered while the acceptor is paused
			d.Listener.Close()                      // by itself it would leave one registered that another process has too
		}
	}
	a.dropArrivals(noSlot)
	a.bindings, a.retryAt, a.settledAt = nil, 0, 0
	if a.paused {
		a.loop.cfg.Admission.pauses.end(a.loop.now)
	}
	a.loop.cfg.Admission.pauses.setFull(false)
}

// replaceBindings closes the listeners that are not among bindings, and accepts at those that are new. It is done on the loop
// that accepts; the others have none.
func (a *acceptor) replaceBindings(bindings []Binding) {
	for i, old := range a.bindings {
		if old.Listener != nil && !a.keepBinding(i, bindings) {
			_ = a.loop.poller.Remove(old.Listener.FD) // it is closed now anyhow
			old.Listener.Close()
			a.dropArrivals(i)
			a.bindings[i] = Binding{}
		}
	}
	for _, b := range bindings {
		a.addBinding(b)
	}
	a.readmitArrivals()
}

// keepBinding gives the listener at place i to the routes that now have it.
func (a *acceptor) keepBinding(i int, bindings []Binding) bool {
	for _, b := range bindings {
		old := a.bindings[i]
		if b.Listener != old.Listener {
			continue
		}
		if options := b.Routes.options(); options != old.Routes.options() {
			if err := b.Listener.SetOptions(options); err != nil {
				a.loop.cfg.Reporter.Trouble(Trouble{Text: "the options of clients to come stay as they were: " + err.Error()})
			}
		}
		a.bindings[i] = b
		return true
	}
	return false
}

// addBinding accepts at b, unless it does already.
func (a *acceptor) addBinding(b Binding) {
	free := -1
	for i, d := range a.bindings {
		if d.Listener == b.Listener {
			return
		}
		if d.Listener == nil && free < 0 {
			free = i
		}
	}
	if free < 0 {
		free = len(a.bindings)
		a.bindings = append(a.bindings, Binding{})
	}
	a.bindings[free] = b
	if a.paused {
		return // reopen will watch it
	}
	if err := a.watch(free); err != nil {
		a.loop.cfg.Reporter.Trouble(Trouble{Text: "accept at " + b.Listener.String() + ": " + err.Error()})
		a.exhausted()
	}
}
