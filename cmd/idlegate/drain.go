package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

// drained is what to drain.
type drained struct {
	gateway            bool
	upstream, endpoint string
	route              string
	undo               bool
}

func newDrain() *cobra.Command {
	var d drained
	cmd := newRemote(&cobra.Command{
		Use:   "drain --gateway | --upstream NAME --endpoint ADDRESS [--undo] | --route NAME [--undo]",
		Short: "Drain the gateway, one endpoint or one route",
		Long: "With --gateway, drain the gateway: it accepts no more, its open connections end within drain_timeout, then it\n" +
			"stops. There is no way back.\n\n" +
			"With --upstream and --endpoint, drain that endpoint: it gets no more connections, and those that it has end within\n" +
			"drain_timeout. --undo gives it connections again.\n\n" +
			"With --route, drain that route: new clients are refused as denied, and open connections end within drain_timeout, as\n" +
			"drained or shutdown. --undo lets it take clients again.",
		Example: "  idlegate drain --upstream device_servers --endpoint 10.0.0.11:9000\n" +
			"  idlegate drain --upstream device_servers --endpoint 10.0.0.11:9000 --undo\n" +
			"  idlegate drain --route devices\n" +
			"  idlegate drain --gateway",
		Args: arguments(),
	}, func(c *call) error {
		if sentence := d.objection(); sentence != "" {
			return usage(c.Command, "%s", sentence)
		}
		switch {
		case d.gateway:
			return drainGateway(c)
		case d.route != "" && d.undo:
			return c.setByHand(c.gateway.StartRoute(c.Context(), d.route))
		case d.route != "":
			return c.setByHand(c.gateway.DrainRoute(c.Context(), d.route))
		}
		return drainEndpoint(c, d)
	})
	cmd.Flags().BoolVar(&d.gateway, "gateway", false, "drain the gateway itself")
	cmd.Flags().StringVar(&d.route, "route", "", "`NAME` of the route to drain: it takes no more clients, and its connections end")
	complete(cmd, "route", routeNames())
	cmd.Flags().StringVar(&d.upstream, "upstream", "", "`NAME` of the upstream that has the endpoint")
	cmd.Flags().StringVar(&d.endpoint, "endpoint", "", "`ADDRESS` of the endpoint, as the policy file has it")
	cmd.Flags().BoolVar(&d.undo, "undo", false, "give a draining endpoint, or route, connections again")
	complete(cmd, "upstream", upstreamNames())
	complete(cmd, "endpoint", endpointAddresses())
	return cmd
}

// objection says why d does not say what to drain; "": it does.
func (d drained) objection() string {
	switch {
	case d.route != "" && (d.gateway || d.endpoint != "" || d.upstream != ""):
		return "--route drains a route alone; leave out the other flags, or --route"
	case d.route != "":
		return ""
	case d.gateway && (d.endpoint != "" || d.upstream != ""):
		return "--gateway drains all there is; leave out --upstream and --endpoint, or --gateway"
	case d.undo && d.endpoint == "" && d.upstream == "":
		return "--undo is for an endpoint or a route; the gateway itself cannot stop draining"
	case d.gateway:
		return ""
	case d.endpoint == "" && d.upstream == "":
		return "drain needs --upstream and --endpoint, --route, or --gateway for all there is"
	case d.upstream == "":
		return "--endpoint needs --upstream, the name of its upstream"
	case d.endpoint == "":
		return "--upstream needs --endpoint, the address of one of its endpoints"
	}
	return ""
}

func drainGateway(c *call) error {
	status, err := c.gateway.Drain(c.Context())
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(status)
	}
	if status.Connections <= 0 {
		return c.printf("the gateway at %s drains: it accepts no more; no connection is open, so it stops now\n", c.gateway.Address())
	}
	return c.printf("the gateway at %s drains: it accepts no more; %s, then it stops\n",
		c.gateway.Address(), fate(status.Connections))
}

func drainEndpoint(c *call, d drained) error {
	change := c.gateway.DrainEndpoint
	if d.undo {
		change = c.gateway.UndrainEndpoint
	}
	upstreams, err := change(c.Context(), d.upstream, d.endpoint)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(upstreams)
	}
	i := slices.IndexFunc(upstreams.Upstreams, func(u api.Upstream) bool { return u.Name == d.upstream })
	if i < 0 {
		return fmt.Errorf("the upstream %s is gone meanwhile", d.upstream)
	}
	upstream := upstreams.Upstreams[i]
	if err := c.printLines([]string{drainSentence(upstream, d), ""}); err != nil {
		return err
	}
	return c.printLines(endpoints(upstream))
}

// drainSentence says what happens to the endpoint now.
func drainSentence(u api.Upstream, d drained) string {
	var open int64
	active := 0
	for _, e := range u.Endpoints {
		if e.Address == d.endpoint {
			open = e.Connections
		} else if e.Healthy {
			active++
		}
	}
	if d.undo {
		return fmt.Sprintf("%s gets connections again", d.endpoint)
	}
	sentence := fmt.Sprintf("%s drains: it gets no more connections; %s", d.endpoint, fate(open))
	if active == 0 {
		sentence += fmt.Sprintf("; no healthy endpoint is left in %s", u.Name)
	}
	return sentence
}

// fate says what becomes of the connections that are open when something begins to drain.
func fate(open int64) string {
	switch {
	case open <= 0:
		return "none is open"
	case open == 1:
		return "the one that is open ends within drain_timeout"
	}
	return fmt.Sprintf("the %s that are open end within drain_timeout", figure.Count(uint64(open)))
}

// endpoints is the table of an upstream's.
func endpoints(u api.Upstream) []string {
	t := table.New(table.Left("ENDPOINT"), table.Left("STATE"), table.Right("CONNECTIONS"), table.Left("LAST CONNECT"))
	for _, e := range u.Endpoints {
		last := ""
		if e.LastConnect != nil {
			last = e.LastConnect.Result
		}
		t.Row(e.Address, e.State(), figure.Count(uint64(max(e.Connections, 0))), last)
	}
	return t.Lines()
}
