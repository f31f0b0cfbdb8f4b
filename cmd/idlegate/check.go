package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"idlegate/policy"
)

func newCheck() *cobra.Command {
	var effective bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Report every problem of a policy file",
		Long: "Report every problem of a policy file, one a line, as file:line:column: key: what is wrong.\n" +
			"Warnings do not make it fail.",
		Args: arguments("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			for _, warning := range cfg.Warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), warning)
			}
			if effective {
				_, err = cmd.OutOrStdout().Write(cfg.YAML())
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok: %s\n", args[0], contents(cfg))
			return err
		},
	}
	cmd.Flags().BoolVar(&effective, "print", false, "print the effective policy: every default filled in")
	return cmd
}

// load reads and parses a policy file.
func load(file string) (*policy.Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return policy.Parse(file, data)
}

// contents counts what a policy has.
func contents(cfg *policy.Config) string {
	return fmt.Sprintf("%s, %s, %s", count(len(cfg.Routes), "route", "routes"),
		count(len(cfg.Upstreams), "upstream", "upstreams"), count(len(cfg.Policies), "policy", "policies"))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
