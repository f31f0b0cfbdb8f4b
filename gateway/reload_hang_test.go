package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/policy"
)

// startWatched runs a gateway that looks at its policy file all the time, and returns the file.
func startWatched(t *testing.T, yaml string) (r *running, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "idlegate.yaml")
	content := []byte("admin: {listen: \"127.0.0.1:0\"}\n" + yaml)
	must(t, os.WriteFile(file, content, 0o600))
	cfg, err := policy.Parse(file, content)
	must(t, err)
	r = &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	r.run(gateway.Config{
		Policy: cfg, File: file, Content: content, Every: 20 * time.Millisecond, Version: "test",
		Logger: slog.New(slog.NewJSONHandler(r.log, nil)),
	})
	return r, file
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put has content at file in one step.
func put(t *testing.T, file, content string) {
	t.Helper()
	must(t, os.WriteFile(file+"~", []byte("admin: {listen: \"127.0.0.1:0\"}\n"+content), 0o600))
	must(t, os.Rename(file+"~", file))
}

func (r *running) refusedFor(text string) {
	r.t.Helper()
	eventually(r.t, "the file is refused: "+text, func() bool {
		return !r.snapshot().Config.LastReloadSuccessful && strings.Contains(r.log.String(), text)
	})
}

func TestWhatIsNoPolicyFileIsRefusedAndNextOneTakesOver(t *testing.T) {
	for says, replace := range map[string]func(file string) error{
		"a pipe, not a regular file":      func(f string) error { return syscall.Mkfifo(f, 0o600) },
		"a device, not a regular file":    func(f string) error { return os.Symlink("/dev/zero", f) },
		"a directory, not a regular file": func(f string) error { return os.Mkdir(f, 0o700) },
		"more than 16 MiB": func(f string) error {
			return os.WriteFile(f, bytes.Repeat([]byte("# comment\n"), 10<<20), 0o600)
		},
	} {
		t.Run(says, func(t *testing.T) {
			r, file := startWatched(t, pendable)
			must(t, os.Remove(file))
			must(t, replace(file))
			r.refusedFor(says)
			if done, err := r.g.Reload(t.Context()); err != nil || done.OK || !strings.Contains(done.Error, says) {
				t.Errorf("a reload by hand: %+v, %v", done, err)
			}
			if n := strings.Count(r.log.String(), says); n > 2 {
				t.Errorf("it is told %d times", n)
			}
			must(t, os.RemoveAll(file))
			put(t, file, strings.Replace(pendable, "loops: 1", "loops: 1, edit_grace: 1s", 1))
			eventually(t, "the next file is in force", func() bool { return r.snapshot().Config.Generation == 2 })
		})
	}
}

func TestAnEditIsNoticedAndTheSameContentIsNone(t *testing.T) {
	r, file := startWatched(t, pendable)
	put(t, file, pendable)
	put(t, file, strings.Replace(pendable, "loops: 1", "loops: 1, edit_grace: 1s", 1))
	eventually(t, "the edit is in force", func() bool { return r.snapshot().Config.Generation == 2 })
	must(t, os.Remove(file))
	put(t, file, pendable)
	eventually(t, "it is taken back", func() bool { return r.snapshot().Config.Generation == 3 })
	if !r.snapshot().Config.LastReloadSuccessful {
		t.Errorf("a file that was away for a moment is said to be refused:\n%s", r.log)
	}
}

func TestAReloadThatIsGivenUpChangesNothing(t *testing.T) {
	r, write := startFile(t, pendable)
	write(strings.Replace(pendable, "loops: 1", "loops: 1, edit_grace: 1s", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.g.Reload(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if s := r.snapshot().Config; s.Generation != 1 || !s.LastReloadSuccessful {
		t.Errorf("%+v", s)
	}
	if done := r.reload(); done.Generation != 2 {
		t.Errorf("the next one: %+v", done)
	}
}
