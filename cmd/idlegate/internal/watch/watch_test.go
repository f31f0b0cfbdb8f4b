package watch

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests; nothing that is right takes as long.
const patience = 20 * time.Second

// told waits for a notice.
func told(t *testing.T, w *Watcher, what string) {
	t.Helper()
	select {
	case <-w.Changes():
	case <-time.After(patience):
		t.Fatalf("no notice of this within %v: %s", patience, what)
	}
}

// ends closes w and sees to it that no notice is left over.
func ends(t *testing.T, w *Watcher) {
	t.Helper()
	w.Close()
	select {
	case <-w.Changes():
		t.Error("there was a notice more than changes")
	default:
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes path have content in one step, so that there is nothing else to be told of: in place where it exists, with
// content no shorter than before, else by a rename.
func write(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		must(t, os.WriteFile(path+".new", []byte(content), 0o600))
		must(t, os.Rename(path+".new", path))
		return
	}
	must(t, err)
	_, err = f.WriteString(content)
	must(t, errors.Join(err, f.Close()))
}

func makeDir(t *testing.T, path string) {
	t.Helper()
	must(t, os.MkdirAll(path, 0o700))
}

// link points path at target as kubelet and ln -sfn do, by a rename.
func link(t *testing.T, target, path string) {
	t.Helper()
	must(t, os.Symlink(target, path+".new"))
	must(t, os.Rename(path+".new", path))
}

// step changes what is in a folder such that the file watched has another content than before.
type step struct {
	name string
	do   func(t *testing.T, in string)
}

func writes(content string) step {
	return step{"written", func(t *testing.T, in string) { write(t, filepath.Join(in, "idlegate.yaml"), content) }}
}

func TestEveryWayToChangeAFileIsToldOnce(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(t *testing.T, in string)
		steps   []step
	}{
		"written in place": {
			func(t *testing.T, in string) { write(t, in+"/idlegate.yaml", "a") },
			[]step{writes("b"), writes("c")},
		},
		"renamed over": {
			func(t *testing.T, in string) { write(t, in+"/idlegate.yaml", "a") },
			[]step{
				{"an editor that writes a new file", func(t *testing.T, in string) {
					write(t, in+"/.swap", "b")
					must(t, os.Rename(in+"/.swap", in+"/idlegate.yaml"))
				}},
				{"an editor that keeps a copy", func(t *testing.T, in string) {
					must(t, os.Rename(in+"/idlegate.yaml", in+"/idlegate.yaml~"))
					write(t, in+"/idlegate.yaml", "c")
				}},
				writes("d"),
			},
		},
		"removed and made again": {
			func(t *testing.T, in string) { write(t, in+"/idlegate.yaml", "a") },
			[]step{
				{"other content", func(t *testing.T, in string) {
					must(t, os.Remove(in+"/idlegate.yaml"))
					write(t, in+"/idlegate.yaml", "b")
				}},
				writes("c"),
			},
		},
		"not there at first": {
			func(*testing.T, string) {},
			[]step{writes("a"), writes("b")},
		},
		"a ConfigMap": {
			func(t *testing.T, in string) { configMap(t, in, "..2026_1", "a") },
			[]step{
				{"second version", func(t *testing.T, in string) { configMap(t, in, "..2026_2", "b") }},
				{"third version", func(t *testing.T, in string) {
					configMap(t, in, "..2026_3", "c")
					must(t, os.RemoveAll(in+"/..2026_2"))
				}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := t.TempDir()
			test.prepare(t, in)
			tellsEach(t, in, in+"/idlegate.yaml", test.steps)
		})
	}
}

// configMap does what kubelet does to a mounted ConfigMap: a new folder, then ..data pointed at it.
func configMap(t *testing.T, in, version, content string) {
	t.Helper()
	makeDir(t, in+"/"+version)
	write(t, in+"/"+version+"/idlegate.yaml", content)
	link(t, version, in+"/..data")
	if _, err := os.Lstat(in + "/idlegate.yaml"); err != nil {
		must(t, os.Symlink("..data/idlegate.yaml", in+"/idlegate.yaml"))
	}
}

// tellsEach watches file, and lets a neighbour of it change beside each step.
func tellsEach(t *testing.T, in, file string, steps []step) {
	t.Helper()
	w, err := New(file)
	must(t, err)
	defer w.Close()
	for i, s := range steps {
		write(t, in+"/neighbour", strconv.Itoa(i))
		s.do(t, in)
		told(t, w, s.name)
		write(t, in+"/neighbour", "again")
	}
	ends(t, w)
}

func TestEveryLinkOnTheWayIsFollowed(t *testing.T) {
	in := t.TempDir()
	for _, dir := range []string{"etc", "store/v1", "store/v2", "else"} {
		makeDir(t, in+"/"+dir)
	}
	write(t, in+"/store/v1/real.yaml", "1")
	write(t, in+"/store/v2/real.yaml", "2")
	write(t, in+"/else/real.yaml", "3")
	link(t, "v1", in+"/store/current")                          // a folder
	link(t, in+"/store/current/real.yaml", in+"/else/hop.yaml") // absolute
	link(t, "../else/./hop.yaml", in+"/etc/idlegate.yaml")      // a chain
	link(t, in+"/etc", in+"/conf")                              // a folder before it
	file := in + "/conf/../etc/idlegate.yaml"                   // .. behind a link
	tellsEach(t, in, file, []step{
		{"the file at the end is written", func(t *testing.T, in string) { write(t, in+"/store/v1/real.yaml", "1b") }},
		{"the folder's link is swapped", func(t *testing.T, in string) { link(t, "v2", in+"/store/current") }},
		{"the file behind it is written", func(t *testing.T, in string) { write(t, in+"/store/v2/real.yaml", "2b") }},
		{"the middle link is swapped", func(t *testing.T, in string) { link(t, "real.yaml", in+"/else/hop.yaml") }},
		{"the file behind that is renamed over", func(t *testing.T, in string) {
			write(t, in+"/new", "3b")
			must(t, os.Rename(in+"/new", in+"/else/real.yaml"))
		}},
		{"a folder is exchanged for another", func(t *testing.T, in string) {
			makeDir(t, in+"/other")
			write(t, in+"/other/real.yaml", "4")
			link(t, "real.yaml", in+"/other/hop.yaml")
			must(t, os.Rename(in+"/else", in+"/gone"))
			must(t, os.Rename(in+"/other", in+"/else"))
		}},
		{"the file in the new folder is written", func(t *testing.T, in string) { write(t, in+"/else/real.yaml", "4b") }},
		{"the first link becomes a file", func(t *testing.T, in string) {
			write(t, in+"/new", "5")
			must(t, os.Rename(in+"/new", in+"/etc/idlegate.yaml"))
		}},
	})
}

func TestFolderThatComesAndGoes(t *testing.T) {
	in := t.TempDir()
	tellsEach(t, in, in+"/a/b/idlegate.yaml", []step{
		{"made with its folders", func(t *testing.T, in string) {
			makeDir(t, in+"/a/b")
			write(t, in+"/a/b/idlegate.yaml", "1")
		}},
		{"removed and made again", func(t *testing.T, in string) {
			must(t, os.RemoveAll(in+"/a"))
			makeDir(t, in+"/a/b")
			write(t, in+"/a/b/idlegate.yaml", "2")
		}},
		{"moved away and removed, another in its place", func(t *testing.T, in string) {
			must(t, os.Rename(in+"/a", in+"/old"))
			must(t, os.RemoveAll(in+"/old"))
			makeDir(t, in+"/new/b")
			write(t, in+"/new/b/idlegate.yaml", "3")
			link(t, "new", in+"/a")
		}},
		{"written where it is now", func(t *testing.T, in string) { write(t, in+"/new/b/idlegate.yaml", "4") }},
	})
}

func TestAnEditThatWasReadAndTakenBackIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy")
	write(t, file, "before")
	w, err := New(file)
	must(t, err)
	w.Read(sha256.Sum256([]byte("edited, read by another, and taken back")))
	told(t, w, "the file is as it was, but that is not what was read last")
	w.Read(sha256.Sum256([]byte("before")))
	write(t, file, "and an edit")
	told(t, w, "an edit")
	ends(t, w)
}

func TestLinksInACircleAreWaitedFor(t *testing.T) {
	in := t.TempDir()
	link(t, "b", in+"/a")
	link(t, "a", in+"/b")
	tellsEach(t, in, in+"/a", []step{
		{"mended", func(t *testing.T, in string) {
			write(t, in+"/c", "1")
			link(t, "c", in+"/b")
		}},
		{"written", func(t *testing.T, in string) { write(t, in+"/c", "2") }},
	})
}

func TestARelativeNameOutlivesAChangeOfDirectory(t *testing.T) {
	in := t.TempDir()
	t.Chdir(in)
	w, err := New("idlegate.yaml")
	must(t, err)
	defer w.Close()
	t.Chdir("/")
	write(t, in+"/idlegate.yaml", "1")
	told(t, w, "written")
	ends(t, w)
}

func TestAnOverflowCountsAsAChange(t *testing.T) {
	in := t.TempDir()
	file := in + "/idlegate.yaml"
	w, err := prepare(file) // nobody takes events
	must(t, err)
	defer w.Close()
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	fits, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	const taken = 65536 / syscall.SizeofInotifyEvent // by fsnotify with one read
	write(t, in+"/x", "")
	write(t, in+"/y", "")
	for range (fits+taken)/2 + 1 { // of one file alone they would be one event
		must(t, os.Chmod(in+"/x", 0o600))
		must(t, os.Chmod(in+"/y", 0o600))
	}
	write(t, file, "the event of this one is lost")
	w.start()
	told(t, w, "written")
	ends(t, w)
}

func TestNoInstanceLeftIsAClearError(t *testing.T) {
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 0
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	w, err := New("/etc/idlegate.yaml")
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	if err == nil {
		w.Close()
		t.Fatal("no error")
	}
	const want = "watch /etc/idlegate.yaml: couldn't initialize inotify: too many open files: no inotify instances or no descriptors are left; the sysctl fs.inotify.max_user_instances and ulimit -n limit them"
	if err.Error() != want {
		t.Errorf("the error is\n%v, want\n%s", err, want)
	}
}

func TestErrorsNameTheSysctl(t *testing.T) {
	for _, row := range []struct {
		errno error
		says  string
	}{
		{syscall.ENOSPC, "fs.inotify.max_user_watches"},
		{syscall.EMFILE, "fs.inotify.max_user_instances"},
	} {
		if err := explain(row.errno); !errors.Is(err, row.errno) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%v becomes %v", row.errno, err)
		}
	}
	if err := explain(syscall.EACCES); !errors.Is(err, syscall.EACCES) || strings.Contains(err.Error(), "sysctl") {
		t.Errorf("no permission becomes %v", err)
	}
}

func TestCloseLeavesNothingOpen(t *testing.T) {
	in := t.TempDir()
	before := descriptors(t)
	for i := range 20 {
		w, err := New(in + "/idlegate.yaml")
		must(t, err)
		write(t, in+"/idlegate.yaml", strconv.Itoa(i))
		w.Close() // with events under way
		w.Close()
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}
