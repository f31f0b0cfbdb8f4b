package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlebench/internal/netns"
)

// congestion is under which all is measured. Under BBR pacing timers take half of all time on a loopback device, and the
// order of the proxies depends on the machine.
const congestion = "reno"

// nameInside is the command by which the benchmark starts itself again, in a network namespace of its own. Its first
// argument is the directory with what has been built; the rest is the command line.
const nameInside = "inside"

// insidePatience is for what it stops when it is stopped.
const insidePatience = 20 * time.Second

func newInside() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:    nameInside + " DIRECTORY",
		Short:  "Measure in this network namespace, which is new",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := netns.SetUp(congestion); err != nil {
				return exitError{exitNoNetwork, err}
			}
			return o.run(cmd, func(ctx context.Context, b *bench) error { return b.runIn(ctx, args[0]) })
		},
	}
	o.flags(cmd)
	return cmd
}

// exitError is an error with an exit code of its own. One without a cause has been reported already.
type exitError struct {
	code  int
	cause error
}

func (e exitError) Error() string { return fmt.Sprint(e.cause) }

// runInside runs the benchmark again in a network namespace of its own. entered is false where the system lets it have
// none, and err then says why.
func (b *bench) runInside(ctx context.Context, self, dir string) (entered bool, err error) {
	for _, attr := range b.ways {
		cmd := exec.CommandContext(ctx, self, append([]string{nameInside, dir}, b.args...)...)
		cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = attr, b.out, b.log
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = insidePatience
		if err = cmd.Start(); err != nil {
			continue
		}
		err = cmd.Wait()
		var ended *exec.ExitError
		if errors.As(err, &ended) && ended.ExitCode() == exitNoNetwork {
			continue // it has said why
		}
		if ended != nil {
			err = exitError{code: max(ended.ExitCode(), exitFailed)}
		}
		return true, err
	}
	return false, err
}

// network describes where the measurements are made.
func network(own bool) string {
	name := netns.CongestionControl()
	if name == "" {
		name = "an unknown congestion control"
	}
	if own {
		return name + " in a network namespace of its own"
	}
	return name + " in the machine's own network"
}
