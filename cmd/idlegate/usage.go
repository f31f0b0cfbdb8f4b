package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError says that the command line is wrong, not that the work failed.
type usageError struct {
	err  error
	help string // the command that tells how to do it right
}

func (e *usageError) Error() string { return fmt.Sprintf("%v; see '%s'", e.err, e.help) }

func (e *usageError) Unwrap() error { return e.err }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), help: cmd.CommandPath() + " --help"}
}

// oneCommand is the argument check of the root, which is reached only where no command was recognised.
func oneCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(root, "no command")
	}
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		return usage(root, "unknown command %q; did you mean %q?", args[0], near[0])
	}
	return usage(root, "unknown command %q", args[0])
}

// checkValues refuses a flag that is given without a value, as by --route "$ROUTE" where the variable is not set: it must not mean
// the same as no flag, which would be all routes.
func checkValues(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if err == nil && flag.Value.String() == "" {
			err = usage(cmd, "--%s has no value: leave it out if it does not matter", flag.Name)
		}
	})
	return err
}

// arguments checks that exactly the named arguments were given.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usage(cmd, "%s needs %s", cmd.Name(), strings.Join(names[len(args):], " and "))
		}
		if len(args) > len(names) {
			return usage(cmd, "%s takes no further argument: %q", cmd.Name(), args[len(names)])
		}
		if empty := slices.Index(args, ""); empty >= 0 {
			return usage(cmd, "%s of %s is empty", names[empty], cmd.Name())
		}
		return nil
	}
}

// newHelp replaces cobra's help command, which exits with 0 where the topic is unknown.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print how a command is used",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage(cmd.Root(), "no help about %q", strings.Join(args, " "))
			}
			return topic.Help()
		},
	}
}
