package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"idlegate/policy"
)

// swift is a pace for tests. What must not run out is long against the gap and what must is short against it, so that
// a busy machine changes nothing.
func swift() Pace {
	return Pace{
		Gap: 50 * time.Millisecond, Patient: 20 * time.Second, Hasty: time.Second, Unbroken: 500 * time.Millisecond,
		Trickle: 20 * time.Millisecond, Deadline: 2 * time.Second, Breath: time.Millisecond, Alone: 2 * time.Second, Grace: 10 * time.Second,
	}
}

func openStage(t *testing.T, pace Pace) *stage {
	t.Helper()
	s, err := open(Config{Pace: pace}, newNarrator(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFiveMessagesSpacedInsideTheTimeoutAllComeBack(t *testing.T) {
	s := openStage(t, swift())
	steady := cast(swift())[0]
	o := s.perform(t.Context(), steady)
	if !steady.keeps(o, swift().Grace) || o.back != 5 || o.logged != 5 {
		t.Errorf("promised was %s; seen was %s, %d messages in the log", steady.promise(), o, o.logged)
	}
}

func TestFiveMessagesSpacedBeyondTheTimeoutComeBackButForTheFirst(t *testing.T) {
	pace := swift()
	pace.Gap = 20 * time.Second
	s := openStage(t, pace)
	slow := cast(pace)[1]
	o := s.perform(t.Context(), slow)
	if !slow.keeps(o, pace.Grace) || o.back != 1 || o.logged != 1 {
		t.Errorf("promised was %s; seen was %s, %d messages in the log", slow.promise(), o, o.logged)
	}
}

func TestDemoIsAsPromisedAndLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t)
	pace := swift()
	pace.Gap, pace.Hasty = 2*time.Second, time.Second
	var out bytes.Buffer
	if err := Run(t.Context(), Config{Out: &out, Pace: pace}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"PASS: all of it was as promised.",
		`idlegate_connections_closed_total{reason="message_timeout",route="patient"} 1     as promised`,
		`idlegate_connections_closed_total{reason="heartbeat_only",route="watched"}`,
		`idlegate_messages_total{from="upstream",kind="heartbeat",route="watched"}`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
}

func TestThePolicyIsOnlyPrinted(t *testing.T) {
	var out bytes.Buffer
	if err := Run(t.Context(), Config{Out: &out, Pace: swift(), PrintPolicy: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Parse("demo.yaml", out.Bytes()); err != nil || !strings.Contains(out.String(), "short: {deadline: 2s}") {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestInterruptedDemoFailsAndLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	out := writerFunc(func(line []byte) {
		if bytes.Contains(line, []byte("went and came back")) {
			cancel()
		}
	})
	err := Run(ctx, Config{Out: out, Pace: swift()})
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("the error is %v", err)
	}
}

// While it goes on its page is there, and forty lively clients.
func TestServeGoesOnUntilInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var passed bool
	var all bytes.Buffer
	lively := make(chan bool, 1)
	page := regexp.MustCompile(`^  (http://127\.0\.0\.1:\d+)/`)
	out := writerFunc(func(line []byte) {
		all.Write(line)
		passed = passed || bytes.HasPrefix(line, []byte("\nPASS"))
		if at := page.FindSubmatch(line); at != nil {
			url := string(at[1])
			go func() {
				lively <- awaitFleet(ctx, url)
				cancel()
			}()
		}
	})
	pace := swift()
	pace.Gap, pace.Hasty = 2*time.Second, time.Second
	if err := Run(ctx, Config{Out: out, Pace: pace, Serve: true}); err != nil || !passed {
		t.Fatalf("passed %v, error %v\n%s", passed, err, &all)
	}
	if !<-lively {
		t.Error("there were no lively clients at the gateway of the page")
	}
}

// awaitFleet waits until the gateway at a URL has most of the lively clients, and messages of them.
func awaitFleet(ctx context.Context, url string) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	transport := &http.Transport{DisableKeepAlives: true}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/status", nil)
		if err != nil {
			return false
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			continue
		}
		var status struct{ Connections int }
		err = json.NewDecoder(response.Body).Decode(&status)
		response.Body.Close()
		if err == nil && status.Connections > livelyClients/2 {
			return true
		}
	}
}

func TestPromisesThatAreNotKept(t *testing.T) {
	pace := RealTime()
	parts := cast(pace)
	steady, slow, busy := parts[0], parts[1], parts[4]
	kept := outcome{sent: 1, back: 1, closed: true, held: pace.Hasty, reason: "idle_timeout", logged: 1}
	rows := []struct {
		name string
		part part
		edit func(*outcome)
		want bool
	}{
		{"as promised", slow, func(*outcome) {}, true},
		{"a nanosecond early", slow, func(o *outcome) { o.held-- }, false},
		{"late within grace", slow, func(o *outcome) { o.held += pace.Grace }, true},
		{"later than grace", slow, func(o *outcome) { o.held += pace.Grace + 1 }, false},
		{"another reason", slow, func(o *outcome) { o.reason = "message_timeout" }, false},
		{"no message back", slow, func(o *outcome) { o.back = 0 }, false},
		{"one message too many back", slow, func(o *outcome) { o.back = 2 }, false},
		{"a message that the log does not count", slow, func(o *outcome) { o.logged = 0 }, false},
		{"a message that only the log counts", slow, func(o *outcome) { o.logged = 2 }, false},
		{"not closed by the gateway", slow, func(o *outcome) { o.closed = false }, false},
		{"a client that could not connect", slow, func(o *outcome) { o.failure = errors.New("refused") }, false},
		{"steady closed by the gateway", steady, func(o *outcome) { *o = outcome{sent: 5, back: 5, logged: 5, closed: true, reason: "client_fin"} }, false},
		{"busy, its last message cut off", busy, func(o *outcome) {
			*o = outcome{sent: 9, back: 8, logged: 9, closed: true, held: pace.Deadline, reason: "deadline"}
		}, true},
		{"busy, two messages lost", busy, func(o *outcome) {
			*o = outcome{sent: 9, back: 7, logged: 9, closed: true, held: pace.Deadline, reason: "deadline"}
		}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := kept
			row.edit(&o)
			if got := row.part.keeps(o, pace.Grace); got != row.want {
				t.Errorf("kept is %v, want %v: %+v", got, row.want, o)
			}
		})
	}
}

func TestMetricsThatDoNotAgreeAreBroken(t *testing.T) {
	parts := cast(RealTime())[:2]
	outcomes := []outcome{{logged: 5}, {logged: 1}}
	figures := map[string]float64{
		`idlegate_connections_closed_total{reason="client_fin",route="patient"}`:     1,
		`idlegate_connections_closed_total{reason="idle_timeout",route="hasty"}`:     2,
		`idlegate_messages_total{from="client",kind="data",route="patient"}`:         5,
		`idlegate_messages_total{from="client",kind="data",route="brief"}`:           0,
		`idlegate_connections_closed_total{reason="idle_timeout",route="elsewhere"}`: 7,
	}
	var broken []string
	for _, c := range expectations(parts, outcomes, figures) {
		if !c.kept {
			broken = append(broken, c.name)
		}
	}
	want := []string{
		`idlegate_connections_closed_total{reason="idle_timeout",route="hasty"}`, // one too many
		`idlegate_messages_total{from="client",kind="data",route="hasty"}`,       // missing
	}
	if strings.Join(broken, " ") != strings.Join(want, " ") {
		t.Errorf("broken are %q, want %q", broken, want)
	}
}

// writerFunc hands each write to a function.
type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}
