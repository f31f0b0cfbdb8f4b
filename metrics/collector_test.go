package metrics

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// example has something in every metric.
func example() Snapshot {
	s := Snapshot{
		Routes: []Route{{
			Name: "devices", Connections: 3, Opened: 10,
			Closed:   map[string]uint64{"client_fin": 5, "idle_timeout": 2, "protocol_error": 0},
			Refused:  map[string]uint64{"denied": 4, "over_capacity": 0},
			Timeouts: []TimeoutCount{{"idle_timeout", ActionClosed, 2}, {"idle_timeout", ActionObserved, 0}},
			Messages: [sides]uint64{FromClient: 112, FromUpstream: 91}, Heartbeats: [sides]uint64{FromClient: 12, FromUpstream: 1}, Opaque: 2,
			Probes: map[string]uint64{"answered": 5, "unanswered": 1},
			Bytes:  [sides]uint64{FromClient: 6400, FromUpstream: 5760},
		}},
		Upstreams: []Upstream{{
			Name: "device_servers", Retries: 4, Lookups: &Lookups{OK: 12, Failed: 2, Failing: true},
			Endpoints: []Endpoint{
				{Address: "10.0.0.11:9000", Connections: 3, Healthy: true, Connects: map[string]uint64{"ok": 10, "refused": 1}, Closed: map[string]uint64{"upstream_reset": 2}},
				{Address: "unix:/run/devices.sock", Connects: map[string]uint64{"ok": 0, "refused": 0}},
			},
		}},
		BufferLimit: 1 << 20, Draining: true, LoopsBusy: []time.Duration{2500 * time.Millisecond, time.Second}, AdminRequests: map[int]uint64{200: 12, 404: 1},
		BufferBytes: 4096, ConnectionsMax: 50000, AcceptPaused: true, AcceptPauses: 1500 * time.Millisecond, LogDropped: 7,
		Certificates: []Certificate{{Name: "d.pem", Expires: time.Unix(1800000000, 0)}},
		Config:       ConfigState{Generation: 2, PendingRestart: 1, Hash: 81985529216486, LastReloadSuccessful: true, LastReloadSuccess: time.UnixMilli(1700000000250)},
	}
	r := &s.Routes[0]
	r.Lateness.ObserveN(900*time.Microsecond, 2)
	r.Duration.ObserveN(90*time.Second, 7)
	r.Gap.ObserveN(2*time.Second, 99)
	r.Silence.ObserveN(40*time.Second, 3)
	r.FalseCuts, r.Limit = 6, 50
	r.Values = []TimeoutValue{{"idle_timeout", 90 * time.Second}, {"message_timeout", 10 * time.Second}}
	r.Probe.ObserveN(3*time.Millisecond, 5)
	s.Upstreams[0].Connect.ObserveN(500*time.Microsecond, 10)
	return s
}

func registry(s Snapshot) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{descs: newDescs(), snapshot: &s})
	return r
}

func TestPageIsTheOneInTestdata(t *testing.T) {
	want, err := os.Open("testdata/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if err := testutil.GatherAndCompare(registry(example()), want); err != nil {
		t.Error(err)
	}
}

func TestPromlintHasNothingToSay(t *testing.T) {
	problems, err := testutil.GatherAndLint(registry(example()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestNeverReloadedGatewayShowsTimestampZero(t *testing.T) {
	want := `
# HELP idlegate_config_last_reload_success_timestamp_seconds When a policy file was accepted last, as Unix time. 0 if none was.
# TYPE idlegate_config_last_reload_success_timestamp_seconds gauge
idlegate_config_last_reload_success_timestamp_seconds 0
`
	err := testutil.GatherAndCompare(registry(Snapshot{}), strings.NewReader(want),
		"idlegate_config_last_reload_success_timestamp_seconds")
	if err != nil {
		t.Error(err)
	}
}

func TestLabelThatIsNotUTF8FailsTheScrapeAndNotTheProcess(t *testing.T) {
	for name, spoil := range map[string]func(*Snapshot){
		"on a counter":   func(s *Snapshot) { s.Routes[0].Closed["\xff"] = 1 },
		"on a histogram": func(s *Snapshot) { s.Upstreams[0].Name = "\xff"; s.Upstreams[0].Endpoints = nil },
	} {
		s := example()
		spoil(&s)
		if _, err := registry(s).Gather(); err == nil || !strings.Contains(err.Error(), `\xff`) {
			t.Errorf("%s: Gather gives %v, want an error that quotes the label", name, err)
		}
	}
}
