package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/listing"
	"idlegate/gateway/admin/api"
)

func newStatus() *cobra.Command {
	var strict, ready bool
	cmd := newRemote(&cobra.Command{
		Use:   "status",
		Short: "Say how the gateway stands, and what is wrong",
		Long: "Say how the gateway stands and, a line each, what is wrong now, since when, and what to do about it. Errors are what\n" +
			"clients suffer from, or are about to; warnings wait for the operator. Refusals, timers that were late and lost lines of\n" +
			"the log are told until there has been none for a minute, everything else as long as it is so.\n\n" +
			"With --ready it only says whether clients are taken, and fails where they are not: a health check, which needs no token.",
		Example: "  idlegate status\n" +
			"  idlegate status --ready\n" +
			"  idlegate status --strict >/dev/null || echo something is wrong",
		Args: arguments(),
	}, func(c *call) error {
		if ready {
			return readiness(c, strict)
		}
		status, err := c.gateway.Status(c.Context())
		if err != nil {
			return err
		}
		if c.json {
			err = c.printJSON(status)
		} else {
			err = c.printLines(standing(status, c.gateway.Address()))
		}
		if err == nil && strict && len(status.Alarms) > 0 {
			return fmt.Errorf("something is wrong: %s", count(len(status.Alarms), "alarm", "alarms"))
		}
		return err
	})
	cmd.Flags().BoolVar(&strict, "strict", false, "fail if anything is wrong")
	cmd.Flags().BoolVar(&ready, "ready", false, "say only whether clients are taken, and fail if they are not")
	return cmd
}

// readiness is what a health check asks for.
func readiness(c *call, strict bool) error {
	if strict || c.json {
		return usage(c.Command, "--ready goes with neither --strict nor -o json")
	}
	ready, reason, err := c.gateway.Ready(c.Context())
	switch {
	case err != nil:
		return err
	case !ready:
		return fmt.Errorf("not ready: %s", reason)
	}
	return c.printf("ready\n")
}

// standing is the gateway as a whole, then what is wrong.
func standing(s api.Status, address string) []string {
	ready := "ready"
	if !s.Ready {
		ready = "not ready: " + s.Reason
	}
	host := ""
	if s.Host != "" {
		host = " on " + s.Host
	}
	file := "no policy file"
	if s.Config.File != "" {
		file = "policy file " + s.Config.File
	}
	lines := []string{
		fmt.Sprintf("idlegate %s%s at %s: %s", s.Version, host, address, ready),
		fmt.Sprintf("%s %s, up %s", s.Now.Format(time.DateTime), s.TimeZone, figure.Duration(s.Now.Sub(s.StartedAt).Seconds())),
		fmt.Sprintf("%s of %s connections, %s held for slow peers", figure.Count(uint64(max(s.Connections, 0))),
			figure.Count(uint64(max(s.ConnectionsMax, 0))), figure.Size(uint64(max(s.BufferBytes, 0)))),
		fmt.Sprintf("%s, generation %d for %s", file, s.Config.Generation, figure.Duration(s.Now.Sub(s.Config.LoadedAt).Seconds())),
		"",
	}
	if len(s.ByHand) > 0 {
		lines = append(append(lines, byHand(s)...), "")
	}
	if len(s.Alarms) == 0 {
		return append(lines, "nothing is wrong")
	}
	return append(lines, listing.Alarms(s.Alarms, s.Now)...)
}
