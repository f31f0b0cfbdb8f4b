package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	watcher "idlegate/cmd/idlegate/internal/watch"
	"idlegate/gateway"
)

// gcPercent is how much garbage may be there beside what is used. Nearly all that is used are open connections, and carrying
// their bytes makes no garbage, so that less of it than Go's 100 costs nothing: with 8,000 idle connections a connection took
// 789 bytes with 100 and 703 with 50 (idlebench, scenario idle).
const gcPercent = 50

func newRun() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Serve what the policy file says",
		Long: "Serve what the policy file says, until SIGTERM or SIGINT drains it: listeners close, open connections end\n" +
			"within drain_timeout. A second signal cuts them at once.\n\n" +
			"An edit of the policy file takes effect at once, also on open connections; SIGHUP reads it again by hand.\n" +
			"SIGUSR1 opens log.file anew, after it was renamed.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runFile(cmd, file) },
	}
	cmd.Flags().StringVarP(&file, "config", "c", "./idlegate.yaml", "the policy file")
	return cmd
}

func runFile(cmd *cobra.Command, file string) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// Before the file is read: what it holds now counts as known to the watcher.
	edited, unwatched := watcher.New(file)
	if unwatched == nil {
		defer edited.Close()
	}
	cfg, err := load(file)
	if err != nil {
		return err
	}
	for _, warning := range cfg.Warnings() {
		fmt.Fprintln(cmd.ErrOrStderr(), warning)
	}
	var read func([sha256.Size]byte)
	if unwatched == nil {
		read = edited.Read
	}
	// Before anything is bound: who can connect must be able to count on a drain.
	signals := newSignals()
	defer signals.stop()
	g, err := gateway.New(gateway.Config{Policy: cfg, File: file, Read: read, Version: version()})
	if err != nil {
		return err
	}
	var edits <-chan struct{}
	if unwatched == nil {
		edits = edited.Changes()
	} else {
		g.Log().Warn("edits of the policy file are not noticed: send SIGHUP after each", "error", unwatched)
	}
	return serve(cmd.Context(), g, signals, edits)
}

// signals are those that the gateway obeys.
type signals struct {
	end    chan os.Signal // SIGTERM, SIGINT: drain, then cut
	reload chan os.Signal // SIGHUP
	reopen chan os.Signal // SIGUSR1
}

func newSignals() signals {
	s := signals{end: make(chan os.Signal, 2), reload: make(chan os.Signal, 1), reopen: make(chan os.Signal, 1)}
	signal.Notify(s.end, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(s.reload, syscall.SIGHUP)
	signal.Notify(s.reopen, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGPIPE) // who reads standard error may go away; the log drops its lines then
	return s
}

func (s signals) stop() {
	signal.Stop(s.end)
	signal.Stop(s.reload)
	signal.Stop(s.reopen)
	signal.Reset(syscall.SIGPIPE)
}

// serve runs g until a signal has drained it, or a second one has cut it. Both are what the operator asked for, so
// neither is a failure.
func serve(ctx context.Context, g *gateway.Gateway, s signals, edits <-chan struct{}) error {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	go func() {
		for _, obey := range []func(){g.Drain, cut} {
			select {
			case <-s.end:
				obey()
			case <-ctx.Done():
				return
			}
		}
	}()
	go operate(ctx, g, s, edits)
	return g.Run(ctx)
}

// operate does what the operator asks of a running gateway, until ctx ends. What goes wrong is in the log.
func operate(ctx context.Context, g *gateway.Gateway, s signals, edits <-chan struct{}) {
	for {
		select {
		case <-s.reload:
			_, _ = g.ReloadFor(gateway.TriggerSignal)
		case <-edits:
			_, _ = g.ReloadFor(gateway.TriggerFile)
		case <-s.reopen:
			if err := g.ReopenLog(); err != nil {
				g.Log().Error("the log goes on in the file that was open", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
