package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// TestALookUpEndsWithTheReloadThatNeedsIt asks a name server that never answers.
func TestALookUpEndsWithTheReloadThatNeedsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{})
	mute := resolver{lookup: func(ctx context.Context, _ string) ([]netip.Addr, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	done := make(chan error, 1)
	go func() {
		_, err := mute.within(ctx).host("backend.example")
		done <- err
	}()
	<-asked
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// TestAnEditThatIsStuckHoldsUpNoCommand takes the turn, as an edit does that waits for a name server.
func TestAnEditThatIsStuckHoldsUpNoCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "idlegate.yaml")
	const yaml = `
upstreams: {u: {endpoints: ["127.0.0.1:1"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`
	must(t, os.WriteFile(file, []byte(yaml), 0o600))
	g, err := New(Config{Policy: parsed(t, yaml), File: file, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	must(t, g.takeTurn(ctx))
	must(t, g.DrainEndpoint("u", "127.0.0.1:1"))
	must(t, g.ReopenLog())
	short, cancel := context.WithCancel(ctx)
	given := make(chan error, 1)
	go func() {
		_, err := g.Reload(short)
		given <- err
	}()
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("a reload that is given up: %v", err)
	}
	g.Drain()
	must(t, <-ended)
	stop()
}

// TestAReadingThatWasOvertakenHasNoSay begins two, of which the later one ends first.
func TestAReadingThatWasOvertakenHasNoSay(t *testing.T) {
	g := &Gateway{generation: &generation{number: 1}, log: &journal{logger: slog.New(slog.DiscardHandler)}}
	first, second := reading{number: g.beginRead()}, reading{number: g.beginRead()}
	second.done.OK = true
	g.conclude(&second)
	first.err = errors.New("it took too long")
	first.done.Error = first.err.Error()
	g.conclude(&first)
	if last := g.lastReload; last == nil || !last.OK {
		t.Errorf("the last reload is said to be %+v", last)
	}
	if !g.isKnown(&first) {
		t.Error("the content that was read first would take over")
	}
}
