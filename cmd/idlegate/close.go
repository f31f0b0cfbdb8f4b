package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/client"
	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/gateway/admin/api"
)

func newClose() *cobra.Command {
	var filter filterFlags
	cmd := newRemote(&cobra.Command{
		Use:   "close ID... | FILTER...",
		Short: "End open connections",
		Long: "End open connections: those with the given ids, or all that every given flag lets through, which are those that\n" +
			"'idlegate connections' lists with the same flags. They end as when a timer ends them; their close reason is killed.",
		Example: "  idlegate close 17 204\n" +
			"  idlegate close --route devices --idle 10m",
		ValidArgsFunction: connectionIDs(),
	}, func(c *call) error {
		chosen := filter.filter()
		switch {
		case len(c.args) > 0 && !chosen.IsZero():
			return usage(c.Command, "close takes ids or a filter, not both")
		case len(c.args) > 0:
			return closeByID(c)
		case chosen.IsZero():
			return usage(c.Command, "close needs ids of connections, or a filter as in --route devices --idle 10m")
		}
		return closeByFilter(c, chosen)
	})
	filter.addExact(cmd)
	return cmd
}

// closeByID ends each of the connections, also where others are not known.
func closeByID(c *call) error {
	ids, err := parseIDs(c)
	if err != nil {
		return err
	}
	all := api.Closed{IDs: []uint64{}}
	var wrong []error
	for _, id := range ids {
		closed, err := c.gateway.CloseID(c.Context(), id)
		switch {
		case err == nil:
			all.Closed += closed.Closed
			all.IDs = append(all.IDs, id)
		case client.IsUnknown(err):
			wrong = append(wrong, noConnection(id))
		default: // the next call would fare no better
			return errors.Join(append(wrong, printClosed(c, all), err)...)
		}
	}
	return errors.Join(append(wrong, printClosed(c, all))...)
}

func closeByFilter(c *call, filter api.Filter) error {
	closed, err := c.gateway.CloseAll(c.Context(), filter)
	if err != nil {
		return err
	}
	if err := printClosed(c, closed); err != nil {
		return err
	}
	if closed.Closed == 0 {
		return errors.New("no open connection matches, so none was closed")
	}
	return nil
}

func printClosed(c *call, closed api.Closed) error {
	if c.json {
		return c.printJSON(closed)
	}
	lines := make([]string, 0, len(closed.IDs)+1)
	for _, id := range closed.IDs {
		lines = append(lines, fmt.Sprintf("closed %d", id))
	}
	if more := closed.Closed - len(closed.IDs); more > 0 {
		lines = append(lines, fmt.Sprintf("and %s more", figure.Count(uint64(more))))
	}
	return c.printLines(lines)
}

// parseIDs reads all arguments as ids, each once.
func parseIDs(c *call) ([]uint64, error) {
	var ids []uint64
	seen := map[uint64]bool{}
	for _, arg := range c.args {
		id, err := parseID(c.Command, arg)
		if err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func parseID(cmd *cobra.Command, arg string) (uint64, error) {
	id, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return 0, usage(cmd, "%q is not the id of a connection, which is a number", arg)
	}
	return id, nil
}

func noConnection(id uint64) error {
	return fmt.Errorf("there is no open connection %d", id)
}
