package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"idlegate/gateway/admin/api"
)

func newReload() *cobra.Command {
	var plan, previous bool
	cmd := newRemote(&cobra.Command{
		Use:   "reload",
		Short: "Make the gateway read its policy file again, and print what changed",
		Long: "Make the gateway read its policy file again, and print what changed, one change a line. Open connections follow the\n" +
			"new policy at once. A file that has problems is refused whole: they are printed as file:line:column, and the policy\n" +
			"in force stays.\n\n" +
			"With --plan nothing is changed: it says what the file as it is now would change, and which connections that would end.\n" +
			"With --previous the gateway goes back to the policy that was in force before this one, and asked again it returns\n" +
			"to this one; the file stays as it is, and is read again after its next edit or reload.",
		Example: "  idlegate reload\n" +
			"  idlegate reload --plan\n" +
			"  idlegate reload --previous\n" +
			"  idlegate reload -o json",
		Args: arguments(),
	}, func(c *call) error {
		switch {
		case plan && previous:
			return usage(c.Command, "--plan is about the file, --previous about the policy before: give one of them")
		case plan:
			said, err := c.gateway.Plan(c.Context(), nil)
			if err != nil {
				return err
			}
			return c.printPlan(said)
		}
		load := c.gateway.Reload
		if previous {
			load = c.gateway.Previous
		}
		reload, err := load(c.Context())
		if err != nil {
			return err
		}
		if c.json {
			if err := c.printJSON(reload); err != nil {
				return err
			}
		}
		if !reload.OK {
			return refused(c, reload)
		}
		if c.json {
			return nil
		}
		return changes(c, reload)
	})
	cmd.Flags().BoolVar(&plan, "plan", false, "change nothing, and say what it would change and end")
	cmd.Flags().BoolVar(&previous, "previous", false, "go back to the policy before the one in force")
	return cmd
}

// changes prints what took effect, and says what waits for a restart, be it since an earlier reload.
func changes(c *call, reload api.Reload) error {
	var lines []string
	for _, change := range reload.Changes {
		lines = append(lines, inWords(change))
	}
	for _, change := range reload.Pending {
		c.remark("%s: takes effect only when the gateway is started again", inWords(change))
	}
	for _, warning := range reload.Warnings {
		c.remark("%s", warning)
	}
	switch { // the gateway may have seen the edit itself
	case len(reload.Changes) > 0:
	case len(reload.Pending) > 0:
		lines = append(lines, "nothing took effect: what else the file says was in force already")
	default:
		lines = append(lines, "nothing changed: what the file says was in force already")
	}
	return c.printLines(lines)
}

// inWords is a change as the gateway puts it, or as path: from -> to.
func inWords(change api.Change) string {
	return cmp.Or(change.Text, fmt.Sprintf("%s: %s -> %s", change.Path, cmp.Or(change.From, "-"), cmp.Or(change.To, "-")))
}

// refused prints the problems of the file as check does, and returns what became of it.
func refused(c *call, reload api.Reload) error {
	for _, p := range reload.Problems {
		c.remark("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
	}
	if len(reload.Problems) == 0 && reload.Error != "" {
		return fmt.Errorf("%s; the policy in force stays, generation %d", reload.Error, reload.Generation)
	}
	return errors.New("the file is refused; the policy in force stays, generation " + fmt.Sprint(reload.Generation))
}
