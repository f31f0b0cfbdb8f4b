// Command idlegate is a TCP gateway that ends the connections which have stopped being worth keeping.
//
//	idlegate run [-c FILE]           serve what the policy file says
//	idlegate check FILE|- [--print]  report every problem of a policy file, or print it with all defaults
//	idlegate demo                    show what it does: backend, gateway and clients in one process
//	idlegate status                  say how a running gateway stands, and what is wrong
//	idlegate routes, upstreams       list the routes, the endpoints
//	idlegate ended, errors           list the connections that ended last, those that broke their protocol
//	idlegate tail                    follow what happens
//	idlegate connections             list the open connections of a running gateway
//	idlegate close ID...             end open connections, by id or by filter
//	idlegate explain ID              say which timer ends a connection, when and why
//	idlegate advise                  recommend idle_timeout for each route, from what its connections did
//	idlegate top                     watch the gateway live
//	idlegate drain                   drain the gateway, or one endpoint
//	idlegate plan FILE|-             say what an edit would change, and which connections it would end
//	idlegate report                  gather in one archive what a bug report needs
//	idlegate route stop|start NAME   stop a route from taking clients, or let it take them again
//	idlegate log LEVEL               set the level of the gateway's log
//	idlegate reload                  read the gateway's policy file again, and print what changed
//	idlegate completion SHELL        print a script by which the shell completes all of this
//	idlegate man DIRECTORY           write the manual pages of all commands
//	idlegate version, --version      print what this binary is
//
// It exits with 0 when done, 1 when it failed and 2 when it was called wrongly. Results go to standard output; problems
// go to standard error, those of a policy file as file:line:column, all others behind the word idlegate.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"idlegate/policy"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(root.ExecuteContext(ctx), stderr)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "idlegate",
		Short:   "A TCP gateway that ends the connections which have stopped being worth keeping",
		Version: versionLine(),
		Args:    oneCommand,
		// Errors are printed once, by report.
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE:          func(cmd *cobra.Command, _ []string) error { return checkValues(cmd) },
		RunE:                       func(*cobra.Command, []string) error { return nil }, // oneCommand refuses before
	}
	root.Flags().Bool("version", false, "print what this binary is")
	root.SetVersionTemplate("idlegate {{.Version}}\n")
	root.SetFlagErrorFunc(wrongFlag)
	root.SetHelpCommand(newHelp())
	group(root, "Serve:", newRun(), newCheck(), newDemo())
	group(root, "Operate a running gateway:", newStatus(), newRoutes(), newUpstreams(), newConnections(), newEnded(), newErrors(), newTail(), newClose(), newExplain(), newAdvise(), newTop(), newDrain(), newEndpoint(), newRoute(), newLog(), newPlan(), newReload(), newReport())
	group(root, "Other:", newCompletion(), newMan(), newVersion())
	root.SetHelpCommandGroupID("Other:")
	return root
}

// group adds commands, which the help then lists below title.
func group(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = title
	}
	root.AddCommand(commands...)
}

// report prints why a command did not do what it was asked to, and returns the exit code.
func report(err error, stderr io.Writer) int {
	var problems policy.Problems
	var wrong *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems) // each line begins with its own position
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, "idlegate:", err)
		return exitUsage
	default:
		for _, each := range parts(err) {
			fmt.Fprintln(stderr, "idlegate:", each)
		}
	}
	return exitFailed
}

// parts are the errors that were joined, so that each begins a line of its own. Only the outermost: what wraps says more.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
