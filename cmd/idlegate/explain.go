package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/client"
	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

func newExplain() *cobra.Command {
	return newRemote(&cobra.Command{
		Use:   "explain ID",
		Short: "Say which timer ends a connection, when and why",
		Long: "Say of one open connection which timer ends it first as things stand, which policy is in force and where each value\n" +
			"in it comes from, and of every timer whether it runs, what it counts from and when it fires.\n\n" +
			"A timer is off; waiting for what starts it; running; still, while the gateway itself is not reading the client; or\n" +
			"over: it can no longer fire.\n\n" +
			"Of a connection that has ended lately it says why it ended and after how long.",
		Example: "  idlegate explain 17\n" +
			"  idlegate connections --due 10s --limit 1 -o json | jq .connections[0].id | xargs idlegate explain",
		Args:              arguments("ID"),
		ValidArgsFunction: connectionIDs(),
	}, func(c *call) error {
		id, err := parseID(c.Command, c.args[0])
		if err != nil {
			return err
		}
		explanation, err := c.gateway.Explain(c.Context(), id)
		switch {
		case client.IsUnknown(err):
			return explainEnded(c, id)
		case err != nil:
			return err
		case c.json:
			return c.printJSON(explanation)
		}
		return c.printLines(explained(explanation))
	})
}

// explainEnded says why a connection has ended, where that is still remembered.
func explainEnded(c *call, id uint64) error {
	ended, err := c.gateway.Ended(c.Context(), api.EndedQuery{ID: id, Limit: 1})
	switch {
	case err != nil && !client.IsUnknown(err):
		return err
	case len(ended.Ended) == 0:
		return noConnection(id)
	case c.json:
		return c.printJSON(ended.Ended[0])
	}
	return c.printLines(hasEnded(ended.Ended[0]))
}

// hasEnded is all that is known of a connection that has ended.
func hasEnded(e api.Ended) []string {
	lines := []string{
		fmt.Sprintf("Connection %d has ended: %s, at %s, after %s.", e.ID, e.Reason, e.EndedAt.Format("2006-01-02 15:04:05.000"), figure.Duration(e.DurationSeconds)),
		"",
		fmt.Sprintf("connection     %d of route %s", e.ID, e.Route),
		fmt.Sprintf("client         %s%s, its longest silence was %s", e.Client, arrived(e.Proxy, e.ServerName), figure.Duration(e.LongestSilenceSeconds)),
		fmt.Sprintf("endpoint       %s", cmp.Or(e.Endpoint, "none")),
		fmt.Sprintf("from client    %s, %s", counted(e.ClientMessages, "message"), figure.Size(e.ClientBytes)),
		fmt.Sprintf("from upstream  %s, %s", counted(e.UpstreamMessages, "message"), figure.Size(e.UpstreamBytes)),
	}
	if e.TLS != nil {
		lines = append(lines, "client TLS     "+secured(e.TLS))
	}
	if e.Error != "" {
		lines = append(lines, "error          "+e.Error)
	}
	if p := e.ProtocolError; p != nil {
		lines = append(lines, fmt.Sprintf("protocol       %s, from the %s, after %s valid bytes: %s", p.Rule, p.From, figure.Count(p.Offset), p.Bytes))
	}
	return lines
}

// explained is all of an explanation: what will happen, what the connection is, and its timers.
func explained(e api.Explanation) []string {
	lines := append(verdicts(e), "")
	lines = append(lines, particulars(e)...)
	lines = append(lines, "")
	lines = append(lines, timers(e.Timers)...)
	if tried := dryRuns(e.Timers); len(tried) > 0 {
		lines = append(append(lines, ""), tried...)
	}
	return lines
}

// particulars is what is known of the connection beside its timers.
func particulars(e api.Explanation) []string {
	c := e.Connection
	policy := "in the route itself"
	if e.Policy != "" {
		policy = e.Policy
	}
	protocol := e.Protocol
	if e.Opaque {
		protocol += ", opaque: not understood any more"
	}
	if e.Unpaired {
		protocol += ", unpaired: its replies can no longer be told apart, so none counts as owed"
	}
	behaviour := []string{e.Kind}
	if e.ResetOn != "" {
		behaviour = append(behaviour, "reset_on "+e.ResetOn)
	}
	behaviour = append(behaviour, "close "+e.Close, fmt.Sprintf("generation %d of the policy file", e.Generation))
	rows := [][2]string{
		{"connection", fmt.Sprintf("%d of route %s, %s, %s old", c.ID, c.Route, c.State, figure.Duration(c.AgeSeconds))},
		{"client", fmt.Sprintf("%s%s, silent for %s", c.Client, arrived(c.Proxy, c.ServerName), figure.Duration(c.SilenceSeconds))},
		{"endpoint", cmp.Or(c.Endpoint, "none yet") + endpointStanding(e.Endpoint)},
		{"from client", traffic(c.ClientMessages, c.ClientHeartbeats, c.ClientBytes)},
		{"from upstream", traffic(c.UpstreamMessages, c.UpstreamHeartbeats, c.UpstreamBytes)},
		{"protocol", protocol},
		{"policy", policy + ": " + strings.Join(behaviour, ", ")},
	}
	if c.TLS != nil {
		rows = append(rows, [2]string{"client TLS", secured(c.TLS)})
	}
	if c.UpstreamTLS != nil {
		rows = append(rows, [2]string{"upstream TLS", secured(c.UpstreamTLS)})
	}
	for _, p := range e.Peers {
		if text := pathTo(p); text != "" {
			rows = append(rows, [2]string{"to " + p.Side, text})
		}
	}
	for _, r := range e.Rates {
		rows = append(rows, [2]string{"limit", fmt.Sprintf("%s %s, %s left at once", r.Limit, figure.Count(uint64(r.PerSecond)), figure.Count(r.Left))})
	}
	return pairs(rows)
}

// pathTo is what the kernel says of the way to a peer, and what lies on it.
func pathTo(p api.Peer) string {
	var words []string
	if p.RTTSeconds != nil {
		words = append(words, fmt.Sprintf("round trip %.2fms", *p.RTTSeconds*1000))
	}
	if p.Retransmitted != nil {
		words = append(words, counted(uint64(*p.Retransmitted), "segment")+" retransmitted")
	}
	for _, lies := range []struct {
		bytes int
		text  string
	}{{p.HeldBytes, "held for it"}, {p.UnackedBytes, "not acknowledged"}, {p.UnreadBytes, "from it not read yet"}} {
		if lies.bytes > 0 {
			words = append(words, figure.Size(uint64(lies.bytes))+" "+lies.text)
		}
	}
	return strings.Join(words, ", ")
}

// secured is what a TLS handshake has settled.
func secured(t *api.TLS) string {
	words := []string{t.Version, t.Cipher}
	for _, one := range [][2]string{{"for", t.ServerName}, {"ALPN", t.ALPN}, {"certificate of", t.Certificate}} {
		if one[1] != "" {
			words = append(words, one[0]+" "+one[1])
		}
	}
	if t.Resumed {
		words = append(words, "resumed")
	}
	return strings.Join(words, ", ")
}

// endpointStanding says how the endpoint of a connection stands, where that is not as usual, and what its health checks found last.
func endpointStanding(e *api.Endpoint) string {
	if e == nil {
		return ""
	}
	text := ""
	if state := e.State(); state != "active" {
		text = ", " + state
	}
	if e.Failures > 0 {
		text += fmt.Sprintf(", %s in a row: %s", counted(uint64(e.Failures), "failure"), e.LastError)
	}
	if e.Check != nil && e.Check.LastErrorAt != nil {
		text += fmt.Sprintf(", last failed health check %s: %s", e.Check.LastErrorAt.UTC().Format(time.RFC3339), e.Check.LastError)
	}
	return text
}

func traffic(messages, heartbeats, bytes uint64) string {
	beats := ""
	if heartbeats > 0 {
		beats = " (" + counted(heartbeats, "heartbeat") + ")"
	}
	return fmt.Sprintf("%s%s, %s", counted(messages, "message"), beats, figure.Size(bytes))
}

func counted(n uint64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return figure.Count(n) + " " + noun
}

// pairs writes names and values below one another.
func pairs(rows [][2]string) []string {
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = fmt.Sprintf("%-*s  %s", width, row[0], row[1])
	}
	return lines
}

// timers is the table of them.
func timers(all []api.Timer) []string {
	t := table.New(table.Left("TIMER"), table.Right("VALUE"), table.Left("WRITTEN AT"), table.Left("STANDING"),
		table.Right("FIRES IN"), table.Left("COUNTS FROM"))
	for _, timer := range all {
		value, due := "off", ""
		if timer.ValueSeconds != nil {
			value = figure.Exact(*timer.ValueSeconds)
		}
		if timer.DueSeconds != nil {
			due = figure.Duration(*timer.DueSeconds)
		}
		since := timer.Since
		if since != "" && timer.SinceSeconds != nil {
			since += ", " + figure.Duration(*timer.SinceSeconds) + " ago"
		}
		if timer.Waits != "" {
			since = strings.TrimPrefix(since+"; waits for "+timer.Waits, "; ")
		}
		name := timer.Timer
		if timer.Side != "" {
			name += " of the " + timer.Side
		}
		from := timer.From
		if timer.Negotiated != "" {
			from += ", " + timer.Negotiated
		}
		t.Row(name, value, from, timer.Standing, due, since)
	}
	return t.Lines()
}

// dryRuns is a sentence for each timer that a dry run watches.
func dryRuns(all []api.Timer) []string {
	var lines []string
	for _, timer := range all {
		if timer.DryRun == nil {
			continue
		}
		tried := *timer.DryRun
		line := fmt.Sprintf("dry run: %s of %s (%s)", timer.Timer, figure.Exact(tried.ValueSeconds), tried.From)
		switch {
		case tried.Counted:
			line += " would have ended it, and was counted"
		case tried.DueSeconds != nil:
			line += " would end it in " + figure.Duration(*tried.DueSeconds)
		default:
			line += " does not run"
		}
		lines = append(lines, line)
	}
	return lines
}

// arrived is what a client, or a proxy, has said of where it comes from and wants to go.
func arrived(proxy, name string) string {
	text := ""
	if proxy != "" {
		text = " through " + proxy
	}
	if name != "" {
		text += " asks for " + name
	}
	return text
}
