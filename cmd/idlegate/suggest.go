package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wrongFlag is what a flag that cannot be read makes of a command line, with the nearest one that there is.
func wrongFlag(cmd *cobra.Command, err error) error {
	const unknown = "unknown flag: --"
	name, ok := strings.CutPrefix(err.Error(), unknown)
	if !ok {
		return usage(cmd, "%w", err)
	}
	const near = 2 // changes of a letter
	best, least := "", near+1
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if d := distance(name, flag.Name); d < least && d < len(name) {
			best, least = flag.Name, d
		}
	})
	if best == "" {
		return usage(cmd, "%w", err)
	}
	return usage(cmd, "%w; did you mean --%s?", err, best)
}

// distance is how many letters must be added, taken away, exchanged, or swapped with the next, to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
