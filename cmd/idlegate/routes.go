package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

func newRoutes() *cobra.Command {
	return newRemote(&cobra.Command{
		Use:   "routes",
		Short: "List the routes: what they are, what they have counted",
		Long: "List the routes in the order of the policy file: where they listen, how many connections are open, and since the start\n" +
			"how many were opened, refused and ended, with the commonest causes and reasons.",
		Args: arguments(),
	}, func(c *call) error {
		routes, err := c.gateway.Routes(c.Context())
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(routes)
		}
		t := table.New(table.Left("ROUTE"), table.Left("LISTEN"), table.Left("PROTOCOL"), table.Left("POLICY"), table.Left("UPSTREAM"),
			table.Right("OPEN"), table.Right("LIMIT"), table.Right("OPENED"), table.Left("REFUSED"), table.Left("ENDED"))
		for _, r := range routes.Routes {
			limit := ""
			if r.Limit > 0 {
				limit = figure.Count(uint64(r.Limit))
			}
			t.Row(r.Name, strings.Join(r.Listen, " "), r.Protocol, cmp.Or(r.Policy, r.Kind), r.Upstream, figure.Count(uint64(max(r.Connections, 0))),
				limit, figure.Count(r.Opened), commonest(r.Refused), commonest(r.Closed))
		}
		return c.printLines(t.Lines())
	})
}

// commonest are the greatest of some counts, with their words, and the sum of the others.
func commonest(counts map[string]uint64) string {
	const most = 3
	words := make([]string, 0, len(counts))
	for word := range counts {
		words = append(words, word)
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var others uint64
	for _, word := range words[min(most, len(words)):] {
		others += counts[word]
	}
	words = words[:min(most, len(words))]
	for i, word := range words {
		words[i] = word + " " + figure.Count(counts[word])
	}
	if others > 0 {
		words = append(words, "others "+figure.Count(others))
	}
	return strings.Join(words, ", ")
}

func newUpstreams() *cobra.Command {
	return newRemote(&cobra.Command{
		Use:   "upstreams",
		Short: "List the upstreams and the state of their endpoints",
		Long: "List the endpoints of every upstream: whether they get connections, how many they have, how many attempts to connect\n" +
			"succeeded and failed, and the last error.",
		Args: arguments(),
	}, func(c *call) error {
		upstreams, err := c.gateway.Upstreams(c.Context())
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(upstreams)
		}
		t := table.New(table.Left("UPSTREAM"), table.Left("ENDPOINT"), table.Left("STATE"), table.Right("OPEN"), table.Right("CONNECTED"),
			table.Right("FAILED"), table.Left("LAST ERROR"))
		for _, u := range upstreams.Upstreams {
			for _, e := range u.Endpoints {
				var failed uint64
				for result, n := range e.Connects {
					if result != "ok" {
						failed += n
					}
				}
				t.Row(u.Name, e.Address, e.State(), figure.Count(uint64(max(e.Connections, 0))), figure.Count(e.Connects["ok"]), figure.Count(failed), lastError(e))
			}
		}
		return c.printLines(t.Lines())
	})
}

func lastError(e api.Endpoint) string {
	if e.Check != nil && e.Check.State == "down" {
		return e.Check.LastError
	}
	return e.LastError
}

// endedFlags choose among the connections that have ended.
type endedFlags struct {
	route, reason string
	limit         int
}

func newEnded() *cobra.Command {
	f := endedFlags{limit: 20}
	cmd := newRemote(&cobra.Command{
		Use:   "ended",
		Short: "List the connections that ended last, and why",
		Long: "List the connections that ended last, the latest first. The gateway remembers the last 256 of each event loop; 'idlegate\n" +
			"tail' shows all as they end, and the log has them.",
		Example: "  idlegate ended --route devices --reason idle_timeout\n" +
			"  idlegate ended -o json --limit 100000",
		Args: arguments(),
	}, func(c *call) error {
		if f.limit < 1 {
			return usage(c.Command, "--limit must be 1 or more")
		}
		ended, err := c.gateway.Ended(c.Context(), api.EndedQuery{Route: f.route, Reason: f.reason, Limit: f.limit})
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(ended)
		}
		t := table.New(table.Left("TIME"), table.Right("ID"), table.Left("ROUTE"), table.Left("CLIENT"), table.Left("ENDPOINT"), table.Left("REASON"),
			table.Right("LASTED"), table.Right("SILENCE"), table.Right("MESSAGES"), table.Right("BYTES"))
		for _, e := range ended.Ended {
			t.Row(e.EndedAt.Format("15:04:05.000"), strconv.FormatUint(e.ID, 10), e.Route, e.Client, e.Endpoint, e.Reason,
				figure.Duration(e.DurationSeconds), figure.Duration(e.LongestSilenceSeconds),
				figure.Count(e.ClientMessages+e.UpstreamMessages), figure.Size(e.ClientBytes+e.UpstreamBytes))
		}
		return c.printLines(t.Lines())
	})
	cmd.Flags().StringVar(&f.route, "route", "", "only of this `ROUTE`")
	cmd.Flags().Var(word{to: &f.reason, known: api.CloseReasons()}, "reason", "only those that ended for this reason")
	cmd.Flags().IntVar(&f.limit, "limit", f.limit, "show `N` at most")
	complete(cmd, "route", routeNames())
	complete(cmd, "reason", choose(api.CloseReasons()...))
	return cmd
}

func newErrors() *cobra.Command {
	f := endedFlags{limit: 20}
	cmd := newRemote(&cobra.Command{
		Use:   "errors",
		Short: "Show the last protocol errors, with the bytes around them",
		Long: "Show the last connections that ended because a side sent what is no message of the route's protocol: which rule was\n" +
			"broken, in whose stream, after how many valid bytes, and up to 64 bytes around that place.",
		Args: arguments(),
	}, func(c *call) error {
		if f.limit < 1 || f.limit > api.MaxLimit {
			return usage(c.Command, "--limit must be from 1 to %d", api.MaxLimit)
		}
		all := api.Endings{Ended: []api.Ended{}}
		for _, reason := range []string{"protocol_error", "message_too_large"} {
			ended, err := c.gateway.Ended(c.Context(), api.EndedQuery{Route: f.route, Reason: reason, Limit: f.limit})
			if err != nil {
				return err
			}
			all.Ended = append(all.Ended, ended.Ended...)
		}
		slices.SortStableFunc(all.Ended, func(a, b api.Ended) int { return b.EndedAt.Compare(a.EndedAt) })
		all.Ended = all.Ended[:min(len(all.Ended), f.limit)]
		if c.json {
			return c.printJSON(all)
		}
		if len(all.Ended) == 0 {
			return c.printLines([]string{"none of the connections that ended last has broken its protocol"})
		}
		var lines []string
		for _, e := range all.Ended {
			lines = append(lines, broken(e)...)
		}
		return c.printLines(lines)
	})
	cmd.Flags().StringVar(&f.route, "route", "", "only of this `ROUTE`")
	cmd.Flags().IntVar(&f.limit, "limit", f.limit, "show `N` at most")
	complete(cmd, "route", routeNames())
	return cmd
}

// broken says how a connection broke its protocol.
func broken(e api.Ended) []string {
	lines := []string{fmt.Sprintf("%s %s: connection %d of route %s, client %s, endpoint %s", e.EndedAt.Format("2006-01-02 15:04:05"), e.Reason, e.ID, e.Route, e.Client, cmp.Or(e.Endpoint, "none"))}
	if p := e.ProtocolError; p != nil {
		lines = append(lines, fmt.Sprintf("  %s, from the %s, after %s valid bytes", p.Rule, p.From, figure.Count(p.Offset)), "  "+p.Bytes)
	}
	return lines
}
