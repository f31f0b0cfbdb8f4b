package gateway

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/slogtest"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/policy"
)

// adopts prepares and adopts a log section.
func adopts(t *testing.T, j *journal, cfg policy.Log) {
	t.Helper()
	l, err := j.prepare(t.Context(), cfg)
	must(t, err)
	j.adopt(l)
}

func TestEveryLoggerFollowsAnAdoptedLogSection(t *testing.T) {
	stderr, dir := standardError(t), t.TempDir()
	text, lines := filepath.Join(dir, "text"), filepath.Join(dir, "json")
	j := journalOf(t, policy.Log{Level: policy.LevelInfo, File: policy.File{Path: text}})
	derived := j.logger.With("part", "admin").WithGroup("call").With("path", "/")
	say := func(what string) {
		j.logger.Debug(what)
		derived.Info(what, "n", 1)
	}
	say("first")
	adopts(t, j, policy.Log{Level: policy.LevelDebug, Format: policy.FormatJSON, File: policy.File{Path: lines}})
	say("second")
	adopts(t, j, policy.Log{Level: policy.LevelWarn, File: policy.File{Path: lines}})
	say("third")
	adopts(t, j, policy.Log{Level: policy.LevelDebug})
	say("fourth")
	adopts(t, j, policy.Log{Level: policy.LevelInfo, File: policy.File{Path: text}})
	say("fifth")
	j.close()

	const tail = " part=admin call.path=/ call.n=1\n"
	if got, want := timeless(t, text), "level=INFO msg=first"+tail+"level=INFO msg=fifth"+tail; got != want {
		t.Errorf("the first file has\n%swant\n%s", got, want)
	}
	if got, want := timeless(t, lines), `"level":"DEBUG","msg":"second"}
"level":"INFO","msg":"second","part":"admin","call":{"path":"/","n":1}}
`; got != want {
		t.Errorf("the second file has\n%swant\n%s", got, want)
	}
	if got, want := timeless(t, stderr), "level=DEBUG msg=fourth\nlevel=INFO msg=fourth"+tail; got != want {
		t.Errorf("standard error has\n%swant\n%s", got, want)
	}
}

// timeless returns the lines of a file without the time that each begins with.
func timeless(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(contentOf(t, path)) {
		_, rest, _ := strings.Cut(line, "level")
		if strings.HasPrefix(line, "{") {
			b.WriteByte('"')
		}
		b.WriteString("level" + rest)
	}
	return b.String()
}

func TestConnectionsAreLoggedAsAdopted(t *testing.T) {
	for _, row := range []struct {
		connections policy.LogConnections
		want        []int
	}{
		{policy.ConnectionsAll, []int{1, 2}},
		{policy.ConnectionsFaults, []int{2}},
		{policy.ConnectionsNone, nil},
	} {
		for _, former := range []policy.LogConnections{policy.ConnectionsAll, policy.ConnectionsFaults, policy.ConnectionsNone} {
			path := filepath.Join(t.TempDir(), "log")
			j := journalOf(t, policy.Log{Connections: former, File: policy.File{Path: path}})
			adopts(t, j, policy.Log{Connections: row.connections, File: policy.File{Path: path}})
			j.Ended(endOf(1, session.ClientFIN))
			j.Ended(endOf(2, session.IdleTimeout))
			j.close()
			if ids := idsIn(t, contentOf(t, path)); !slices.Equal(ids, row.want) {
				t.Errorf("connections: %v after %v: it has %v, want %v", row.connections, former, ids, row.want)
			}
		}
	}
}

func TestLogSectionThatCannotBeInForceChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	j := journalOf(t, policy.Log{Connections: policy.ConnectionsFaults, File: policy.File{Path: path}})
	before := openFiles(t)
	cfg := policy.Log{Level: policy.LevelError, File: policy.File{Path: filepath.Join(dir, "none", "log")}}
	if _, err := j.prepare(t.Context(), cfg); err == nil || !strings.HasPrefix(err.Error(), "open the log: ") {
		t.Errorf("the error is %v", err)
	}
	l, err := j.prepare(t.Context(), policy.Log{Level: policy.LevelError, Format: policy.FormatJSON, File: policy.File{Path: filepath.Join(dir, "other")}})
	must(t, err)
	l.discard()
	if after := openFiles(t); after > before { // what a test before this one has had open may be closed meanwhile
		t.Errorf("%d descriptors, %d before", after, before)
	}
	j.Ended(endOf(1, session.ClientFIN))
	j.Ended(endOf(2, session.IdleTimeout))
	j.close()
	if ids := idsIn(t, contentOf(t, path)); !slices.Equal(ids, []int{2}) {
		t.Errorf("it has %v, want 2 only", ids)
	}
}

func TestAdoptingAfterTheEndLeavesNothingOpen(t *testing.T) {
	dir := t.TempDir()
	j := journalOf(t, policy.Log{File: policy.File{Path: filepath.Join(dir, "log")}})
	l, err := j.prepare(t.Context(), policy.Log{File: policy.File{Path: filepath.Join(dir, "late")}})
	must(t, err)
	j.close()
	j.adopt(l)
	must(t, j.reopen())
}

func TestALoggerOfTheCallersKeepsLevelAndDestination(t *testing.T) {
	var dest bytes.Buffer
	clock, err := reactor.NewClock()
	must(t, err)
	logger := slog.New(slog.NewTextHandler(&dest, nil))
	j, err := newJournal(logger, policy.Log{Connections: policy.ConnectionsNone}, clock)
	must(t, err)
	j.Ended(endOf(1, session.IdleTimeout))
	path := filepath.Join(t.TempDir(), "log")
	adopts(t, j, policy.Log{Level: policy.LevelError, File: policy.File{Path: path}})
	must(t, j.reopen())
	j.Ended(endOf(2, session.IdleTimeout))
	j.close()
	if ids := idsIn(t, dest.String()); !slices.Equal(ids, []int{2}) {
		t.Errorf("it has %v, want 2 only", ids)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made")
	}
}

func TestAdoptingUnderLoadLosesNoLine(t *testing.T) {
	const loops, each, adoptions = 3, 1000, 40
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	j := journalOf(t, policy.Log{File: policy.File{Path: files[0]}})
	var wg sync.WaitGroup
	for loop := range loops {
		wg.Go(func() {
			for i := range each {
				j.Ended(endOf(loop*each+i, session.IdleTimeout))
			}
		})
	}
	for i := range adoptions {
		adopts(t, j, policy.Log{Level: policy.LogLevel(i % 2), File: policy.File{Path: files[(i+1)%2]}})
	}
	wg.Wait()
	j.close()
	ids := idsIn(t, contentOf(t, files[0])+contentOf(t, files[1]))
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != loops*each || j.dropped() != 0 {
		t.Errorf("%d lines, want %d; %d counted as dropped", n, loops*each, j.dropped())
	}
}

func TestHandlerInForceIsAProperHandler(t *testing.T) {
	var dest bytes.Buffer
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		dest.Reset()
		var style atomic.Pointer[slog.Handler]
		before := slog.DiscardHandler
		style.Store(&before)
		h := &inForce{style: &style}
		_ = h.now() // which must not stay
		var now slog.Handler = slog.NewJSONHandler(&dest, nil)
		style.Store(&now)
		return h
	}, func(t *testing.T) map[string]any {
		got := map[string]any{}
		must(t, json.Unmarshal(dest.Bytes(), &got))
		return got
	})
}

func TestLoggersOfOneOriginShareNothing(t *testing.T) {
	var dest bytes.Buffer
	var style atomic.Pointer[slog.Handler]
	var text slog.Handler = slog.NewTextHandler(&dest, nil)
	style.Store(&text)
	origin := slog.New(&inForce{style: &style}).With("a", 1).With("b", 2).With("c", 3)
	one, other := origin.With("d", "one"), origin.With("d", "other")
	one.Info("x")
	other.Info("x")
	if got := dest.String(); strings.Count(got, "a=1 b=2 c=3 d=one\n") != 1 || strings.Count(got, "a=1 b=2 c=3 d=other\n") != 1 {
		t.Errorf("they say\n%s", got)
	}
}
