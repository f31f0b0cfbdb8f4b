// Command idlebench measures idlegate beside HAProxy, nginx, a plain goroutine relay and the least that a relay can do, on
// this machine. What it measures and how to read that is in README.md.
//
//	idlebench [--quick] [--rounds N] [--out DIRECTORY] [--json FILE] [--scenarios NAMES] [--proxies NAMES] [--before BINARY]
//
// The proxy under test, a backend and a load generator are processes of their own, new for every measurement, all on
// 127.0.0.1 in a network namespace made for them, where the congestion control is reno; where the system allows none that
// is said, and the machine's own network serves. The proxies take turns within a round, so that whatever else the machine does meets all of them alike, and
// figures are medians over the rounds with their extremes. The steadiest is the proxy's CPU time over that of backend and
// load generator together in the same run: it repeats within a few percent where microseconds drift by a quarter. Each
// message carries a sequence and a checksum, and a proxy that loses or bends a byte has failed, whatever its speed.
//
// A proxy that is not installed is left out, with a word. idlegate is built from the tree around the working directory.
// The exit code is 0 when all was measured, 1 when something failed and 2 when the command line is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2

	exitNoNetwork = 3 // of the command 'inside' alone: it has measured nothing
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// usageError says that the command line is wrong, not that the work failed.
type usageError struct{ error }

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRun(args)
	root.AddCommand(newInside(), newBackend(), newRelay(), newLoad())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var wrong usageError
	var coded exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		if coded.cause != nil {
			fmt.Fprintln(stderr, "idlebench:", coded.cause)
		}
		return coded.code
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "idlebench: %v; see 'idlebench --help'\n", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "idlebench:", err)
	return exitFailed
}

// noArguments refuses all of them.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown argument %q", args[0])}
	}
	return nil
}
