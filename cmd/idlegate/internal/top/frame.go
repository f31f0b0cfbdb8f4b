package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/listing"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

// Model is all that a frame shows.
type Model struct {
	Sample  Sample
	Address string // where the gateway is
	Sort    string // of the connections
	Route   string // only this one; "": all
	Keys    bool   // they are listened to, and said

	Gone    string        // why the gateway does not answer; "": it does
	GoneFor time.Duration // since it answered last

	Happened []api.Event // that were no ends, the latest first
	Ended    []api.Event
	Unheard  string // why events, or ends only, are not heard; "": they are
}

// Frame lays m out in at most height lines of at most width characters; 0 is no bound. Routes have at most half of the room that
// the head leaves, connections have the rest.
func Frame(m Model, width, height int) []string {
	lines, foot := append(m.head(), ""), m.foot()
	room := height - len(lines) - len(foot)
	var routes, lately, connections []string
	if m.answered() {
		routes, lately = m.routes(width), m.lately(mostLately)
		connections = append([]string{"", m.caption()}, listing.Lines(m.Sample.Connections, width)...)
	}
	if height > 0 {
		routes, lately = shorten(routes, max(room/2, 2)), m.lately(room/4)
		connections = fill(connections, max(room-len(routes)-len(lately), 0)) // the keys stand at the bottom
	}
	lines = slices.Concat(lines, routes, lately, connections, foot)
	if height > 0 {
		lines = lines[:min(len(lines), height)]
	}
	for i, line := range lines {
		lines[i] = clip(line, width)
	}
	return lines
}

// answered tells whether the gateway ever has.
func (m Model) answered() bool { return m.Sample.Status.Version != "" }

// head is how the gateway stands, and what is wrong with it.
func (m Model) head() []string {
	s := m.Sample.Status
	if !m.answered() {
		return []string{fmt.Sprintf("idlegate at %s: %s", m.Address, cmp.Or(m.Gone, "asking"))}
	}
	ready := "ready"
	if !s.Ready {
		ready = "not ready: " + s.Reason
	}
	if s.Ready && s.AcceptPaused {
		ready = "full: new clients wait"
	}
	lines := []string{strings.Join([]string{
		"idlegate " + s.Version + " at " + m.Address, ready,
		fmt.Sprintf("%s of %s connections", number(s.Connections), number(s.ConnectionsMax)),
		figure.Size(uint64(max(s.BufferBytes, 0))) + " held for slow peers",
		"up " + figure.Duration(s.Now.Sub(s.StartedAt).Seconds()),
		fmt.Sprintf("policy generation %d", s.Config.Generation),
	}, ", ")}
	if m.Gone != "" {
		lines = append(lines, fmt.Sprintf("gone for %s, what follows is older: %s", figure.Duration(m.GoneFor.Seconds()), m.Gone))
	}
	switch {
	case m.Gone != "" || m.Unheard == "":
	case m.Unheard == storm:
		lines = append(lines, "ends are not listed for a while: "+storm)
	default:
		lines = append(lines, fmt.Sprintf("events are not heard, only figures are shown: %s; it is tried again every %s", m.Unheard, figure.Exact(relisten.Seconds())))
	}
	wrong := listing.Alarms(s.Alarms, s.Now)
	for _, one := range s.ByHand {
		wrong = append(wrong, fmt.Sprintf("set by hand for %s: %s; undo: %s", figure.Duration(s.Now.Sub(one.Since).Seconds()), one.What, one.Undo))
	}
	return append(lines, shorten(wrong, mostAlarms)...)
}

// mostAlarms is how many lines of them are shown: 'idlegate status' has all.
const mostAlarms = 5

func number(n int64) string { return figure.Count(uint64(max(n, 0))) }

// leastWhy is how much of the reasons must be left of a table of routes that is too wide.
const leastWhy = 20

// routes is the table of those that are shown. Where it is too wide, the reasons are cut off, then columns left out.
func (m Model) routes(width int) []string {
	t := table.New(table.Left("ROUTE"), table.Right("CONNECTIONS"), table.Right("DUE IN 10S"), table.Right("OPENED/S"),
		table.Right("FROM CLIENT/S"), table.Right("FROM UPSTREAM/S"), table.Right("ENDED/S"), table.Left("WHY"))
	longest := 0
	for _, r := range m.Sample.Routes {
		if m.Route != "" && r.Name != m.Route {
			continue
		}
		cells := []string{r.Name, number(r.Connections), figure.Count(r.Due)}
		if r.Rates != nil {
			ended, why := endings(r.Rates.Closed)
			longest = max(longest, len(why))
			cells = append(cells, figure.Rate(r.Rates.Opened), figure.Rate(r.Rates.ClientMessages),
				figure.Rate(r.Rates.UpstreamMessages), figure.Rate(ended), why)
		}
		t.Row(cells...)
	}
	if width == 0 {
		return t.Lines()
	}
	return t.Within(width+max(longest-leastWhy, 0), "OPENED/S", "FROM UPSTREAM/S", "FROM CLIENT/S")
}

// endings is how many connections ended in a second, and the commonest reasons.
func endings(closed map[string]float64) (total float64, why string) {
	const most = 3
	type share struct {
		reason string
		rate   float64
	}
	var shares []share
	for reason, rate := range closed {
		total += rate
		shares = append(shares, share{reason, rate})
	}
	slices.SortFunc(shares, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.rate, a.rate), cmp.Compare(a.reason, b.reason))
	})
	var words []string
	for i, s := range shares {
		if i == most {
			words = append(words, "others")
			break
		}
		words = append(words, s.reason+" "+figure.Rate(s.rate))
	}
	return total, strings.Join(words, ", ")
}

// lately is what has happened last, in at most room lines: as many ends as other events.
func (m Model) lately(room int) (lines []string) {
	of := func(all []api.Event) {
		left := (room - 2) / 2
		for _, e := range all {
			if left <= 0 || m.Route != "" && e.Ended != nil && e.Ended.Route != m.Route {
				continue
			}
			lines = append(lines, e.At.Format(time.TimeOnly)+" "+listing.Event(e))
			left--
		}
	}
	of(m.Happened)
	of(m.Ended)
	if len(lines) == 0 {
		return nil
	}
	return append([]string{"", "what happened last"}, lines...)
}

// caption says which connections are shown, and in which order.
func (m Model) caption() string {
	order := map[string]string{
		"due": "the next to be ended", "-silence": "the most silent", "-age": "the oldest",
		"-bytes": "the most bytes", "-messages": "the most messages", "id": "by id",
	}
	caption := "connections, " + cmp.Or(order[m.Sort], "by "+m.Sort)
	if m.Route != "" {
		caption += ", of route " + m.Route
	}
	return caption
}

// foot is what the keys do.
func (m Model) foot() []string {
	if !m.Keys {
		return nil
	}
	return []string{"q quit   s or arrows: other order   r: other route (now " + cmp.Or(m.Route, "all") + ")"}
}

// shorten makes lines at most room, the last of which then says how many are left out.
func shorten(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	kept := max(room-1, 1)
	return append(lines[:kept:kept], fmt.Sprintf("and %d more", len(lines)-kept))
}

// fill makes lines exactly room.
func fill(lines []string, room int) []string {
	kept := min(len(lines), room)
	return append(lines[:kept:kept], make([]string, room-kept)...)
}

// clip makes a line at most width characters, and one of what would upset a terminal harmless. 0 is no bound.
func clip(line string, width int) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, line)
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width])
}
