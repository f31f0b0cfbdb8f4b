package gateway

import (
	"context"
	"errors"
	"net"
	"syscall"

	"idlegate/gateway/internal/health"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
)

// followHealth checks the endpoints of the generation in force, as their upstreams say, and no others.
func (g *Gateway) followHealth() {
	g.checking.Lock()
	defer g.checking.Unlock()
	all := map[any]health.Target{}
	now, gone := g.served()
	for _, u := range now.upstreams {
		for _, m := range u.set.Members {
			if !u.cfg.Health.IsZero() {
				all[m.Endpoint] = g.healthTarget(u, m.Endpoint)
			}
		}
	}
	g.health.Follow(all)
	for _, u := range now.upstreams {
		for _, m := range u.set.Members {
			if u.cfg.Health.IsZero() && m.NoChecks() {
				g.log.health(relay.Health{Upstream: u.Name, Endpoint: m.Name, Event: relay.EndpointUp})
			}
		}
		g.reconsider(u.Upstream)
	}
	for _, e := range gone.endpoints {
		e.NoChecks() // it may come back, and nothing is known of it then
	}
}

func (g *Gateway) healthTarget(u *backends, e *upstream.Endpoint) health.Target {
	cfg := u.cfg.Health
	return health.Target{
		Rule: health.Rule{Every: cfg.Every, Timeout: cfg.Timeout, Send: cfg.Send, Expect: cfg.Expect},
		Dial: func(ctx context.Context) (net.Conn, error) { return dialer{u.cfg, u.tls}.dial(ctx, e) },
		Ended: func(err error) (soon bool) {
			g.checked(u, e, err)
			return e.Checks().InDoubt()
		},
	}
}

// checked notes how a health check has ended. A failure of the gateway's own says nothing of the endpoint.
func (g *Gateway) checked(u *backends, e *upstream.Endpoint, err error) {
	words := ""
	if err != nil {
		words = err.Error()
		var errno syscall.Errno
		if errors.Is(err, errUnresolved) || errors.As(err, &errno) && reactor.IsLocal(errno) {
			e.NotChecked(words, g.clock.Now())
			return
		}
	}
	change := e.Checked(upstream.CheckRule{Rise: u.cfg.Health.Rise, Fall: u.cfg.Health.Fall}, words, g.clock.Now())
	news := relay.Health{Upstream: u.Name, Endpoint: e.Name, Event: relay.EndpointDown, Change: change}
	switch change.Kind {
	case upstream.Unchanged:
		return
	case upstream.Up:
		news.Event = relay.EndpointUp
	}
	g.log.health(news)
	g.reconsider(u.Upstream)
}
