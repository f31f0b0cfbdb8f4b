package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/service"
	"idlegate/gateway"
	"idlegate/policy"
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
			"An edit of the policy file takes effect within two seconds, also on open connections; SIGHUP reads it at once.\n" +
			"SIGUSR1 opens log.file again, after it was renamed.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runFile(cmd, file) },
	}
	cmd.Flags().StringVarP(&file, "config", "c", "./idlegate.yaml", "the policy file")
	return cmd
}

func runFile(cmd *cobra.Command, file string) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent) // for what is made before Run too: set there only, an idle connection took 655 bytes and not 630
	}
	start, err := readAtStart(file)
	if err != nil {
		return err
	}
	cfg, err := policy.Parse(file, start.data)
	if err != nil {
		return err
	}
	for _, warning := range cfg.Warnings() {
		fmt.Fprintln(cmd.ErrOrStderr(), asWarning(warning))
	}
	// Before anything is bound: who can connect must be able to count on a drain.
	signals := newSignals()
	defer signals.stop()
	told := service.Notify()
	defer told.Close()
	config := gateway.Config{
		Policy: cfg, File: file, Content: start.data, Every: start.every, Version: version(), Sockets: service.Sockets(), Reloading: told.Reloading,
	}
	if os.Getenv("GOGC") == "" {
		config.GCPercent = gcPercent
	}
	g, err := gateway.New(config)
	if err != nil {
		return err
	}
	return serve(cmd.Context(), g, signals, told)
}

// startFile is the policy file as it was at the start.
type startFile struct {
	data  []byte
	every time.Duration // between looks for edits; 0: it is looked at no more
}

// readAtStart reads the policy file, which at the start may be anything that ends: standard input, or a pipe at /dev/fd/N. What is
// no regular file was read to its end, so nothing more is to be found there.
func readAtStart(name string) (startFile, error) {
	file, err := os.Open(name)
	if err != nil {
		return startFile{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return startFile{}, err
	}
	data, err := io.ReadAll(io.LimitReader(file, gateway.MaxPolicyBytes+1))
	switch {
	case err != nil:
		return startFile{}, err
	case len(data) > gateway.MaxPolicyBytes:
		return startFile{}, fmt.Errorf("read %s: more than %d MiB", name, gateway.MaxPolicyBytes>>20)
	case !info.Mode().IsRegular():
		return startFile{data: data}, nil
	}
	return startFile{data, time.Second}, nil
}

// signals are those that the gateway follows.
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
func serve(ctx context.Context, g *gateway.Gateway, s signals, told *service.Told) error {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	told.Ready() // what is bound is open to clients: they wait until Run takes them
	go service.Watch(ctx, told, g)
	go func() {
		for _, obey := range []func(){func() { told.Stopping(); g.Drain() }, cut} {
			select {
			case <-s.end:
				obey()
			case <-ctx.Done():
				return
			}
		}
	}()
	go reloadOnSignal(ctx, g, s.reload)
	go reopenOnSignal(ctx, g, s.reopen)
	return g.Run(ctx)
}

// reloadOnSignal reads the policy file at each signal, until ctx ends. What goes wrong is in the log. A reload that still waits
// for the file or for a name is given up for the next one, which asks for the same.
func reloadOnSignal(ctx context.Context, g *gateway.Gateway, asked <-chan os.Signal) {
	giveUp := func() {}
	for {
		select {
		case <-asked:
			giveUp()
			giveUp = startReload(ctx, g)
		case <-ctx.Done():
			return
		}
	}
}

// startReload reads the policy file for a signal and does not wait for it.
func startReload(ctx context.Context, g *gateway.Gateway) (giveUp func()) {
	ctx, giveUp = context.WithCancel(ctx)
	go func() {
		_, _ = g.ReloadFor(ctx, gateway.TriggerSignal)
		giveUp()
	}()
	return giveUp
}

// reopenOnSignal reopens the log at each signal, until ctx ends.
func reopenOnSignal(ctx context.Context, g *gateway.Gateway, asked <-chan os.Signal) {
	for {
		select {
		case <-asked:
			if err := g.ReopenLog(); err != nil {
				g.Log().Error("the log goes on in the file that was open", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
