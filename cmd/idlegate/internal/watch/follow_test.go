package watch

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestFollowNamesAllThatIsOnTheWay(t *testing.T) {
	in, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	makeDir(t, in+"/v1")
	link(t, "v1", in+"/current")
	link(t, in+"/current/../current/real", in+"/file")
	var names []string
	must(t, follow(in+"/file", func(dir, name string) error {
		if rest, below := strings.CutPrefix(dir+"/", in+"/"); below {
			names = append(names, rest+name)
		}
		return nil
	}))
	if want := []string{"file", "current", "v1", "current", "v1", "v1/real"}; !slices.Equal(names, want) {
		t.Errorf("it looks at %v, want %v", names, want)
	}
}

func TestOnlyWhatIsOnTheWayNowIsWatched(t *testing.T) {
	in := t.TempDir()
	configMap(t, in, "..2026_0", "a")
	write(t, in+"/neighbour", "")
	w, err := prepare(in + "/idlegate.yaml")
	must(t, err)
	defer w.Close()
	folders, names := len(w.kernel.WatchList()), len(w.names)
	for i := range 5 { // the former versions stay where they are
		configMap(t, in, "..2026_"+strconv.Itoa(1+i), "a")
		if !w.look() {
			t.Error("not all is watched")
		}
	}
	if n := len(w.kernel.WatchList()); n != folders {
		t.Errorf("%d folders are watched, %d at first", n, folders)
	}
	if len(w.names) != names || !w.knows("..2026_5") || !w.knows("idlegate.yaml") || w.knows("..2026_0") || w.knows("neighbour") {
		t.Errorf("events of these are looked at: %v", w.names)
	}
}

func TestAFolderThatCannotBeWatched(t *testing.T) {
	in, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	makeDir(t, in+"/pass/end")
	link(t, "end", in+"/pass/link")
	write(t, in+"/pass/end/file", "")
	for _, row := range []struct {
		rule, file, at string
		failure, want  error
	}{
		{"not readable, on the way", "/pass/end/file", "/pass", fs.ErrPermission, nil},
		{"not readable, holds a link", "/pass/link/file", "/pass", fs.ErrPermission, fs.ErrPermission},
		{"not readable, holds the file", "/pass/end/file", "/pass/end", fs.ErrPermission, fs.ErrPermission},
		{"not readable, the next does not exist", "/pass/none/file", "/pass", fs.ErrPermission, fs.ErrPermission},
		{"no watches are left", "/pass/end/file", "/pass", syscall.ENOSPC, syscall.ENOSPC},
	} {
		got := follow(in+row.file, func(dir, _ string) error {
			if dir == in+row.at {
				return row.failure
			}
			return nil
		})
		if !errors.Is(got, row.want) {
			t.Errorf("%s: %v, want %v", row.rule, got, row.want)
		}
	}
}
