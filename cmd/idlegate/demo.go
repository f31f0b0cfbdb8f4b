package main

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/demo"
)

func newDemo() *cobra.Command {
	cfg := demo.Config{Pace: demo.RealTime(), Version: version()}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what it does: backend, gateway and clients in one process",
		Long: "Show what it does: an echo backend, a gateway and seven clients in one process, on free ports of 127.0.0.1.\n" +
			"Takes some ten seconds; fails where anything was not as promised.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			cfg.Out = cmd.OutOrStdout()
			return demo.Run(ctx, cfg)
		},
	}
	cmd.Flags().BoolVar(&cfg.Serve, "serve", false, "go on running afterwards, with lively clients, until interrupted")
	cmd.Flags().BoolVar(&cfg.PrintPolicy, "print-policy", false, "only print the policy file that the gateway runs")
	return cmd
}
