package gateway

import (
	"fmt"
	"slices"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/policy"
)

// bindings are the listeners of all routes, each with those that share it.
func (g *generation) bindings() (all []relay.Binding) {
	sharing := map[*reactor.Listener][]*route{}
	for _, r := range g.routes {
		for _, l := range r.listeners {
			if sharing[l] == nil {
				all = append(all, relay.Binding{Listener: l})
			}
			sharing[l] = append(sharing[l], r)
		}
	}
	for i := range all {
		all[i].Routes = candidates(sharing[all[i].Listener])
	}
	return all
}

// addresses are where a route listens, with the ports that the kernel chose.
func (r *route) addresses() (all []string) {
	if r == nil {
		return nil
	}
	for _, l := range r.listeners {
		all = append(all, l.String())
	}
	return all
}

// listen gives the routes their listeners: those that old has at the same addresses, and for others new ones, which it
// returns. Routes at the same address share one, unless the kernel chooses the port. Where one cannot be bound, it closes the new
// ones again.
func (g *generation) listen(old *generation, resolve resolver) (opened []*reactor.Listener, err error) {
	kept, shared := old.bound(), map[policy.Address]*reactor.Listener{}
	for _, r := range g.routes {
		for _, a := range r.cfg.Listen {
			if l := shared[a]; l != nil {
				r.listeners = append(r.listeners, l)
				continue
			}
			l, isNew, err := listenAt(a, kept, resolve, r.SocketOptions())
			if err != nil {
				closeAll(opened)
				g.forgetListeners()
				return nil, fmt.Errorf("route %s: %w", r.Name, err)
			}
			if isNew {
				opened = append(opened, l)
			}
			r.listeners = append(r.listeners, l)
			if a.IsUnix() || a.Port != 0 {
				shared[a] = l
			}
		}
	}
	return opened, nil
}

// listenAt takes a listener off kept, or makes a new one.
func listenAt(a policy.Address, kept map[policy.Address][]*reactor.Listener, resolve resolver, o reactor.Options) (l *reactor.Listener, isNew bool, err error) {
	if old := kept[a]; len(old) > 0 {
		kept[a] = old[1:]
		return old[0], false, nil
	}
	l, err = resolve.listen(a, o)
	return l, true, err
}

func (g *generation) forgetListeners() {
	for _, r := range g.routes {
		r.listeners = nil
	}
}

func closeAll(listeners []*reactor.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// bound are the listeners by address. Several can have the same where the kernel chooses the port.
func (g *generation) bound() map[policy.Address][]*reactor.Listener {
	all := map[policy.Address][]*reactor.Listener{}
	if g == nil {
		return all
	}
	for _, r := range g.routes {
		for i, a := range r.cfg.Listen {
			if !slices.Contains(all[a], r.listeners[i]) { // else another route shares it
				all[a] = append(all[a], r.listeners[i])
			}
		}
	}
	return all
}
