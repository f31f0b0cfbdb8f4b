package listing

import (
	"cmp"
	"fmt"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/gateway/admin/api"
)

// Event is an event in one line.
func Event(e api.Event) string {
	switch {
	case e.Ended != nil:
		return fmt.Sprintf("ended %s: connection %d of route %s, client %s, endpoint %s, after %s", e.Ended.Reason, e.Ended.ID, e.Ended.Route,
			e.Ended.Client, cmp.Or(e.Ended.Endpoint, "none"), figure.Duration(e.Ended.DurationSeconds))
	case e.Reload != nil && !e.Reload.OK:
		return fmt.Sprintf("reload refused (%s): %s; generation %d stays", e.Reload.Trigger, e.Reload.Error, e.Reload.Generation)
	case e.Reload != nil:
		return fmt.Sprintf("reload (%s): generation %d, %s", e.Reload.Trigger, e.Reload.Generation, changes(len(e.Reload.Changes)))
	case e.Health != nil:
		line := fmt.Sprintf("health: endpoint %s of %s is %s", e.Health.Endpoint, e.Health.Upstream, e.Health.Change)
		switch e.Health.Change {
		case "out":
			line = fmt.Sprintf("health: upstream %s has no healthy endpoint left", e.Health.Upstream)
		case "back":
			if e.Health.Endpoint == "" {
				line = fmt.Sprintf("health: upstream %s has a healthy endpoint again", e.Health.Upstream)
			}
		}
		if e.Health.Error != "" {
			line += ": " + e.Health.Error
		}
		return line
	case e.Deed != nil:
		return fmt.Sprintf("deed: %s, %s: %s", callerOf(e.Deed), e.Deed.Call, e.Deed.Result)
	case e.Alarm != nil && e.Kind == api.EventAlarmOver:
		return "over: " + e.Alarm.Text
	case e.Alarm != nil:
		return fmt.Sprintf("%s: %s", e.Alarm.Level, e.Alarm.Text)
	}
	return string(e.Kind)
}

// callerOf is where a caller is, and what it has shown.
func callerOf(d *api.Deed) string {
	text := d.From
	if d.Certificate != "" {
		text += ", certificate " + d.Certificate
	}
	if d.Token != "" {
		text += ", token of the " + d.Token
	}
	return text
}

func changes(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}
