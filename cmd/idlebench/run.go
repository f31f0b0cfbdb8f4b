package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlebench/internal/netns"
)

// options are the flags.
type options struct {
	rounds  int
	threads int
	only    []string
	proxies []string
	unit    string
	json    string
	folder  string
	window  time.Duration
	idle    int
	quick   bool
	before  string
	args    []string // that these were written as
}

func newRun(args []string) *cobra.Command {
	o := options{args: args}
	cmd := &cobra.Command{
		Use:   "idlebench",
		Short: "Measure idlegate beside other proxies",
		Args:  noArguments,
		// Errors are printed once, by execute.
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd, func(ctx context.Context, b *bench) error { return b.run(ctx) })
		},
	}
	o.flags(cmd)
	return cmd
}

// run does what a command is for, until it is interrupted.
func (o *options) run(cmd *cobra.Command, do func(context.Context, *bench) error) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	b, err := o.bench(cmd)
	if err != nil {
		return err
	}
	return do(ctx, b)
}

func (o *options) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.rounds, "rounds", 3, "how often each proxy is measured in each scenario")
	f.IntVar(&o.threads, "threads", 2, "threads, loops or workers of each proxy")
	f.StringSliceVar(&o.only, "scenarios", nil, "only these, as comma-separated names")
	f.StringSliceVar(&o.proxies, "proxies", []string{nameIdlegate, nameHAProxy, nameNginx, nameFloor, nameRelay, nameDirect},
		"only these, as comma-separated names, or name=path for another build of idlegate")
	f.StringVar(&o.unit, "unit", nameHAProxy, "the proxy to compare with")
	f.StringVar(&o.json, "json", "", "write everything that was measured to this file")
	f.StringVar(&o.folder, "out", "", "write results.json, table.md and chart.svg into this directory")
	f.DurationVar(&o.window, "window", time.Second, "how long one measurement takes, unless its scenario knows better")
	f.IntVar(&o.idle, "idle", 8000, "connections of the scenarios of many connections, of which each needs two descriptors")
	f.BoolVar(&o.quick, "quick", false, "less of everything, once, in about a minute")
	f.StringVar(&o.before, "before", "", "another build of idlegate, measured beside the others as 'before'")
}

// shorten is what --quick does to what was not written.
func (o *options) shorten(written func(flag string) bool) {
	if !o.quick {
		return
	}
	if !written("rounds") {
		o.rounds = 1
	}
	if !written("window") {
		o.window = 300 * time.Millisecond
	}
	if !written("idle") {
		o.idle = 1000
	}
}

// bench is one run of the benchmark.
type bench struct {
	options
	scenarios []scenario
	pace      pace
	ways      []*syscall.SysProcAttr // into a network namespace
	out       io.Writer              // tables
	log       io.Writer              // progress
}

func (o options) bench(cmd *cobra.Command) (*bench, error) {
	o.shorten(cmd.Flags().Changed)
	if o.rounds < 1 || o.threads < 1 || o.idle < 1 || o.window <= 0 {
		return nil, usageError{errors.New("rounds, threads, idle and window must be more than 0")}
	}
	if o.before != "" {
		o.proxies = append(o.proxies, nameBefore+"="+o.before)
	}
	b := &bench{options: o, ways: netns.Ways(), out: cmd.OutOrStdout(), log: cmd.ErrOrStderr()}
	b.pace = pace{warm: o.window / 4, window: o.window, settle: o.window / 2, idle: 3 * o.window / 2,
		patience: loadPatience}
	all := scenarios(fullSizes(o.idle))
	if o.quick {
		all = scenarios(quickSizes(o.idle))
	}
	var err error
	b.scenarios, err = selected(all, o.only)
	return b, err
}

// selected returns the scenarios of these names, all of no names.
func selected(all []scenario, names []string) ([]scenario, error) {
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s scenario) bool { return s.Name == name }) {
			return nil, usageError{fmt.Errorf("unknown scenario %q", name)}
		}
	}
	if len(names) == 0 {
		return all, nil
	}
	return slices.DeleteFunc(all, func(s scenario) bool { return !slices.Contains(names, s.Name) }), nil
}

// run builds what there is to build and measures in a network namespace of its own, or else here.
func (b *bench) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "idlebench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // in the system's directory of temporary files
	self, err := os.Executable()
	if err != nil {
		return err
	}
	contenders, err := finder{self: self, dir: dir, log: b.log}.find(ctx, b.proxies)
	if err != nil {
		return err
	}
	entered, err := b.runInside(ctx, self, dir)
	if entered || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(b.log, "without a network namespace (%v): measured with %s\n", err, network(false))
	return b.compare(ctx, rig{self: self, dir: dir, threads: b.threads, pace: b.pace}, contenders, network(false))
}

// runIn measures in this network namespace, with what has been built into dir.
func (b *bench) runIn(ctx context.Context, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	contenders, err := finder{self: self, dir: dir, log: io.Discard, built: true}.find(ctx, b.proxies)
	if err != nil {
		return err
	}
	return b.compare(ctx, rig{self: self, dir: dir, threads: b.threads, pace: b.pace}, contenders, network(true))
}

// compare measures the contenders and reports.
func (b *bench) compare(ctx context.Context, rig rig, contenders []contender, network string) error {
	if b.folder != "" { // before anything is measured that could not be written
		if err := os.MkdirAll(b.folder, 0o755); err != nil {
			return err
		}
	}
	m := describeMachine(b.threads, contenders)
	m.Network = network
	r, err := b.measureAll(ctx, rig, contenders, m)
	if err == nil {
		err = errors.Join(r.writeSummary(b.out), b.write(r))
	}
	return errors.Join(err, r.failure())
}

// write writes what was measured to where it was asked for.
func (b *bench) write(r report) error {
	var err error
	if b.json != "" {
		err = r.writeJSON(b.json)
	}
	if b.folder != "" {
		err = errors.Join(err, r.writeAll(b.folder))
	}
	return err
}

func (b *bench) measureAll(ctx context.Context, rig rig, contenders []contender, m machine) (report, error) {
	r := report{Machine: m, Unit: b.unit}
	fmt.Fprintln(b.out, m.describe())
	for _, sc := range b.scenarios {
		fit := sc.fit(contenders)
		tallies, err := b.interleave(ctx, rig, sc, fit)
		if err != nil {
			return r, err
		}
		s := newScenarioReport(sc, fit, tallies, b.unit)
		r.Scenarios = append(r.Scenarios, s)
		if err := s.writeTable(b.out); err != nil {
			return r, err
		}
	}
	return r, nil
}

// interleave measures one scenario. Who begins changes from round to round, so that nobody always follows the same one.
func (b *bench) interleave(ctx context.Context, rig rig, sc scenario, contenders []contender) ([]*tally, error) {
	tallies := make([]*tally, len(contenders))
	for i := range tallies {
		tallies[i] = &tally{}
	}
	for round := range b.rounds {
		for i := range contenders {
			at := (i + round) % len(contenders)
			s, fault := rig.measure(ctx, contenders[at], sc)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			tallies[at].add(s, fault)
		}
	}
	return tallies, nil
}

// failure says which proxies failed in what.
func (r report) failure() error {
	var failed []string
	for _, s := range r.Scenarios {
		for _, e := range s.Entries {
			if len(e.Faults) > 0 {
				failed = append(failed, e.Proxy+" in "+s.Name)
			}
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return errors.New("failed: " + strings.Join(failed, ", "))
}
