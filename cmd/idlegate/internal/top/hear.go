package top

import (
	"slices"

	"idlegate/gateway/admin/api"
)

// mostLately is how many events of either sort are kept.
const mostLately = 20

// hear takes what has come of listening: what an event changes is shown at once, before the gateway is asked again.
func (l *live) hear(n news) {
	switch {
	case n.event == nil:
		l.model.Unheard = n.lost
		l.stale = true // something may have been missed, or the gateway may be gone
		return
	case n.event.Ended != nil:
		l.model.Ended = keep(l.model.Ended, n.event)
	default:
		l.model.Happened = keep(l.model.Happened, n.event)
	}
	if n.live {
		l.apply(n.event)
	}
}

// keep puts an event to those that are kept, the latest first. One that is known, from the stream before, is there once.
func keep(all []api.Event, e *api.Event) []api.Event {
	if slices.ContainsFunc(all, func(other api.Event) bool { return same(&other, e) }) {
		return all
	}
	at, _ := slices.BinarySearchFunc(all, *e, func(other, e api.Event) int {
		if other.At.After(e.At) {
			return -1
		}
		return 1 // of two at the same instant the one that is told later comes first
	})
	all = slices.Insert(all, at, *e)
	return all[:min(len(all), mostLately)]
}

func same(a, b *api.Event) bool {
	switch {
	case a.Kind != b.Kind || !a.At.Equal(b.At):
		return false
	case a.Alarm != nil && b.Alarm != nil:
		return a.Alarm.Text == b.Alarm.Text
	case a.Ended != nil && b.Ended != nil:
		return a.Ended.ID == b.Ended.ID
	case a.Health != nil && b.Health != nil:
		return *a.Health == *b.Health
	case a.Deed != nil && b.Deed != nil:
		return *a.Deed == *b.Deed
	}
	return true
}

// apply shows what an event changes.
func (l *live) apply(e *api.Event) {
	status := &l.model.Sample.Status
	if e.Ended != nil {
		l.model.Sample.Connections = slices.DeleteFunc(slices.Clone(l.model.Sample.Connections), func(c api.Connection) bool { return c.ID == e.Ended.ID })
		return
	}
	l.stale = true // figures follow from it that have no event of their own
	switch {
	case e.Reload != nil && e.Reload.OK:
		status.Config.Generation = e.Reload.Generation
	case e.Alarm != nil:
		others := slices.DeleteFunc(slices.Clone(status.Alarms), func(a api.Alarm) bool { return about(&a) == about(e.Alarm) })
		if e.Kind == api.EventAlarm {
			others = append(others, *e.Alarm)
			api.SortAlarms(others)
		}
		status.Alarms = others
	}
}

// about tells alarms apart.
func about(a *api.Alarm) [5]string {
	return [5]string{string(a.Kind), a.Route, a.Upstream, a.Endpoint, a.Certificate}
}
