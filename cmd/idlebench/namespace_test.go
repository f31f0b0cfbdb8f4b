package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlebench/internal/netns"
)

// mayEnter reports whether the system lets a command have a network namespace.
func mayEnter(t *testing.T) bool {
	t.Helper()
	for _, attr := range netns.Ways() {
		cmd := exec.Command("/bin/true")
		cmd.SysProcAttr = attr
		if cmd.Run() == nil {
			return true
		}
	}
	return false
}

func shortly(t *testing.T, out, log io.Writer) *bench {
	t.Helper()
	noneLeft(t)
	args := []string{"--scenarios", "roundtrip-1", "--proxies", nameRelay, "--unit", nameRelay, "--rounds", "2",
		"--window", "20ms", "--json", filepath.Join(t.TempDir(), "results.json")}
	o := options{
		rounds: 2, threads: 1, only: args[1:2], proxies: args[3:4], unit: nameRelay, window: 20 * time.Millisecond, idle: 1,
		json: args[len(args)-1], args: args,
	}
	cmd := &cobra.Command{}
	cmd.SetOut(out)
	cmd.SetErr(log)
	b, err := o.bench(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// measuredIn returns what a report says of the network that it was measured in, having checked that it is of two rounds.
func measuredIn(t *testing.T, b *bench) string {
	t.Helper()
	encoded, err := os.ReadFile(b.json)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(encoded, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Scenarios) != 1 || len(r.Scenarios[0].Entries) != 1 || len(r.Scenarios[0].Entries[0].Samples) != 2 {
		t.Errorf("report %s", encoded)
	}
	return r.Machine.Network
}

func TestMeasuresWithRenoInANetworkOfItsOwn(t *testing.T) {
	if !mayEnter(t) {
		t.Skip("the system allows no network namespaces")
	}
	var out, log bytes.Buffer
	b := shortly(t, &out, &log)
	if err := b.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	if have := measuredIn(t, b); have != "reno in a network namespace of its own" || !strings.Contains(out.String(), have) {
		t.Errorf("measured with %q and said\n%s%s", have, &out, &log)
	}
}

func TestSaysThatItHasNoNetworkOfItsOwn(t *testing.T) {
	for name, attr := range map[string]*syscall.SysProcAttr{
		"the system lets it have none": {Chroot: "/nowhere"},
		"it cannot be set up":          {Cloneflags: syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			b := shortly(t, &out, &log)
			b.ways = []*syscall.SysProcAttr{attr}
			if err := b.run(t.Context()); err != nil {
				t.Fatalf("%v\n%s", err, &log)
			}
			want := netns.CongestionControl() + " in the machine's own network"
			if have := measuredIn(t, b); have != want || !strings.Contains(log.String(), "without a network namespace") {
				t.Errorf("measured with %q and said\n%s%s", have, &out, &log)
			}
		})
	}
}

func TestAFailureInsideIsToldOnceByItsExitCode(t *testing.T) {
	if !mayEnter(t) {
		t.Skip("the system allows no network namespaces")
	}
	var out, log bytes.Buffer
	b := shortly(t, &out, &log)
	b.args = append(b.args, "--rounds", "0")
	var coded exitError
	if err := b.run(t.Context()); !errors.As(err, &coded) || coded != (exitError{code: exitUsage}) {
		t.Errorf("failed with %v", err)
	}
	if !strings.Contains(log.String(), "must be more than 0") {
		t.Errorf("said %s", &log)
	}
}

func TestABuildFromBeforeIsMeasuredBeside(t *testing.T) {
	noneLeft(t)
	binary := filepath.Join(t.TempDir(), "idlegate")
	if out, err := exec.Command("go", "build", "-o", binary, "idlegate/cmd/idlegate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out, log bytes.Buffer
	code := execute(t.Context(), []string{"--quick", "--scenarios", "heartbeats", "--idle", "50", "--proxies", nameRelay,
		"--before", binary, "--unit", nameBefore}, &out, &log)
	for _, want := range []string{"\n  before ", "99th percentile, ms"} {
		if code != exitDone || !strings.Contains(out.String(), want) {
			t.Errorf("exit code %d, without %q\n%s%s", code, want, &out, &log)
		}
	}
}
