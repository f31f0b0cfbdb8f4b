package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// dayPolicy is the policy file in the morning. What an operator edits of it in the course of the day stands at its end.
const dayPolicy = `admin: {listen: 127.0.0.1:0}
log: {file: gateway.log}
gateway: {drain_timeout: 3s}

upstreams:
  servers:
    endpoints: [%s]

routes:
  - name: devices
    listen: 127.0.0.1:0
    protocol: {length_field: {magic: {text: "Headers"}, offset: 7, size: 4}}
    upstream: servers
    policy: patient

`

// morning is the policy that the day begins with: longer than it needs to be, as a guess is.
const morning = `policies:
  patient:
    long:
      idle_timeout: 12s
`

// TestOperatorsDay does with a gateway under load what the README tells an operator to do, and demands of each step that what the
// commands say, what is measured, what is logged and what the page shows are the same.
func TestOperatorsDay(t *testing.T) {
	built := &readme{dir: t.TempDir()}
	built.build(t, "make build")
	binary := filepath.Join(built.dir, "idlegate")
	t.Run("live edits, dry run and advice", func(t *testing.T) {
		t.Parallel()
		beginDay(t, binary).work()
	})
	t.Run("a ConfigMap is swapped", func(t *testing.T) {
		t.Parallel()
		swapConfigMap(t, binary)
	})
}

// day is a day of an operator, with what one step leaves for the next.
type day struct {
	*operator
	fleet    *fleet
	page     *statusPage // nil where there is no browser
	backends []string

	predicted []uint64  // ids of connections that are about to time out
	advice    adviceFor // what was read in it
}

func beginDay(t *testing.T, binary string) *day {
	t.Helper()
	d := &day{backends: startBackends(t, 2)}
	d.operator = employ(t, binary, fmt.Sprintf(dayPolicy, strings.Join(d.backends, ", "))+morning)
	d.serve()
	d.fleet = startFleet(t, d.inLog(`msg=listening route=devices address=(\S+)`))
	if path := browser(t); path != "" {
		d.page = openPage(t, path, d.admin)
	}
	return d
}

// work does the steps, each of which builds on those before.
func (d *day) work() {
	whole := d.T
	for _, step := range []struct {
		name string
		do   func(*day)
	}{
		{"see which connections are about to time out", (*day).seeDue},
		{"try a shorter timeout in a dry run", (*day).tryInDryRun},
		{"read the advice", (*day).readAdvice},
		{"paste it and watch it act", (*day).pasteAdvice},
		{"make a mistake and mend it", (*day).makeMistake},
		{"close one by hand", (*day).closeByHand},
		{"drain an endpoint", (*day).drainEndpoint},
		{"reload by a signal and rotate the log", (*day).signals},
		{"drain the gateway", (*day).drainGateway},
	} {
		done := whole.Run(step.name, func(t *testing.T) {
			d.T = t
			defer func() { d.T = whole }()
			step.do(d)
		})
		if !done {
			return // the steps to come count on this one
		}
	}
}

// onPage looks at the page, if there is a browser to see it with.
func (d *day) onPage(look func(*statusPage)) {
	d.Helper()
	step := d.T
	step.Run("page", func(t *testing.T) {
		if d.page == nil {
			t.Skip("needs chromium, chromium-browser or google-chrome, none of which is installed")
		}
		d.T, d.page.T = t, t
		defer func() { d.T = step }()
		look(d.page)
		d.page.checkFaults()
	})
	if step.Failed() {
		step.FailNow() // a step that goes on would wait for what the page did not do
	}
}

// edited is the policy file with another policy at its end.
func (d *day) edited(policies string) string {
	d.Helper()
	rest, _, found := strings.Cut(d.policy(), "policies:\n")
	if !found {
		d.Fatal("the policy file has no policies")
	}
	return rest + policies
}

// swapConfigMap edits the policy file as a mounted ConfigMap is edited: the folder that its link leads through is exchanged.
func swapConfigMap(t *testing.T, binary string) {
	text := fmt.Sprintf(dayPolicy, strings.Join(startBackends(t, 1), ", "))
	o := employ(t, binary, "")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	version := func(name, policy string) {
		folder := filepath.Join(o.dir, name)
		must(os.Mkdir(folder, 0o700))
		must(os.WriteFile(filepath.Join(folder, "idlegate.yaml"), []byte(policy), 0o600))
		must(os.Symlink(name, filepath.Join(o.dir, "..data_tmp")))
		must(os.Rename(filepath.Join(o.dir, "..data_tmp"), filepath.Join(o.dir, "..data")))
	}
	must(os.Remove(o.file))
	version("..2026_11_23", text+morning)
	must(os.Symlink("..data/idlegate.yaml", o.file))
	o.serve()
	f := &fleet{address: o.inLog(`msg=listening route=devices address=(\S+)`), stop: make(chan struct{})}
	defer func() { close(f.stop); f.running.Wait() }()
	silent, speaking := f.welcome(t, dead), f.welcome(t, talker)
	o.until("both are open", func() bool { return o.figure(`connections{route="devices"}`) == 2 })

	version("..2026_11_24", text+strings.Replace(morning, "12s", "1500ms", 1))
	o.until("the edit is in force", func() bool { return o.figure("config_generation") == 2 })
	o.says(o.does("reload"), `^nothing changed: what the file says was in force already\n$`)
	<-silent.ended
	o.until("its end is logged", func() bool { return o.logged(`client=`+silent.client()+` .*reason=idle_timeout`) == 1 })
	if !speaking.isOpen() {
		o.Error("the edit has ended the connection that speaks")
	}
	o.signal(syscall.SIGTERM)
	speaking.conn.Close()
	<-o.exited
	if o.failure != nil {
		o.Errorf("after SIGTERM the gateway ends with %v", o.failure)
	}
}
