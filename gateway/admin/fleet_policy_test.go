package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"idlegate/gateway/admin/api"
)

// breakFile makes the policy file wrong on line 14, or right again.
func (f *fleet) breakFile(broken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = broken
}

// takeBack takes back what waits for a restart.
func (f *fleet) takeBack() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config.Pending = nil
}

func (f *fleet) Reload(context.Context) (api.Reload, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.failure != nil {
		return api.Reload{}, f.failure
	}
	if !f.broken {
		f.config.Generation++
		f.config.LoadedAt = now
	}
	f.config.LastReload = f.reloaded(now, "call")
	if f.config.LastReload.OK {
		f.config.Pending = f.config.LastReload.Pending
	}
	return *f.config.LastReload, nil
}

func (f *fleet) Listen(ctx context.Context, ready func(past []api.Event) error, heard func(api.Event) error) error {
	own := make(chan api.Event, 64)
	f.mu.Lock()
	failure := f.failure
	f.hear = append(f.hear, own)
	past := slices.Clone(f.past)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hear = slices.DeleteFunc(f.hear, func(other chan api.Event) bool { return other == own })
	}()
	if failure != nil {
		return failure
	}
	if err := ready(past); err != nil {
		return err
	}
	for {
		select {
		case e, more := <-own:
			if !more {
				return errors.New("events were lost")
			}
			if err := heard(e); err != nil {
				return err
			}
		case e, more := <-f.events:
			if !more {
				return errors.New("events were lost")
			}
			if err := heard(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fleet) StopRoute(name string) error  { return f.order(name, "stop") }
func (f *fleet) DrainRoute(name string) error { return f.order(name, "drain") }
func (f *fleet) StartRoute(name string) error { return f.order(name, "") }

func (f *fleet) order(name, deed string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.checkRoute(name); err != nil {
		return err
	}
	f.stopped[name] = deed
	return nil
}

func (f *fleet) Note(d api.Deed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noted = append(f.noted, d)
	f.say(api.Event{Kind: api.EventDeed, At: f.now(), Deed: &d})
}

func (f *fleet) Previous(ctx context.Context) (api.Reload, error) { return f.Reload(ctx) }

func (f *fleet) Plan(_ context.Context, text []byte) (api.Plan, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans = append(f.plans, string(text))
	r := f.reloaded(f.now(), "call")
	p := api.Plan{
		OK: r.OK, Generation: r.Generation, Changes: r.Changes, Pending: r.Pending, Warnings: r.Warnings, Error: r.Error, Problems: r.Problems,
		EditGraceSeconds: 2, DrainTimeoutSeconds: new(30.0),
	}
	if r.OK {
		p.Routes = []api.PlannedRoute{{
			Route: "devices", Becomes: "kept", Connections: 220, AtOnce: map[string]int{"idle_timeout": len(text)},
		}}
	}
	return p, f.failure
}

// reloaded is what a reading of the policy file gives. The caller holds mu.
func (f *fleet) reloaded(at time.Time, trigger string) *api.Reload {
	r := &api.Reload{At: at, Trigger: trigger, OK: !f.broken, Generation: f.config.Generation}
	if f.broken {
		r.Error = "/etc/idlegate/idlegate.yaml has 1 problem"
		r.Problems = []api.Problem{{
			File: "/etc/idlegate/idlegate.yaml", Line: 14, Column: 21,
			Text:   `policies.devices.long.idle_timeout: "90" has no unit; write 90s if that was meant`,
			Source: "      idle_timeout: 90",
		}}
		return r
	}
	r.Changes = []api.Change{
		{
			Path: "policies.devices.long.idle_timeout", From: "2m", To: "1m30s",
			Text: "policy devices: idle_timeout is 1m30s, was 2m; it acts on open connections of devices",
		},
	}
	r.Pending = []api.Change{{Path: "gateway.loops", From: "2", To: "4", Text: "gateway.loops is 4, was 2, from the next start on", Restart: true}}
	r.Warnings = []string{"idlegate.yaml:31:5: routes[2].policy.short: deadline is 5m, which is long for a short policy"}
	return r
}

func (f *fleet) Process() api.Process {
	return api.Process{
		Now: f.now(), Version: "1.2.0", GoVersion: "go1.26", Platform: "linux/amd64", Kernel: "6.1.0", PID: 4711, StartedAt: f.now(), CPUs: 2, MaxProcs: 3, Loops: 2,
		DescriptorLimit: 20000, MemoryLimit: 1 << 62, Goroutines: 1, Stacks: "goroutine profile: total 1", LogLevel: "info", LogLines: []string{"msg=started"},
	}
}

func (f *fleet) Effective() api.Effective {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.Effective{Config: f.config, Warnings: []string{"idlegate.yaml:31:5: routes[2].policy.short: deadline is 5m, which is long for a short policy"}, YAML: "policies:\n  devices:\n    long:\n      idle_timeout: 1m30s\n"}
}

func (f *fleet) Policies() api.Policies {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.Policies{Policies: []api.Policy{
		{Name: "devices", Kind: "long", Routes: []string{"devices"}, Timers: []api.PolicyTimer{
			{Timer: "idle_timeout", ValueSeconds: new(cmp.Or(f.idle, 90*time.Second).Seconds()), From: "idlegate.yaml:14", DryRunSeconds: new(30.0)},
			{Timer: "message_timeout", ValueSeconds: new(10.0), From: "default"},
			{Timer: "max_lifetime", From: "default"},
		}},
		{Name: "chats", Kind: "long", Routes: []string{"chat"}, DryRun: true, Timers: []api.PolicyTimer{
			{Timer: "idle_timeout", ValueSeconds: new(600.0), From: "idlegate.yaml:20"},
		}},
		{Kind: "short", Routes: []string{"tills"}, Timers: []api.PolicyTimer{
			{Timer: "deadline", ValueSeconds: new(300.0), From: "idlegate.yaml:31"},
		}},
	}}
}

// pauses are why the connection is not read.
func (m *member) pauses() []string {
	if m.state == api.Connecting {
		return []string{"dialling"}
	}
	return []string{}
}

func (f *fleet) Explain(_ context.Context, id uint64) (api.Explanation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.settle()
	m, err := f.member(id)
	if err != nil {
		return api.Explanation{}, err
	}
	c := m.connection(now, f.leaving || f.drained[m.endpoint])
	e := api.Explanation{
		Connection: c, Policy: m.route.policy, Kind: m.route.kind, Protocol: m.route.protocol, Close: "fin",
		Generation: f.config.Generation, ReadPaused: m.state == api.Connecting, ReadPausedFor: m.pauses(), Rates: []api.RateLimit{}, Peers: []api.Peer{{Side: "client"}, {Side: "upstream"}},
		Timers: []api.Timer{
			m.timer(c),
			{Timer: "message_timeout", ValueSeconds: new(10.0), From: "default", Standing: "waiting"},
			{Timer: "first_message_timeout", From: "default", Standing: "off"},
			{Timer: "write_timeout", Side: "client", ValueSeconds: new(30.0), From: "default", Standing: "waiting"},
			{Timer: "write_timeout", Side: "upstream", ValueSeconds: new(30.0), From: "default", Standing: "waiting"},
		},
	}
	if m.route.kind == "long" {
		e.ResetOn = "client"
	}
	if c.State == api.Draining {
		e.Draining = &api.Drain{Reason: "drained", DueSeconds: new(21.5)}
	}
	return e, nil
}

// timer is the one that ends a member.
func (m *member) timer(c api.Connection) api.Timer {
	t := api.Timer{
		Timer: m.route.timer, ValueSeconds: new(m.route.timeout.Seconds()), From: "idlegate.yaml:14", Standing: "running",
		Since: "the client's last message", SinceSeconds: new(c.SilenceSeconds), DueSeconds: c.DueSeconds,
	}
	if m.route.kind == "short" {
		t.Since, t.SinceSeconds, t.From = "accept", new(c.AgeSeconds), "idlegate.yaml:31"
	}
	if m.state == api.Connecting {
		t.Standing, t.Since, t.SinceSeconds, t.Waits = "still", "", nil, "the client is not being read"
	}
	if m.route.name == "devices" {
		t.DryRun = &api.DryRun{ValueSeconds: 30, From: "idlegate.yaml:17", Counted: c.SilenceSeconds > 30}
		if !t.DryRun.Counted {
			t.DryRun.DueSeconds = new(30 - c.SilenceSeconds)
		}
	}
	return t
}

func (f *fleet) Advise(_ context.Context, q api.AdviceQuery) (api.Advices, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var advices api.Advices
	for _, r := range f.routes {
		if q.Route != "" && q.Route != r.name || q.Timer != "" && q.Timer != "idle_timeout" {
			continue
		}
		a := api.Advice{
			Route: r.name, Policy: r.policy, Kind: r.kind, Timer: "idle_timeout", Certainty: "none", ObservedSeconds: f.now().Sub(f.started).Seconds(),
			Connections: 40_000, Enough: r.kind == "long", Reasons: []string{"a short policy has no idle_timeout"},
		}
		if r.kind == "long" {
			a.Certainty, a.Basis = "fair", "It follows from 40,000 connections."
			a.InForceSeconds, a.RecommendedSeconds = new(r.timeout.Seconds()), new(r.timeout.Seconds()*2/3)
			a.Reasons = []string{fmt.Sprintf("it would have cut 3 of 40000 connections that spoke again, within the tolerance of %g", q.Tolerance)}
			a.YAML = fmt.Sprintf("policies:\n  %s:\n    long:\n      idle_timeout: %ds\n", r.policy, int(*a.RecommendedSeconds))
			a.Candidates = []api.Candidate{
				{TimeoutSeconds: 30, CutSpoke: 512, CutDead: 900, ReclaimedHours: 120.5},
				{TimeoutSeconds: *a.RecommendedSeconds, CutSpoke: 3, CutDead: 880, ReclaimedHours: 96},
				{TimeoutSeconds: 3600, ReclaimedHours: 1, Unknown: true},
			}
		}
		if r.name == "devices" {
			a.DryRunSeconds, a.DryRunCounted, a.DryRunFalseCuts = new(30.0), 518, 512
		}
		advices.Advices = append(advices.Advices, a)
	}
	return advices, f.checkRoute(q.Route)
}
