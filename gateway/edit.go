package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// errDraining is why nothing is edited any more.
var errDraining = errors.New("the gateway drains")

// Apply puts cfg in the place of the policy in force, in one step or not at all, and returns what that has changed. Open
// connections follow the new one from then on. What it says of admin and gateway.loops waits for a restart.
func (g *Gateway) Apply(cfg *policy.Config) ([]policy.Change, error) {
	if err := g.takeTurn(context.Background()); err != nil {
		return nil, err
	}
	defer g.endTurn()
	return g.apply(context.Background(), cfg)
}

// apply is Apply for who has the turn. Nothing is changed where ctx ends before all is prepared. What may hang is done before
// g.editing is taken, for which commands wait.
func (g *Gateway) apply(ctx context.Context, cfg *policy.Config) ([]policy.Change, error) {
	if g.draining.Load() {
		return nil, errDraining
	}
	old := g.current().inUse()
	e := &edit{gateway: g, old: old}
	if err := e.prepare(ctx, cfg); err != nil {
		return nil, err
	}
	g.editing.Lock()
	defer g.editing.Unlock()
	e.takeOver()
	return policy.Diff(old.cfg, cfg), nil
}

// current returns the generation in force.
func (g *Gateway) current() *generation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.generation
}

// listening is where the routes listen, as the policy file has it.
func (g *generation) listening() string {
	var all []string
	for _, r := range g.routes {
		for _, a := range r.cfg.Listen {
			all = append(all, a.String())
		}
	}
	return strings.Join(all, " ")
}

// edit is one generation on its way to take over from another.
type edit struct {
	gateway   *Gateway
	old, next *generation
	opened    []*reactor.Listener
	log       *logging
	bounds    bounds
}

// prepare does all that can fail, and leaves everything as it was where it does.
func (e *edit) prepare(ctx context.Context, cfg *policy.Config) (err error) {
	g, resolve := e.gateway, e.gateway.resolver.within(ctx)
	limit, err := reactor.DescriptorLimit()
	if err != nil {
		return err
	}
	g.learn(ctx, cfg)
	defer func() {
		if err != nil {
			g.names.Keep(queries(e.old.cfg))
		}
	}()
	if e.next, err = compile(cfg, e.old, len(g.loops), g.names); err != nil {
		return err
	}
	if e.log, err = g.log.prepare(ctx, cfg.Log); err != nil {
		return err
	}
	if e.opened, err = e.next.listen(e.old, resolve); err != nil {
		e.log.discard()
		return explainTaken(err, e.old)
	}
	e.next.follow(e.old, g.cfg.Policy)
	e.bounds = g.bounds(cfg, limit, len(g.loops))
	return nil
}

// explainTaken adds to an error about an address what an operator may miss: the gateway itself still has it.
func explainTaken(err error, old *generation) error {
	if !reactor.IsTaken(err) {
		return err
	}
	return fmt.Errorf("%w; if it is one of this gateway's own (%s), that must be gone before: take it away in an edit of its own",
		err, old.listening())
}

// takeOver puts the new generation in force before it returns.
func (e *edit) takeOver() {
	g := e.gateway
	since := deadline.Instant(g.clock.Now())
	e.old = g.current().inUse() // endpoints may have come and gone while it was prepared
	e.forgetHands()
	for i, u := range e.next.upstreams {
		e.next.upstreams[i] = u.relocated(e.old, g.names)
	}
	e.next.gone = e.old.gone.without(e.next).and(e.drainGone(since))
	e.undrainBack(since)
	g.hands.keep(slices.Concat(e.next.routes, e.next.gone.routes))
	g.log.adopt(e.log)
	g.knowledge.follow(e.next.cfg.Advise)
	g.admission.Set(e.bounds.connections, e.bounds.onFull)
	g.budget.Set(e.bounds.memory)
	for _, u := range e.next.upstreams {
		u.takeOver()
	}
	change := &relay.Edit{Routes: map[*relay.RouteStats]*relay.Route{}, Bindings: e.next.bindings(), Grace: e.next.cfg.Gateway.EditGrace}
	for _, r := range e.next.routes {
		change.Routes[r.RouteStats] = r.Route
		if r.Check != nil {
			change.Routes[r.checks] = r.Check
		}
		if before := e.old.known(r.Name); before != nil && before.Rules.DryRunValue(deadline.IdleTimeout) != r.Rules.DryRunValue(deadline.IdleTimeout) {
			change.DryRuns = append(change.DryRuns, r.RouteStats)
			g.knowledge.beginDryRun(r.Name)
		}
	}
	g.mu.Lock()
	g.generation = e.next
	g.mu.Unlock()
	accepts := false
	g.onEach(func(l *relay.Loop) { accepts = l.Apply(change) || accepts })
	g.budget.Settle()
	g.certificates.keep(e.next)
	g.adoptEndpoints()
	if !accepts { // the gateway drains since
		closeAll(e.opened)
		return
	}
	e.announce()
}

// announce logs what is served otherwise than before.
func (e *edit) announce() {
	for _, r := range e.next.routes {
		for _, l := range r.listeners {
			if slices.Contains(e.opened, l) {
				e.gateway.announceListener(r, l)
			}
		}
	}
	kept := e.next.bindings()
	for _, b := range e.old.bindings() {
		same := func(d relay.Binding) bool { return d.Listener == b.Listener }
		if !slices.ContainsFunc(kept, same) {
			e.gateway.log.logger.Info("no longer listening", "route", b.Routes.Names(), "address", b.Listener.String())
		}
	}
}

// drainGone drains the routes and endpoints that are no longer in the policy file.
func (e *edit) drainGone(since deadline.Instant) (gone departed) {
	order := drain.Order{Since: since, Within: e.next.cfg.Gateway.DrainTimeout}
	for _, r := range e.old.routes {
		if now := e.next.route(r.Name); now == nil {
			r.SetRemoved(true)
			r.SetDraining(order)
			if r.checks != nil {
				r.checks.SetDraining(order)
			}
			gone.routes = append(gone.routes, r)
		}
	}
	gone.endpoints = e.goneEndpoints(order)
	return gone
}

// goneEndpoints drains the endpoints that the next generation has not.
func (e *edit) goneEndpoints(order drain.Order) (gone []goneEndpoint) {
	for _, u := range e.old.upstreams {
		for _, m := range u.set.Members {
			if e.next.has(m.Endpoint) {
				continue
			}
			m.SetRemoved()
			m.SetHand(upstream.Hand{})
			if !m.Draining() {
				m.SetDraining(order)
			}
			gone = append(gone, goneEndpoint{u, m.Endpoint})
		}
	}
	return gone
}

// undrainBack undrains the routes and endpoints that are in the policy file again while connections of theirs drain.
func (e *edit) undrainBack(since deadline.Instant) {
	for _, r := range e.next.routes {
		r.SetRemoved(false)
		if r.Draining() && !e.gateway.hands.isDrained(r.RouteStats) {
			r.Undrain()
			if r.checks != nil {
				r.checks.Undrain()
			}
			e.gateway.log.logger.Info("a route is back and keeps its connections", "route", r.Name, "connections", r.Open())
		}
	}
	for _, u := range e.next.upstreams {
		for _, m := range u.set.Members {
			if m.Removed() {
				m.SetBack()
			}
			if e.old.upstream(u.Name) != nil && !e.old.has(m.Endpoint) { // beside others that have connections
				m.Revive(int64(since))
			}
		}
	}
}

// onEach calls f on every loop, first on the one that accepts, and returns when all have done it.
func (g *Gateway) onEach(f func(*relay.Loop)) {
	for i, l := range g.loops {
		done := make(chan struct{})
		if l.Post(func() { f(l); close(done) }) {
			select {
			case <-done:
			case <-g.ended[i]:
			}
		}
	}
}

// served returns the generation in force and what still has connections though it is no longer in its policy file: both as
// of the same instant, so that nothing is in both or in neither.
func (g *Gateway) served() (*generation, departed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.generation, g.generation.gone.inUse()
}
