package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual pages of all commands into a directory",
		Long: "Write the manual pages of all commands into a directory, which is made if it is not there. Packages have them already.\n" +
			"They are dated as SOURCE_DATE_EPOCH says, else not at all.",
		Example: "  idlegate man ~/.local/share/man/man1",
		Args:    arguments("a directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // its date is today's
			return doc.GenManTree(root, manHeader(), args[0])
		},
	}
}

// manHeader heads each page. A header without a date gets that of SOURCE_DATE_EPOCH, or today's, so one of no date is the epoch.
func manHeader() *doc.GenManHeader {
	header := &doc.GenManHeader{Section: "1", Source: "idlegate " + version(), Manual: "idlegate"}
	if os.Getenv("SOURCE_DATE_EPOCH") == "" {
		epoch := time.Unix(0, 0).UTC()
		header.Date = &epoch
	}
	return header
}
