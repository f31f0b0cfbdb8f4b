package top

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"idlegate/gateway/admin/api"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// busy is a gateway with two routes, between two looks that lay two seconds apart.
func busy() (before, now Answers) {
	at := func(when time.Time, opened, messages, idle, fins uint64) Answers {
		due := 41.17
		return Answers{
			Status: api.Status{
				Version: "v0.4.0", Now: when, StartedAt: noon().Add(-73 * time.Hour), Ready: true,
				Connections: 1206, ConnectionsMax: 50000, BufferBytes: 1310720, Config: api.Config{Generation: 3},
			},
			Routes: api.Routes{Now: when, Routes: []api.Route{
				{
					Name: "devices", Connections: 1204, Opened: opened, ClientMessages: messages, UpstreamMessages: messages / 100,
					Closed: map[string]uint64{"idle_timeout": idle, "client_fin": fins, "client_reset": fins, "drained": fins / 2, "killed": 7},
				},
				{Name: "lines", Connections: 2, Opened: 12, ClientMessages: 40, UpstreamMessages: 40, Closed: map[string]uint64{"deadline": 10}},
			}},
			Silences: api.Silences{Silences: []api.Silence{{Route: "devices", Due: 12}}},
			Connections: api.Connections{Total: 1206, Connections: []api.Connection{
				{
					ID: 17, Route: "devices", Client: "10.0.3.7:50412", Endpoint: "10.0.0.11:9000", State: api.Open, AgeSeconds: 11152,
					SilenceSeconds: 48.83, ClientMessages: 1204, ClientBytes: 81234, NextTimer: "idle_timeout", DueSeconds: &due,
				},
				{ID: 203, Route: "lines", Client: "unix", State: api.Waiting, AgeSeconds: 0.24, SilenceSeconds: 0.24},
			}},
		}
	}
	return at(noon(), 88000, 9120000, 80000, 100), at(noon().Add(2*time.Second), 88003, 9126800, 80004, 102)
}

func model() Model {
	return Model{Sample: sample(busy()), Address: "127.0.0.1:9180", Sort: "due", Keys: true}
}

// update writes the goldens again.
var update = flag.Bool("update", false, "write the goldens")

func TestFrames(t *testing.T) {
	first, _ := busy()
	for name, c := range map[string]struct {
		change        func(*Model)
		width, height int
	}{
		"wide": {width: 140, height: 20},
		"without_bounds": {change: func(m *Model) {
			m.Keys = false
		}},
		"first_look_has_no_rates": {width: 140, height: 16, change: func(m *Model) {
			m.Sample = sample(Answers{}, first)
		}},
		"usual":  {width: 80, height: 24},
		"narrow": {width: 60, height: 16},
		"low":    {width: 100, height: 8},
		"of_one_route_by_silence": {width: 120, height: 16, change: func(m *Model) {
			m.Route, m.Sort = "lines", "-silence"
		}},
		"more_routes_than_room": {width: 100, height: 18, change: func(m *Model) {
			for i := range 30 {
				m.Sample.Routes = append(m.Sample.Routes, Route{Route: api.Route{Name: fmt.Sprint("route_", i)}})
			}
		}},
		"gone": {width: 140, height: 16, change: func(m *Model) {
			m.Gone, m.GoneFor = "no gateway answers at 127.0.0.1:9180: connection refused", 12*time.Second
		}},
		"gone_from_the_start": {width: 140, height: 8, change: func(m *Model) {
			*m = Model{Address: m.Address, Gone: "no gateway answers at 127.0.0.1:9180: connection refused", Keys: true, Sort: "due"}
		}},
		"events": {width: 120, height: 32, change: happens},
		"events_of_one_route": {change: func(m *Model) {
			happens(m)
			m.Route, m.Keys = "lines", false
		}},
		"unheard": {width: 140, height: 14, change: func(m *Model) { m.Unheard = "the gateway at 127.0.0.1:9180 has ended the stream: it stops" }},
		"storm":   {width: 140, height: 12, change: func(m *Model) { m.Unheard = storm }},
		"full":    {width: 140, height: 8, change: func(m *Model) { m.Sample.Status.AcceptPaused = true }},
		"by_hand": {width: 140, height: 12, change: func(m *Model) {
			m.Sample.Status.ByHand = []api.HandSetting{{
				What: "route devices takes no clients", Since: m.Sample.Status.Now.Add(-2 * time.Minute), Undo: "idlegate route start devices",
			}}
		}},
		"in_trouble": {width: 140, height: 16, change: func(m *Model) {
			m.Sample.Status.Ready, m.Sample.Status.Reason = false, "draining"
			wrong := func(kind api.AlarmKind, level api.AlarmLevel, ago time.Duration, text, do string) {
				now := m.Sample.Status.Now
				m.Sample.Status.Alarms = append(m.Sample.Status.Alarms, api.Alarm{Kind: kind, Level: level, Since: now.Add(-ago), Text: text, Do: do})
			}
			wrong(api.AlarmFileRefused, api.AlarmError, 3*time.Minute, "the policy file is refused (idlegate.yaml has 2 problems\x1b[2J)", "mend the file")
			wrong(api.AlarmRefusals, api.AlarmWarning, 12*time.Second, "route devices has refused 7 clients", "idlegate routes says why")
			for range 5 {
				wrong(api.AlarmLogDropped, api.AlarmWarning, time.Hour, "1402 lines of the log were lost", "log less")
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := model()
			if c.change != nil {
				c.change(&m)
			}
			lines := Frame(m, c.width, c.height)
			for i, line := range lines {
				lines[i] = strings.TrimRight(line, " ") // a golden has none
			}
			golden(t, name, strings.Join(lines, "\n")+"\n")
		})
	}
}

// happens makes something happen.
func happens(m *Model) {
	at := m.Sample.Status.Now
	m.Happened = []api.Event{
		{Kind: api.EventAlarm, At: at, Alarm: &api.Alarm{Kind: api.AlarmRouteFull, Level: api.AlarmError, Text: "route devices is full"}},
		{Kind: api.EventReload, At: at.Add(-time.Minute), Reload: &api.Reload{OK: true, Trigger: "file", Generation: 3, Changes: make([]api.Change, 1)}},
	}
	for i := range 9 {
		m.Ended = append(m.Ended, api.Event{Kind: api.EventEnded, At: at.Add(-time.Duration(i) * time.Second), Ended: &api.Ended{
			ID: uint64(90 - i), Route: []string{"devices", "lines"}[i%2], Client: "10.0.3.9:4000", Endpoint: "10.0.0.11:9000", Reason: "idle_timeout", DurationSeconds: 300,
		}})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// However small the terminal is, a frame fits into it: one line more would scroll it.
func TestFrameFits(t *testing.T) {
	m := model()
	happens(&m)
	m.Unheard = "it stops"
	for width := 1; width < 150; width += 7 {
		for height := 1; height < 30; height++ {
			lines := Frame(m, width, height)
			if len(lines) != height {
				t.Errorf("%d by %d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > width {
					t.Errorf("%d by %d: a line of %d: %q", width, height, n, line)
				}
			}
		}
	}
}

func TestPainted(t *testing.T) {
	got := painted([]string{"head", "line"})
	if want := "\x1b[H\x1b[7mhead\x1b[m\x1b[K\r\nline\x1b[K\x1b[J"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
