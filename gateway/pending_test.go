package gateway_test

import (
	"strings"
	"testing"

	"idlegate/gateway"
	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

const pendable = `
gateway: {loops: 1}
upstreams: {u: {endpoints: ["127.0.0.1:1"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]
`

func (r *running) reload() api.Reload {
	r.t.Helper()
	done, err := r.g.Reload(r.t.Context())
	if err != nil || !done.OK {
		r.t.Fatalf("%+v, %v", done, err)
	}
	return done
}

// pending is what waits for a restart in the words of each place that tells it, which must agree.
func (r *running) pending() (all []string) {
	r.t.Helper()
	status, err := r.g.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range status.Config.Pending {
		all = append(all, c.Text)
		if !c.Restart {
			r.t.Errorf("%s is not said to need a restart", c.Text)
		}
	}
	if n := r.snapshot().Config.PendingRestart; n != len(all) {
		r.t.Errorf("the metric says that %d changes wait, the API %d", n, len(all))
	}
	return all
}

func TestWhatWaitsForARestartIsToldUntilItIsTakenBack(t *testing.T) {
	r, write := startFile(t, pendable)
	before := r.g.Effective()
	if all := r.pending(); len(all) > 0 || !strings.Contains(before.YAML, "loops: 1") {
		t.Fatalf("at the start %v wait", all)
	}
	write(strings.Replace(pendable, "loops: 1", "loops: 2, edit_grace: 1s", 1))
	for _, when := range []string{"at once", "when it is read again", "and again"} {
		done := r.reload()
		if len(done.Pending) != 1 || done.Pending[0].Text != "gateway.loops: 1 -> 2" || done.Generation != 2 {
			t.Errorf("%s: the reload says %+v", when, done)
		}
		if took := when == "at once"; took != (len(done.Changes) == 1 && done.Changes[0].Path == "gateway.edit_grace") || !took && len(done.Changes) > 0 {
			t.Errorf("%s: %v took effect", when, done.Changes)
		}
		if all := r.pending(); len(all) != 1 || all[0] != "gateway.loops: 1 -> 2" {
			t.Errorf("%s: %v wait", when, all)
		}
		if yaml := r.g.Effective().YAML; !strings.Contains(yaml, "loops: 1") || !strings.Contains(yaml, "edit_grace: 1s") {
			t.Errorf("%s: in force is\n%s", when, yaml)
		}
	}
	write(pendable)
	if done := r.reload(); len(done.Pending) > 0 || len(r.pending()) > 0 {
		t.Errorf("it was taken back, and %v wait", done.Pending)
	}
	if r.g.Effective().YAML != before.YAML {
		t.Errorf("in force is\n%s", r.g.Effective().YAML)
	}
}

func TestTheOperatorsAddressInForceIsShown(t *testing.T) {
	r := startAdmin(t, "admin: {listen: \"127.0.0.1:0\"}\n"+pendable)
	cfg, err := policy.Parse("test.yaml", []byte("admin: {listen: \"127.0.0.1:9999\", pprof: true}\n"+pendable))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.g.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	if all := r.pending(); len(all) != 2 {
		t.Errorf("%v wait", all)
	}
	if yaml := r.g.Effective().YAML; !strings.Contains(yaml, "127.0.0.1:0") || strings.Contains(yaml, "9999") || strings.Contains(yaml, "pprof: true") {
		t.Errorf("in force is\n%s", yaml)
	}
}

// TestAGenerationCountsChanges reads files that say the same, and some that do not.
func TestAGenerationCountsChanges(t *testing.T) {
	r, write := startFile(t, pendable)
	first := r.snapshot().Config
	edited := strings.Replace(pendable, "loops: 1", "loops: 1, edit_grace: 1s", 1)
	for _, step := range []struct {
		name, content string
		generation    uint64
		same          bool // the hash as at the start
	}{
		{"the same", pendable, 1, true},
		{"a comment more", pendable + "# comment\n", 1, true},
		{"a default written down", strings.Replace(pendable, "loops: 1", "loops: 1, edit_grace: 2s", 1), 1, true},
		{"another edit_grace", edited, 2, false},
		{"the same again", edited, 2, false},
		{"what waits for a restart", strings.Replace(pendable, "loops: 1", "loops: 2", 1), 3, true},
		{"as it was", pendable, 4, true},
	} {
		write(step.content)
		r.reload()
		now := r.snapshot().Config
		if now.Generation != step.generation || (now.Hash == first.Hash) != step.same || now.Hash>>53 > 0 || now.Hash == 0 {
			t.Errorf("%s: generation %d, want %d; hash %d, %d at the start", step.name, now.Generation, step.generation, now.Hash, first.Hash)
		}
		if !now.LastReloadSuccess.After(first.LastReloadSuccess) && step.name == "the same" {
			t.Error("the timestamp is not that of the reload")
		}
	}
	if done, err := r.g.ReloadFor(t.Context(), gateway.TriggerSignal); err != nil || done.Generation != 4 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestTheFileInForceIsShownWithItsWarningsFromTheStart(t *testing.T) {
	r := startAdmin(t, "admin: {listen: \"127.0.0.1:0\"}\n"+strings.Replace(pendable, "{long: {}}", "{long: {idle_timeout: none}}", 1))
	if all := r.g.Effective().Warnings; len(all) != 1 || !strings.Contains(all[0], "idle_timeout") {
		t.Errorf("the warnings are %q, want one of idle_timeout", all)
	}
}
