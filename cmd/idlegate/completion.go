package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newCompletion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script by which the shell completes commands, flags and their values",
		Long: "Print a script by which the shell completes commands, flags and their values. Names of routes, ids of connections\n" +
			"and the like are asked of the running gateway.",
		Example: "  source <(idlegate completion bash)\n" +
			"  idlegate completion zsh > \"${fpath[1]}/_idlegate\"\n" +
			"  idlegate completion fish > ~/.config/fish/completions/idlegate.fish",
		Args:      arguments("bash, zsh or fish"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			const described = true
			out, root := cmd.OutOrStdout(), cmd.Root()
			switch {
			case !slices.Contains(shells, args[0]):
				return usage(cmd, "there is no script for %q, only for %s", args[0], strings.Join(shells, ", "))
			case args[0] == "bash":
				return root.GenBashCompletionV2(out, described)
			case args[0] == "zsh":
				return root.GenZshCompletion(out)
			}
			return root.GenFishCompletion(out, described)
		},
	}
}
