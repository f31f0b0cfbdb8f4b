package gateway

import (
	"cmp"
	"fmt"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
)

// How long before its end a certificate is warned of, and becomes an error.
const (
	certificateSoon  = 14 * 24 * time.Hour
	certificateShort = 3 * 24 * time.Hour
)

// alarms are what is wrong now, the worst first. No loop is asked: what needs their figures was noted within the last second.
func (g *Gateway) alarms(now time.Time) []api.Alarm {
	all := g.capacityAlarms()
	all = append(all, g.routeAlarms(now)...)
	all = append(all, g.upstreamAlarms()...)
	all = append(all, g.configAlarms()...)
	all = append(all, g.certificateAlarms(now)...)
	if lost := g.record.logLoss(); lost.isOn(now) {
		all = append(all, api.Alarm{
			Kind: api.AlarmLogDropped, Level: api.AlarmWarning, Since: lost.since,
			Text: fmt.Sprintf("%d lines of the log were lost: its destination is slow or fails", lost.count),
			Do:   "look at the destination of the log (log.file, or who reads standard error), or log less: log.connections",
		})
	}
	all = append(all, g.knowledge.alarms()...)
	fresh, over := g.record.date(now, all)
	for i := range fresh {
		g.log.events.say(api.Event{Kind: api.EventAlarm, At: now, Alarm: &fresh[i]})
	}
	for i := range over {
		g.log.events.say(api.Event{Kind: api.EventAlarmOver, At: now, Alarm: &over[i]})
	}
	api.SortAlarms(all)
	return all
}

// capacityAlarms are about the gateway as a whole.
func (g *Gateway) capacityAlarms() (all []api.Alarm) {
	if g.draining.Load() {
		all = append(all, api.Alarm{
			Kind: api.AlarmDraining, Level: api.AlarmError,
			Text: "the gateway drains: it accepts no more, and ends with its last connection", Do: "start another one; a drain of the gateway cannot be taken back",
		})
	}
	paused, _ := g.acceptPaused()
	switch open, most := g.admission.Open(), g.admission.Max(); {
	case g.admission.Short():
		all = append(all, api.Alarm{
			Kind: api.AlarmAcceptPaused, Level: api.AlarmError, Text: "no file descriptor is left: accepting pauses, new clients wait",
			Do: "raise the limit of descriptors (LimitNOFILE, ulimit -n), or lower gateway.max_connections",
		})
	case paused || open >= most:
		text := "the gateway is full: %d of %d connections are open, and new clients wait or are refused"
		if open < most {
			text = "the gateway was full until a moment ago: %d of %d connections are open"
		}
		all = append(all, api.Alarm{
			Kind: api.AlarmGatewayFull, Level: api.AlarmError, Text: fmt.Sprintf(text, open, most),
			Do: "raise gateway.max_connections, or end connections: idlegate connections --sort -silence, idlegate close --idle 10m",
		})
	}
	return all
}

// routeAlarms are about routes: those that are full, that refuse clients, whose timers are late.
func (g *Gateway) routeAlarms(now time.Time) (all []api.Alarm) {
	if refused, _ := g.record.episodes(g.unrouted); refused.isOn(now) {
		all = append(all, g.refusals(g.unrouted, refused, "%s refused before a route was chosen: %s"))
	}
	for _, r := range g.current().routes {
		if open, limit := r.Open(), r.cfg.Limits.Connections; limit > 0 && open >= int64(limit) {
			all = append(all, api.Alarm{
				Kind: api.AlarmRouteFull, Level: api.AlarmError, Route: r.Name,
				Text: fmt.Sprintf("route %s is full: %d of %d connections are open, and new clients are refused", r.Name, open, limit),
				Do:   "raise limits.connections of the route, or end connections of it: idlegate close --route " + r.Name + " --idle 10m",
			})
		}
		refused, late := g.record.episodes(r.RouteStats)
		if refused.isOn(now) {
			all = append(all, g.refusals(r.RouteStats, refused, "route "+r.Name+" has refused %s: %s"))
		}
		if late.isOn(now) {
			all = append(all, api.Alarm{
				Kind: api.AlarmLate, Level: api.AlarmWarning, Route: r.Name, Since: late.since,
				Text: fmt.Sprintf("a timer of route %s was acted on %v late", r.Name, late.worst.Round(time.Millisecond)),
				Do:   "the machine is short of CPU, or the process was stopped: look at loop_busy_seconds_total and the CPU quota",
			})
		}
	}
	return all
}

// refusals is the alarm of clients that were refused; text is for how many, and the causes.
func (g *Gateway) refusals(of *relay.RouteStats, refused episode, text string) api.Alarm {
	by := g.record.refusedBy(of)
	do := by.cure()
	if g.hands.isStopped(of) {
		do = "it takes no clients by hand, which counts as denied: idlegate route start " + of.Name
	}
	return api.Alarm{
		Kind: api.AlarmRefusals, Level: api.AlarmWarning, Route: of.Name, Since: refused.since,
		Text: fmt.Sprintf(text, clients(refused.count), by.String()), Do: do,
	}
}

func (g *Gateway) upstreamAlarms() (all []api.Alarm) {
	for _, u := range g.current().upstreams {
		healthy := 0
		for _, m := range u.set.Members {
			if m.Healthy() {
				healthy++
			}
			if alarm, failing := g.endpointAlarm(u, m); failing {
				all = append(all, alarm)
			}
		}
		if healthy == 0 && len(u.set.Members) > 0 {
			all = append(all, api.Alarm{
				Kind: api.AlarmUpstreamOut, Level: api.AlarmError, Upstream: u.Name,
				Text: fmt.Sprintf("upstream %s has no healthy endpoint: its clients end as connect_… or no_endpoint", u.Name),
				Do:   "bring an endpoint back: idlegate upstreams says what is wrong with each",
			})
		}
	}
	return all
}

// endpointAlarm is what is wrong with an endpoint, in this order: down, unresolved, ejected, failing. One that is drained, or set down by
// hand, is as the operator wants it.
func (g *Gateway) endpointAlarm(u *backends, m upstream.Member) (api.Alarm, bool) {
	a := api.Alarm{Level: api.AlarmError, Upstream: u.Name, Endpoint: m.Name}
	checks, health := m.Checks(), m.Health()
	name := func() string { return fmt.Sprintf("endpoint %s of %s", m.Name, u.Name) } // most have no alarm
	since := int64(0)
	switch {
	case m.Draining(), m.Hand().State == upstream.HandDown:
		return a, false
	case checks.State == upstream.CheckDown:
		a.Kind, since = api.AlarmEndpointDown, checks.Since
		a.Text = fmt.Sprintf("%s is down: %s", name(), cmp.Or(checks.Failure, "its health checks fail"))
		a.Do = "look at that server; it is used again when its health checks pass"
	case m.Address() == nil:
		a.Kind = api.AlarmEndpointUnknown
		a.Text = name() + " has no address: its name does not resolve"
		a.Do = "look at the name and at the name servers; it is looked up again by itself"
	case health.Ejected:
		a.Kind, since = api.AlarmEndpointEjected, health.Since
		a.Text = fmt.Sprintf("%s is ejected after %d failures in a row: %s", name(), health.Failures, health.Failure)
		a.Do = "look at that server; a connection probes it now and then, and it is back when one succeeds"
	case health.Failures > 0:
		a.Kind, a.Level = api.AlarmEndpointFailing, api.AlarmWarning
		a.Text = fmt.Sprintf("%s fails, %d in a row: %s", name(), health.Failures, health.Failure)
		a.Do = "look at that server; eject.failures in a row take it out"
	default:
		return a, false
	}
	if since != 0 {
		a.Since = g.clock.Wall(since)
	}
	return a, true
}

// configAlarms are about the policy file.
func (g *Gateway) configAlarms() (all []api.Alarm) {
	g.mu.Lock()
	defer g.mu.Unlock()
	refused := g.reads.refusal
	if refused != nil {
		all = append(all, api.Alarm{
			Kind: api.AlarmFileRefused, Level: api.AlarmError, Since: refused.At,
			Text: fmt.Sprintf("the policy file is refused (%s): generation %d stays in force", refused.Error, g.generation.number),
			Do:   "idlegate reload prints its problems; mend the file, or put the former one back",
		})
	}
	if !g.wentBack.IsZero() {
		do := "mend the file, or put it in force as it is by idlegate reload"
		if refused != nil {
			do = "mend the file: as it is the gateway could not be started with it"
		}
		all = append(all, api.Alarm{
			Kind: api.AlarmFileNotInForce, Level: api.AlarmWarning, Since: g.wentBack,
			Text: "the policy in force is not what the file says: an operator went back to the one before",
			Do:   do,
		})
	}
	if pending := g.generation.pending; len(pending) > 0 {
		more := ""
		if len(pending) > 1 {
			more = fmt.Sprintf(" and %d more", len(pending)-1)
		}
		all = append(all, api.Alarm{
			Kind: api.AlarmPendingRestart, Level: api.AlarmWarning,
			Text: fmt.Sprintf("%s%s: waits for a restart", pending[0].String(), more),
			Do:   "start the gateway again when it suits you, or take the change back",
		})
	}
	if g.unseen.err != nil {
		all = append(all, api.Alarm{
			Kind: api.AlarmFileUnseen, Level: api.AlarmWarning, Since: g.unseen.since,
			Text: fmt.Sprintf("edits of the policy file are not noticed: %v", g.unseen.err),
			Do:   "look at the file and the file system that it is on",
		})
	}
	return all
}

func (g *Gateway) certificateAlarms(now time.Time) (all []api.Alarm) {
	for _, c := range g.certificates.expiries() {
		left := c.Expires.Sub(now)
		if left > certificateSoon {
			continue
		}
		a := api.Alarm{
			Kind: api.AlarmCertificateEnds, Level: api.AlarmWarning, Certificate: c.Name, Since: c.Expires.Add(-certificateSoon),
			Text: fmt.Sprintf("certificate %s ends in %d days, at %s", c.Name, int(left/(24*time.Hour)), c.Expires.UTC().Format(time.DateTime)),
			Do:   "renew it and put it in place of its file: it is read again by itself",
		}
		if left < certificateShort {
			a.Level = api.AlarmError
		}
		if left <= 0 {
			a.Since = c.Expires
			a.Text = fmt.Sprintf("certificate %s has ended, at %s", c.Name, c.Expires.UTC().Format(time.DateTime))
		}
		all = append(all, a)
	}
	for _, u := range g.certificates.unusable() {
		all = append(all, api.Alarm{
			Kind: api.AlarmCertificateUnread, Level: api.AlarmWarning, Certificate: u.of, Since: u.since,
			Text: fmt.Sprintf("the files of %s have changed and cannot be used, so the former ones stay: %s", u.of, u.why),
			Do:   "put a certificate and the key that belongs to it in place",
		})
	}
	return all
}
