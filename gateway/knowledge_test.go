package gateway_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// speak makes clients come, speak after a while, and go.
func (r *running) speak(route string, clients int) {
	r.t.Helper()
	for range clients {
		c := r.dial(route)
		c.echo(framed("hello"))
		c.finish()
		r.endOf(c)
	}
}

// over ends the gateway.
func (r *running) over() {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Fatal(err)
		}
		r.done <- nil // for what is done at the end of the test
	case <-time.After(patience):
		r.t.Fatal("Run did not return")
	}
}

func keptIn(path string) string { return "advise_file: " + path }

func TestWhatAdviseKnowsSurvivesARestart(t *testing.T) {
	at, path := backend(t, echoes), filepath.Join(t.TempDir(), "advice")
	first := start(t, advisedRoutes, at, keptIn(path))
	first.speak("framed", 3)
	<-time.After(20 * time.Millisecond)
	first.over()
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, want one for its owner only", info.Mode())
	}
	second := start(t, advisedRoutes, at, keptIn(path))
	eventually(t, "it is known again", func() bool { return second.advice("framed", "idle_timeout").Connections == 3 })
	second.speak("framed", 2)
	for _, timer := range []string{"idle_timeout", "first_message_timeout", "message_timeout", "max_lifetime"} {
		if n := second.advice("framed", timer).Connections; n != 5 {
			t.Errorf("%s rests on %d, want 5", timer, n)
		}
	}
	second.over()
	third := start(t, advisedRoutes, at, keptIn(path))
	eventually(t, "it adds up", func() bool { return third.advice("framed", "idle_timeout").Connections == 5 })
	if a := third.advice("framed", "idle_timeout"); a.ObservedSeconds < 0.02 {
		t.Errorf("it was counted for %v s", a.ObservedSeconds)
	}
	if n := third.advice("raw", "idle_timeout").Connections; n != 0 {
		t.Errorf("of another route %d are known", n)
	}
}

func TestByDefaultNothingIsKept(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	r := start(t, advisedRoutes, backend(t, echoes), "advise_file: none")
	r.speak("framed", 1)
	r.over()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("there is %v", left)
	}
}

func TestAnEditOfTheAdviceFileActsAtOnce(t *testing.T) {
	at, dir := backend(t, echoes), t.TempDir()
	one, other := filepath.Join(dir, "one"), filepath.Join(dir, "other")
	exists := func(path string) func() bool {
		return func() bool { _, err := os.Stat(path); return err == nil }
	}
	r := start(t, advisedRoutes, at, "")
	r.speak("framed", 2)
	r.edit(advisedRoutes, at, keptIn(one))
	eventually(t, "it is written", exists(one))
	r.edit(advisedRoutes, at, keptIn(other))
	eventually(t, "it is written elsewhere", exists(other))
	must(t, os.Remove(other))
	r.edit(advisedRoutes, at, "")
	r.over()
	if exists(other)() {
		t.Error("it is written though the key was taken away")
	}
	again := start(t, advisedRoutes, at, "")
	again.edit(advisedRoutes, at, keptIn(one))
	eventually(t, "what a file has that was named by an edit is known", func() bool { return again.advice("framed", "idle_timeout").Connections == 2 })
}

// TestAFileThatIsNotSoundIsAFreshStart has everything in the place of the file that may be there.
func TestAFileThatIsNotSoundIsAFreshStart(t *testing.T) {
	at := backend(t, echoes)
	for name, test := range map[string]struct {
		content string
		says    string
		stays   bool // it is not written over
	}{
		"empty":             {"", "", false},
		"damaged":           {"idlegate advice 1 0000\n{}\n", "what advise knew is lost", false},
		"another version":   {"idlegate advice 7 0000\n{}\n", "what advise knew is lost", false},
		"somebody's letter": {"Dear Sir or Madam\n", "what advise knows is not kept now", true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "advice")
			must(t, os.WriteFile(path, []byte(test.content), 0o644))
			r := start(t, advisedRoutes, at, keptIn(path))
			r.speak("framed", 1)
			if test.says != "" {
				eventually(t, "it is told", func() bool { return strings.Contains(r.log.String(), test.says) })
			}
			r.over()
			if n := strings.Count(r.log.String(), "advise_file"); (n == 0) != (test.says == "") || n > 1 {
				t.Errorf("%d lines:\n%s", n, r.log)
			}
			got, err := os.ReadFile(path)
			must(t, err)
			if (string(got) == test.content) != test.stays {
				t.Errorf("the file has %.40q", got)
			}
			if test.stays {
				return
			}
			again := start(t, advisedRoutes, at, keptIn(path))
			eventually(t, "from then on it is kept", func() bool { return again.advice("framed", "idle_timeout").Connections == 1 })
		})
	}
}

// TestAFolderThatTakesNothingIsOneLine has no room where the file would be: a folder that is not there, and a disk that is full.
func TestAFolderThatTakesNothingIsOneLine(t *testing.T) {
	at := backend(t, echoes)
	folders := map[string]string{"no folder": filepath.Join(t.TempDir(), "none")}
	if full := t.TempDir(); errors.Is(syscall.Mount("tmpfs", full, "tmpfs", 0, "size=4k"), nil) {
		t.Cleanup(func() { must(t, syscall.Unmount(full, syscall.MNT_DETACH)) })
		must(t, os.WriteFile(filepath.Join(full, "fills it"), make([]byte, 4096), 0o600))
		folders["a full disk"] = full
	}
	for name, folder := range folders {
		t.Run(name, func(t *testing.T) {
			r := start(t, advisedRoutes, at, keptIn(filepath.Join(folder, "advice")))
			eventually(t, "it is told", func() bool { return strings.Contains(r.log.String(), "what advise knows is not kept now") })
			r.speak("framed", 1)
			r.over()
			if n := strings.Count(r.log.String(), "what advise knows is not kept now"); n != 1 {
				t.Errorf("%d lines:\n%s", n, r.log)
			}
			if left, _ := filepath.Glob(filepath.Join(folder, "advice*")); len(left) != 0 {
				t.Errorf("there is %q", left)
			}
		})
	}
}
