package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/lab"
)

// closing is what ending may take after drain_timeout: a second for log and admin server each, and the two that a close
// may linger.
const closing = 4 * time.Second

func TestUnitWaitsLongerThanADrain(t *testing.T) {
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\S+)$`).FindStringSubmatch(read(t, "systemd/idlegate.service"))
	if stop == nil {
		t.Fatal("the unit has no TimeoutStopSec")
	}
	patience, err := time.ParseDuration(stop[1])
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if drain := parse(t, file).Gateway.DrainTimeout; patience < drain+closing {
			t.Errorf("%s drains for %s, and systemd waits %s", file, drain, patience)
		}
	}
}

func TestUnitIsValid(t *testing.T) {
	lab.Needs(t, "systemd-analyze")
	unit := filepath.Join(t.TempDir(), "idlegate.service")
	installed := strings.ReplaceAll(read(t, "systemd/idlegate.service"), "/usr/bin/idlegate", "/bin/true")
	if err := os.WriteFile(unit, []byte(installed), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "idlegate.service") {
		t.Errorf("%v: %s", err, out)
	}
}

// A signal says nothing of what became of it.
func TestUnitReloadsByTheCommandThatFailsWhereTheFileIsRefused(t *testing.T) {
	if got := directive("ExecReload").FindStringSubmatch(read(t, "systemd/idlegate.service")); got == nil || got[1] != "/usr/bin/idlegate reload" {
		t.Errorf("the unit reloads by %q", got)
	}
}

// directive matches the lines of a unit that set a directive, and its value.
func directive(name string) *regexp.Regexp { return regexp.MustCompile(`(?m)^` + name + `=(.*)$`) }

// process_start_time_seconds needs the time of the boot, which /proc/stat has; ProcSubset=pid leaves only processes in /proc.
func TestUnitLeavesTheStartTimeToBeMeasured(t *testing.T) {
	if set := directive("ProcSubset").FindStringSubmatch(read(t, "systemd/idlegate.service")); set != nil && set[1] != "all" {
		t.Errorf("the unit has ProcSubset=%s", set[1])
	}
}

// AF_NETLINK is for sock_diag(7), which tells what a unix socket's peer has taken, and for the machine's own addresses.
func TestUnitAllowsTheSocketsThatTheGatewayMakes(t *testing.T) {
	set := directive("RestrictAddressFamilies").FindStringSubmatch(read(t, "systemd/idlegate.service"))
	if set == nil {
		t.Fatal("the unit has no RestrictAddressFamilies")
	}
	for _, family := range []string{"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"} {
		if !slices.Contains(strings.Fields(set[1]), family) {
			t.Errorf("the unit forbids %s", family)
		}
	}
}

// A copied and truncated log loses the lines written in between; one that is made by logrotate belongs to root.
func TestRotationLeavesTheFilesToTheGateway(t *testing.T) {
	text := read(t, "logrotate/idlegate")
	for _, directive := range []string{"nocopytruncate", "nocreate", "delaycompress"} {
		if !regexp.MustCompile(`(?m)^ +` + directive + `$`).MatchString(text) {
			t.Errorf("%s is missing", directive)
		}
	}
	script := regexp.MustCompile(`(?s)\n +postrotate\n +(.*?)\n +endscript\n`).FindStringSubmatch(text)
	if script == nil || script[1] != "if systemctl --quiet is-active idlegate.service; then systemctl kill --signal=USR1 idlegate.service; fi" {
		t.Errorf("after a rotation it runs %q", script)
	}
	logrotate, err := exec.LookPath("logrotate")
	if err != nil {
		return // what follows is a check more
	}
	file := filepath.Join(t.TempDir(), "idlegate")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(logrotate, "--debug", file).CombinedOutput(); err != nil || strings.Contains(string(out), "error:") {
		t.Errorf("%v: %s", err, out)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
