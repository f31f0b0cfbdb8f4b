package main

import (
	"time"

	"github.com/spf13/cobra"

	"idlegate/gateway/admin/api"
)

// filterFlags are the flags that choose among open connections.
type filterFlags struct {
	route, client, endpoint, state, search string
	idle, age, due                         durationFlag
}

// addExact adds those that can be relied on to choose what they name and no more: by them connections are closed.
func (f *filterFlags) addExact(cmd *cobra.Command) {
	cmd.Flags().Var(clientsFlag{&f.client}, "client", "at this `ADDRESS`, with or without a port, in this network, as in 10.0.0.0/8, or unix")
	f.addCommon(cmd)
}

// addLoose adds those for looking.
func (f *filterFlags) addLoose(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.client, "client", "", "at this `ADDRESS` or in this network; what is neither is searched for in the client's address")
	cmd.Flags().StringVar(&f.search, "search", "", "with this `TEXT` in id, route, client or endpoint")
	f.addCommon(cmd)
}

func (f *filterFlags) addCommon(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.route, "route", "", "of this `ROUTE`")
	flags.StringVar(&f.endpoint, "endpoint", "", "to this `ADDRESS`, as the policy file has it")
	flags.Var(word{to: &f.state, known: states()}, "state", "in this state: handshake, waiting, connecting, open, half_closed or draining")
	flags.Var(&f.idle, "idle", "whose client has been silent for at least this long, as in 1m30s")
	flags.Var(&f.age, "age", "open for at least this long")
	flags.Var(&f.due, "due", "that a timer ends within this time")
	complete(cmd, "route", routeNames())
	complete(cmd, "endpoint", endpointAddresses())
	complete(cmd, "state", choose(states()...))
}

func (f *filterFlags) filter() api.Filter {
	return api.Filter{
		Route: f.route, Client: f.client, Endpoint: f.endpoint, State: api.State(f.state), Search: f.search,
		Idle: time.Duration(f.idle), Age: time.Duration(f.age), Due: time.Duration(f.due),
	}
}

func states() []string {
	return []string{
		string(api.Handshake), string(api.Waiting), string(api.Connecting), string(api.Open), string(api.HalfClosed), string(api.Draining),
	}
}

// sortKeys are the orders of a listing, ascending and descending.
func sortKeys() []string {
	keys := api.SortKeys()
	for _, key := range api.SortKeys() {
		keys = append(keys, "-"+key)
	}
	return keys
}
