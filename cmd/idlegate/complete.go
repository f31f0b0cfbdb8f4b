package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/client"
	"idlegate/gateway/admin/api"
)

// completeWithin is how long a shell is kept waiting for what only the gateway knows.
const completeWithin = time.Second

// complete makes the shell offer the values of a flag. The flag is one of cmd's, or the program is wrong.
func complete(cmd *cobra.Command, flag string, offer cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err)
	}
}

// choose offers fixed words.
func choose(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// asked offers what the running gateway says. Where none answers nothing is offered, and nothing said: the shell would show it
// in the middle of the line that is being typed.
func asked(ask func(cmd *cobra.Command, c *client.Client) []cobra.Completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		r := remote{config: client.Config{Timeout: completeWithin}}
		for flag, to := range map[string]*string{
			"admin": &r.config.Address, "token-file": &r.config.TokenFile,
			"ca": &r.config.CA, "cert": &r.config.Cert, "key": &r.config.Key,
		} {
			*to = cmd.Flag(flag).Value.String()
		}
		c, err := r.client(cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer c.Close()
		return ask(cmd, c), cobra.ShellCompDirectiveNoFileComp
	}
}

func routeNames() cobra.CompletionFunc {
	return asked(func(cmd *cobra.Command, c *client.Client) (offers []cobra.Completion) {
		routes, _ := c.Routes(cmd.Context())
		for _, r := range routes.Routes {
			offers = append(offers, cobra.CompletionWithDesc(r.Name, count(int(r.Connections), "connection", "connections")))
		}
		return offers
	})
}

func upstreamNames() cobra.CompletionFunc {
	return asked(func(cmd *cobra.Command, c *client.Client) (offers []cobra.Completion) {
		upstreams, _ := c.Upstreams(cmd.Context())
		for _, u := range upstreams.Upstreams {
			offers = append(offers, cobra.CompletionWithDesc(u.Name, count(len(u.Endpoints), "endpoint", "endpoints")))
		}
		return offers
	})
}

// endpointAddresses offers those of the upstream that was chosen, else all.
func endpointAddresses() cobra.CompletionFunc {
	return asked(func(cmd *cobra.Command, c *client.Client) (offers []cobra.Completion) {
		chosen := ""
		if flag := cmd.Flag("upstream"); flag != nil {
			chosen = flag.Value.String()
		}
		upstreams, _ := c.Upstreams(cmd.Context())
		for _, u := range upstreams.Upstreams {
			if chosen != "" && u.Name != chosen {
				continue
			}
			for _, e := range u.Endpoints {
				offers = append(offers, cobra.CompletionWithDesc(e.Address, fmt.Sprintf("%s, %s", u.Name, e.State())))
			}
		}
		return offers
	})
}

// connectionIDs offers those that a timer ends next.
func connectionIDs() cobra.CompletionFunc {
	return asked(func(cmd *cobra.Command, c *client.Client) (offers []cobra.Completion) {
		page, _ := c.Connections(cmd.Context(), api.Filter{}, api.Page{Sort: "due", Limit: api.DefaultLimit})
		for _, one := range page.Connections {
			offers = append(offers, cobra.CompletionWithDesc(strconv.FormatUint(one.ID, 10), one.Route+" "+one.Client))
		}
		return offers
	})
}
