package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"idlegate/gateway/admin/api"
)

// setting is what to set of which endpoint.
type setting struct{ upstream, endpoint, weight, state string }

func newEndpoint() *cobra.Command {
	var s setting
	cmd := newRemote(&cobra.Command{
		Use:   "endpoint set --upstream NAME --endpoint ADDRESS [--weight N|file] [--state STATE]",
		Short: "Set the weight or the state of an endpoint",
		Long: "Set the weight or the state of an endpoint of a running gateway. It holds until a restart, or an edit of the policy file\n" +
			"that changes what that says of this endpoint.\n\n" +
			"States: auto, health checks and ejection decide, and a drain is taken back; up, it is used whatever they say; down, it\n" +
			"gets no new connections, and those that it has stay; drain, those end within drain_timeout.",
		Example: "  idlegate endpoint set --upstream device_servers --endpoint 10.0.0.11:9000 --weight 10\n" +
			"  idlegate endpoint set --upstream device_servers --endpoint 10.0.0.11:9000 --state down\n" +
			"  idlegate endpoint set --upstream device_servers --endpoint 10.0.0.11:9000 --weight file --state auto",
		Args:      arguments("set"),
		ValidArgs: []string{"set"},
	}, func(c *call) error {
		if sentence := s.objection(c.args[0]); sentence != "" {
			return usage(c.Command, "%s", sentence)
		}
		return setEndpoint(c, s)
	})
	cmd.Flags().StringVar(&s.upstream, "upstream", "", "`NAME` of the upstream that has the endpoint")
	cmd.Flags().StringVar(&s.endpoint, "endpoint", "", "`ADDRESS` of the endpoint, as the policy file has it")
	cmd.Flags().StringVar(&s.weight, "weight", "", "`N` from 1 to 100, or file: as the policy file has it")
	cmd.Flags().StringVar(&s.state, "state", "", "`STATE`: "+strings.Join(api.ByHandStates(), ", "))
	complete(cmd, "upstream", upstreamNames())
	complete(cmd, "endpoint", endpointAddresses())
	complete(cmd, "state", choose(api.ByHandStates()...))
	return cmd
}

// objection says why s cannot be set; "": it can.
func (s setting) objection(what string) string {
	weight, err := strconv.Atoi(s.weight)
	switch {
	case what != "set":
		return fmt.Sprintf("endpoint can be set, not %q", what)
	case s.upstream == "" || s.endpoint == "":
		return "endpoint set needs --upstream and --endpoint"
	case s.weight == "" && s.state == "":
		return "endpoint set needs --weight or --state"
	case s.weight != "" && s.weight != "file" && (err != nil || weight < 1 || weight > 100):
		return fmt.Sprintf("--weight is %q; it must be a number from 1 to 100, or file", s.weight)
	case s.state != "" && !slices.Contains(api.ByHandStates(), s.state):
		return fmt.Sprintf("--state is %q; it must be one of %s", s.state, strings.Join(api.ByHandStates(), ", "))
	}
	return ""
}

func setEndpoint(c *call, s setting) error {
	upstreams, err := c.gateway.SetEndpoint(c.Context(), s.upstream, s.endpoint, s.weight, s.state)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(upstreams)
	}
	for _, u := range upstreams.Upstreams {
		if u.Name == s.upstream {
			return c.printLines(endpoints(u))
		}
	}
	return fmt.Errorf("the upstream %s is gone meanwhile", s.upstream)
}
