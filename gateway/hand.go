package gateway

import (
	"fmt"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// SetEndpoint sets the weight or the state of an endpoint by hand. That holds until a restart, or an edit that changes what the file says
// of this endpoint. The error wraps admin.ErrUnknown: there is no such endpoint, upstream or state.
func (g *Gateway) SetEndpoint(of, endpoint string, set api.Setting) error {
	g.editing.Lock()
	defer g.editing.Unlock()
	e, err := g.current().find(of, endpoint)
	if err != nil {
		return err
	}
	hand, now := e.Hand(), g.clock.Now()
	switch {
	case set.FileWeight:
		hand.Weight, hand.WeightSince = 0, 0
	case set.Weight != 0:
		hand.Weight, hand.WeightSince = set.Weight, now
	}
	if err := g.setState(e, &hand, set.State, now); err != nil {
		return err
	}
	e.SetHand(hand)
	g.log.logger.Info("endpoint set by hand", "upstream", of, "endpoint", endpoint, "weight", weightText(hand), "state", stateText(e, hand))
	for _, u := range g.current().upstreams {
		if u.Name == of {
			g.exchange(u)
		}
	}
	if set.State != "" {
		g.onEach((*relay.Loop).Review)
	}
	return nil
}

// setState changes hand, and drains e or not.
func (g *Gateway) setState(e *upstream.Endpoint, hand *upstream.Hand, state string, now int64) error {
	states := map[string]upstream.HandState{
		api.ByHandAuto: upstream.HandAuto, api.ByHandUp: upstream.HandUp, api.ByHandDown: upstream.HandDown, api.ByHandDrain: upstream.HandAuto,
	}
	to, known := states[state]
	switch {
	case state == "":
		return nil
	case !known:
		return fmt.Errorf("state %q is %w", state, admin.ErrUnknown)
	}
	hand.State, hand.StateSince = to, 0
	if to != upstream.HandAuto {
		hand.StateSince = now
	}
	switch {
	case state != api.ByHandDrain:
		e.Undrain()
	case !e.Draining():
		e.SetDraining(drain.Order{Since: deadline.Instant(now), Within: g.current().cfg.Gateway.DrainTimeout})
	}
	return nil
}

func weightText(hand upstream.Hand) string {
	if hand.Weight == 0 {
		return "as in the file"
	}
	return fmt.Sprint(hand.Weight)
}

func stateText(e *upstream.Endpoint, hand upstream.Hand) string {
	if e.Draining() {
		return api.ByHandDrain
	}
	return hand.State.String()
}

// forgetHands forgets what was set by hand of endpoints of which the file says something else now. A drain stays: what is drained may be about
// to be switched off.
func (e *edit) forgetHands() {
	for _, u := range e.old.upstreams {
		for _, next := range e.next.upstreams {
			if next.Name != u.Name {
				continue
			}
			for _, m := range u.set.Members {
				if saysOtherwise(u.cfg, next.cfg, m.Name) {
					m.SetHand(upstream.Hand{})
				}
			}
		}
	}
}

// saysOtherwise reports whether two files differ in what they say of an endpoint.
func saysOtherwise(before, after *policy.Upstream, endpoint string) bool {
	line := func(u *policy.Upstream) (policy.Endpoint, policy.DNS) {
		for _, e := range u.Endpoints {
			if e.Address.String() == endpoint {
				return e, policy.DNS{}
			}
		}
		return policy.Endpoint{}, u.DNS
	}
	was, wasNamed := line(before)
	is, isNamed := line(after)
	return was != is || wasNamed != isNamed
}
