package gateway

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"sync"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
)

// hands are what an operator has set by hand beside endpoints, which know it themselves. It holds until it is undone or the gateway is
// started again.
type hands struct {
	mu      sync.Mutex
	level   time.Time                       // Guarded by mu; since when log.level is another than the file's; zero: it is not.
	drained map[*relay.RouteStats]time.Time // Guarded by mu; routes that drain though they are in the file.
	stopped map[*relay.RouteStats]time.Time // Guarded by mu; routes that take no clients.
}

func newHands() *hands {
	return &hands{drained: map[*relay.RouteStats]time.Time{}, stopped: map[*relay.RouteStats]time.Time{}}
}

// keep forgets what was set of routes but these: one that is neither in the file nor drains can never be back.
func (h *hands) keep(routes []*route) {
	served := map[*relay.RouteStats]bool{}
	for _, r := range routes {
		served[r.RouteStats] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	gone := func(r *relay.RouteStats, _ time.Time) bool { return !served[r] }
	maps.DeleteFunc(h.drained, gone)
	maps.DeleteFunc(h.stopped, gone)
}

// isDrained reports whether a route drains by hand.
func (h *hands) isDrained(r *relay.RouteStats) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, drained := h.drained[r]
	return drained
}

// isStopped reports whether a route takes no clients by hand.
func (h *hands) isStopped(r *relay.RouteStats) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, stopped := h.stopped[r]
	return stopped
}

// LogLevel says that lines of a level and above are written from now on, whatever the file says; "": as the file says.
func (g *Gateway) LogLevel(level string) error {
	var parsed slog.Level
	if level != "" {
		if err := parsed.UnmarshalText([]byte(level)); err != nil {
			return err
		}
	}
	g.hands.mu.Lock()
	defer g.hands.mu.Unlock()
	if !g.log.setLevel(parsed, level != "") {
		return fmt.Errorf("this gateway writes to a log that another program has given it, so its level cannot be set here")
	}
	g.hands.level = time.Time{}
	if level != "" {
		g.hands.level = time.Now()
	}
	return nil
}

// StopRoute makes a route refuse clients, as denied; StartRoute takes that back. Open connections stay.
func (g *Gateway) StopRoute(name string) error {
	return g.orderRoute(name, func(r *route) { g.setStopped(r, true) })
}

// StartRoute takes StopRoute back. A route that drains is undrained.
func (g *Gateway) StartRoute(name string) error {
	return g.orderRoute(name, func(r *route) {
		g.hands.mu.Lock()
		delete(g.hands.drained, r.RouteStats)
		g.hands.mu.Unlock()
		r.Undrain()
		g.setStopped(r, false)
	})
}

// DrainRoute makes a route refuse clients, and ends those that it has within drain_timeout.
func (g *Gateway) DrainRoute(name string) error {
	return g.orderRoute(name, func(r *route) {
		g.setStopped(r, true)
		if r.Draining() {
			return
		}
		g.hands.mu.Lock()
		g.hands.drained[r.RouteStats] = time.Now()
		g.hands.mu.Unlock()
		r.SetDraining(drain.Order{Since: deadline.Instant(g.clock.Now()), Within: g.current().cfg.Gateway.DrainTimeout})
		g.log.logger.Info("draining a route", "route", r.Name, "connections", r.Open())
	})
}

func (g *Gateway) setStopped(r *route, stopped bool) {
	g.hands.mu.Lock()
	defer g.hands.mu.Unlock()
	r.SetStopped(stopped)
	_, known := g.hands.stopped[r.RouteStats]
	switch {
	case stopped && !known:
		g.hands.stopped[r.RouteStats] = time.Now()
		g.log.logger.Info("a route takes no more clients", "route", r.Name)
	case !stopped && known:
		delete(g.hands.stopped, r.RouteStats)
		g.log.logger.Info("a route takes clients again", "route", r.Name)
	}
}

func (g *Gateway) orderRoute(name string, order func(*route)) error {
	g.editing.Lock()
	defer g.editing.Unlock()
	r := g.current().route(name)
	if r == nil {
		return fmt.Errorf("route %q is %w", name, admin.ErrUnknown)
	}
	order(r)
	g.onEach((*relay.Loop).Review)
	return nil
}

// byHand is what is set by hand, and how to undo it.
func (g *Gateway) byHand() []api.HandSetting {
	all := []api.HandSetting{}
	now := g.current()
	g.hands.mu.Lock()
	if !g.hands.level.IsZero() {
		all = append(all, api.HandSetting{What: "log.level is " + g.log.level.Level().String(), Since: g.hands.level, Undo: "idlegate log file", Call: "DELETE /log"})
	}
	for _, r := range now.routes {
		if since, drained := g.hands.drained[r.RouteStats]; drained {
			all = append(all, api.HandSetting{What: fmt.Sprintf("route %s drains", r.Name), Since: since, Undo: "idlegate route start " + r.Name, Call: routeCall(r.Name, "drain")})
		} else if since, stopped := g.hands.stopped[r.RouteStats]; stopped {
			all = append(all, api.HandSetting{What: fmt.Sprintf("route %s takes no clients", r.Name), Since: since, Undo: "idlegate route start " + r.Name, Call: routeCall(r.Name, "stop")})
		}
	}
	g.hands.mu.Unlock()
	for _, u := range now.upstreams {
		for _, m := range u.set.Members {
			all = append(all, g.handsOf(u, m)...)
		}
	}
	return all
}

// handsOf is what is set by hand of an endpoint.
func (g *Gateway) handsOf(u *backends, m upstream.Member) (all []api.HandSetting) {
	name, at := fmt.Sprintf("endpoint %s of %s", m.Name, u.Name), fmt.Sprintf("--upstream %s --endpoint %s", u.Name, m.Name)
	if m.Draining() && !m.Removed() {
		all = append(all, api.HandSetting{What: name + " drains", Since: g.clock.Wall(int64(m.DrainOrder().Since)), Undo: "idlegate drain " + at + " --undo", Call: "DELETE " + endpointPath(u.Name, "drain", m.Name)})
	}
	hand := m.Hand()
	if hand.State != upstream.HandAuto {
		all = append(all, api.HandSetting{What: fmt.Sprintf("%s is %s", name, hand.State), Since: g.clock.Wall(hand.StateSince), Undo: "idlegate endpoint set " + at + " --state auto", Call: "POST " + endpointPath(u.Name, "endpoint", m.Name) + "&state=auto"})
	}
	if hand.Weight > 0 {
		all = append(all, api.HandSetting{What: fmt.Sprintf("%s has weight %d", name, hand.Weight), Since: g.clock.Wall(hand.WeightSince), Undo: "idlegate endpoint set " + at + " --weight file", Call: "POST " + endpointPath(u.Name, "endpoint", m.Name) + "&weight=file"})
	}
	return all
}

// routeCall is the call that takes back what was done to a route.
func routeCall(route, deed string) string {
	return fmt.Sprintf("DELETE /routes/%s/%s", url.PathEscape(route), deed)
}

// endpointPath is the path of a call about an endpoint, with the parameter that names it.
func endpointPath(upstreamName, deed, endpoint string) string {
	return fmt.Sprintf("/upstreams/%s/%s?endpoint=%s", url.PathEscape(upstreamName), deed, url.QueryEscape(endpoint))
}
