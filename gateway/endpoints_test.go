package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"idlegate/gateway/internal/names"
	"idlegate/policy"
)

// parsed is a policy whose admin section is not of interest.
func parsed(t *testing.T, yaml string) *policy.Config {
	t.Helper()
	cfg, err := policy.Parse("test.yaml", []byte("admin: {listen: \"127.0.0.1:0\"}\n"+yaml))
	must(t, err)
	return cfg
}

// book is what is known of names.
type book map[string][]string

func (b book) Addresses(host string) (all []netip.Addr, err error) {
	for _, a := range b[host] {
		all = append(all, netip.MustParseAddr(a))
	}
	if len(all) == 0 {
		return nil, errors.New("no such host")
	}
	return all, nil
}

func TestAnEndpointStaysWhereItsNameServerGivesAddressesInTurn(t *testing.T) {
	a, err := policy.ParseAddress("backends.example:9000")
	must(t, err)
	at := locate(a, nil, book{})
	if at != nil {
		t.Errorf("it is at %s, though nothing is known", at)
	}
	answers := [][]string{{"10.0.0.1", "10.0.0.2", "fd00::1"}, {"10.0.0.2", "10.0.0.1"}, {}, {"10.0.0.3", "10.0.0.2"}}
	for turn, want := range []string{"10.0.0.1:9000", "10.0.0.1:9000", "10.0.0.1:9000", "10.0.0.3:9000"} {
		if at = locate(a, at, book{"backends.example": answers[turn]}); at.String() != want {
			t.Errorf("answer %d: the endpoint is at %s, want %s", turn, at, want)
		}
	}
}

func TestAnEndpointOutlivesAnEdit(t *testing.T) {
	const yaml = `
upstreams: {u: {endpoints: ["10.0.0.1:9000", "10.0.0.2:9000"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`
	before, err := compile(parsed(t, yaml), nil, 1, book{})
	must(t, err)
	after, err := compile(parsed(t, strings.Replace(yaml, `"10.0.0.1:9000", "10.0.0.2:9000"`, `"10.0.0.3:9000", {address: "10.0.0.2:9000", weight: 3}`, 1)), before, 1, book{})
	must(t, err)
	was, is := before.upstreams[0].set.Members, after.upstreams[0].set.Members
	if was[1].Endpoint != is[1].Endpoint || is[1].Weight != 3 || before.has(is[0].Endpoint) {
		t.Error("an endpoint that stays is another, or one that is new is not")
	}
	seen := map[any]bool{}
	for _, m := range []any{was[0].ID, was[1].ID, is[0].ID} {
		seen[m] = true
	}
	if len(seen) != 3 {
		t.Errorf("three endpoints have %d ids", len(seen))
	}
}

// lines collects the log of a gateway.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// runNamed runs a gateway whose names are looked up by lookup.
func runNamed(t *testing.T, yaml string, lookup names.Lookup) (*Gateway, *lines) {
	t.Helper()
	log := &lines{}
	g, err := New(Config{Policy: parsed(t, yaml), Logger: slog.New(slog.NewTextHandler(log, nil)), lookup: lookup})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return g, log
}

const named = `
upstreams: {u: {endpoints: ["backend.example:9000"]}, v: {endpoints: ["10.0.0.9:9000"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}
  - {name: s, listen: "127.0.0.1:0", protocol: raw, upstream: v, policy: {long: {}}}`

func TestAGatewayStartsAndIsEditedWhileNoNameServerAnswers(t *testing.T) {
	for name, lookup := range map[string]names.Lookup{
		"an error": func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no name server") },
		"silence": func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, log := runNamed(t, named, lookup)
			soon(t, func() bool { return log.has("endpoint backend.example:9000 of upstream u") })
			changes, err := g.Apply(parsed(t, strings.Replace(named, "{long: {}}", "{long: {idle_timeout: 7s}}", 1)))
			if err != nil || len(changes) != 1 {
				t.Errorf("a timeout cannot be edited: %v, %v", changes, err)
			}
			changes, err = g.Apply(parsed(t, strings.Replace(named, "10.0.0.9:9000", "other.example:9000", 1)))
			if err != nil || len(changes) == 0 {
				t.Errorf("a name that does not resolve cannot be added: %v, %v", changes, err)
			}
			if warnings := g.unresolved(); len(warnings) != 2 || !strings.Contains(warnings[1], "other.example") {
				t.Errorf("warnings are %q, want one of each name", warnings)
			}
			upstreams, err := g.Upstreams(t.Context())
			must(t, err)
			if e := upstreams.Upstreams[0].Endpoints[0]; e.Healthy || e.Resolved != "" || e.State() != "unresolved" {
				t.Errorf("the endpoint is %+v", e)
			}
			soon(t, func() bool { return log.has("upstream has no healthy endpoint left") })
		})
	}
}

func TestANameThatResolvesLaterGetsConnections(t *testing.T) {
	answer, failure := make(chan struct{}), make(chan error)
	lookup := func(ctx context.Context, _ string) ([]netip.Addr, error) {
		select {
		case err := <-failure:
			return nil, err
		case <-answer:
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	g, log := runNamed(t, named, lookup)
	soon(t, func() bool { return log.has("upstream has no healthy endpoint left") })
	failure <- errors.New("no name server")
	soon(t, func() bool { return log.has("name does not resolve") })
	if log.has("what was last known of it stays") {
		t.Error("the log speaks of a last known address where there is none")
	}
	close(answer)
	soon(t, func() bool {
		upstreams, err := g.Upstreams(t.Context())
		must(t, err)
		return upstreams.Upstreams[0].Endpoints[0].Resolved == "127.0.0.1:9000"
	})
	soon(t, func() bool { return log.has("upstream has a healthy endpoint again") })
	if warnings := g.unresolved(); len(warnings) > 0 {
		t.Errorf("warnings are %q", warnings)
	}
}

// soon waits until holds does.
func soon(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("not so after a minute")
		}
	}
}

func (b book) Answer(names.Query) names.Answer { return names.Answer{} }
