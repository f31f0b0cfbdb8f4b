package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"idlegate/gateway"
)

func newRun() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Serve what the policy file says",
		Long: "Serve what the policy file says, until SIGTERM or SIGINT drains it: listeners close, open connections end\n" +
			"within drain_timeout. A second signal cuts them at once.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(file)
			if err != nil {
				return err
			}
			for _, warning := range cfg.Warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), warning)
			}
			// Before anything is bound: who can connect must be able to count on a drain.
			signals := make(chan os.Signal, 2)
			signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
			defer signal.Stop(signals)
			g, err := gateway.New(gateway.Config{Policy: cfg, Version: version()})
			if err != nil {
				return err
			}
			return serve(cmd.Context(), g, signals)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "./idlegate.yaml", "the policy file")
	return cmd
}

// serve runs g until a signal has drained it, or a second one has cut it. Both are what the operator asked for, so
// neither is a failure.
func serve(ctx context.Context, g *gateway.Gateway, signals <-chan os.Signal) error {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	go func() {
		for _, obey := range []func(){g.Drain, cut} {
			select {
			case <-signals:
				obey()
			case <-ctx.Done():
				return
			}
		}
	}()
	return g.Run(ctx)
}
