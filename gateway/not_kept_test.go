package gateway_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"idlegate/gateway"
	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// unkeepable are paths at which what advise knows cannot be kept, each with what is wrong there.
func unkeepable(t *testing.T) map[string]string {
	dir := t.TempDir()
	letter, pipe, folder := filepath.Join(dir, "letter"), filepath.Join(dir, "pipe"), filepath.Join(dir, "folder")
	must(t, os.WriteFile(letter, []byte("Dear Sir or Madam\n"), 0o600))
	must(t, syscall.Mkfifo(pipe, 0o600))
	must(t, os.Mkdir(folder, 0o700))
	all := map[string]string{
		letter: "it is no file of advice", pipe: "a pipe, not a regular file", folder: "a directory, not a regular file",
		filepath.Join(dir, "absent", "advice"): "no such file", filepath.Join(letter, "advice"): "not a directory",
		"/proc/self/advice": "/proc/self", // nobody may make files there
	}
	if full := t.TempDir(); errors.Is(syscall.Mount("tmpfs", full, "tmpfs", 0, "size=4k"), nil) {
		t.Cleanup(func() { must(t, syscall.Unmount(full, syscall.MNT_DETACH)) })
		must(t, os.WriteFile(filepath.Join(full, "fills it"), make([]byte, 4096), 0o600))
		all[filepath.Join(full, "advice")] = "no space left"
	}
	return all
}

// TestWhereAdviceCannotBeKeptRunStartsWithAnAlarmAndCheckWarns holds the two together: what run starts with check does not refuse.
func TestWhereAdviceCannotBeKeptRunStartsWithAnAlarmAndCheckWarns(t *testing.T) {
	at := backend(t, echoes)
	for path, wrong := range unkeepable(t) {
		t.Run(filepath.Base(path)+": "+wrong, func(t *testing.T) {
			cfg, err := policy.Parse("test.yaml", fmt.Appendf(nil, advisedRoutes, at, keptIn(path)))
			must(t, err)
			problems, warnings := gateway.Check(gateway.CheckConfig{Policy: cfg, Offline: true})
			if len(problems) > 0 || len(warnings) != 1 || warnings[0].Path != "advise_file" || !strings.Contains(warnings[0].Text, wrong) {
				t.Errorf("check says %v, and warns %v; want a warning of %q", problems, warnings, wrong)
			}
			r := start(t, advisedRoutes, at, keptIn(path))
			a := r.alarm(api.AlarmAdviceNotKept)
			if !strings.Contains(a.Text, path) || !strings.Contains(a.Text, wrong) || a.Level != api.AlarmWarning {
				t.Errorf("the alarm is %+v, want %q", a, wrong)
			}
			if again := r.alarm(api.AlarmAdviceNotKept); !again.Since.Equal(a.Since) {
				t.Errorf("it is on since %v, then since %v", a.Since, again.Since)
			}
			r.edit(advisedRoutes, at, "advise_file: none")
			r.calm(api.AlarmAdviceNotKept)
		})
	}
}

func TestAdviceIsKeptAgainByItselfWhenItCanBe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advice")
	must(t, os.WriteFile(path, []byte("Dear Sir or Madam\n"), 0o600))
	r := start(t, advisedRoutes, backend(t, echoes), keptIn(path))
	r.alarm(api.AlarmAdviceNotKept)
	must(t, os.Remove(path))
	r.calm(api.AlarmAdviceNotKept)
	if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), "idlegate advice ") {
		t.Errorf("the file has %.40q, %v", text, err)
	}
}
