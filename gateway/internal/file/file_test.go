package file

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyARegularFileOfAtMost16MiBIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		make func(path string) error
		says string // "": it can be read
	}{
		"a file":            {func(p string) error { return os.WriteFile(p, []byte("text"), 0o600) }, ""},
		"an empty file":     {func(p string) error { return os.WriteFile(p, nil, 0o600) }, ""},
		"16 MiB":            {func(p string) error { return os.WriteFile(p, make([]byte, MaxBytes), 0o600) }, ""},
		"a byte more":       {func(p string) error { return os.WriteFile(p, make([]byte, MaxBytes+1), 0o600) }, "more than 16 MiB"},
		"100 GB with holes": {func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 100e9)) }, "more than 16 MiB"},
		"a link to a file": {func(p string) error {
			return errors.Join(os.WriteFile(p+"1", []byte("text"), 0o600), os.Symlink(p+"1", p))
		}, ""},
		"/dev/zero":         {func(p string) error { return os.Symlink("/dev/zero", p) }, "a device, not a regular file"},
		"a FIFO":            {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "a pipe, not a regular file"},
		"a directory":       {func(p string) error { return os.Mkdir(p, 0o700) }, "a directory, not a regular file"},
		"nothing":           {func(string) error { return nil }, "no such file"},
		"a link to nothing": {func(p string) error { return os.Symlink("nowhere", p) }, "no such file"},
		"a link to itself":  {func(p string) error { return os.Symlink("f", p) }, "too many levels of symbolic links"},
		"below a file":      {func(p string) error { return os.WriteFile(filepath.Dir(p), nil, 0o600) }, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if name == "below a file" {
				dir = filepath.Join(dir, "file")
			}
			path := filepath.Join(dir, "f")
			must(t, test.make(path))
			data, look, err := New(path).Read(t.Context())
			switch {
			case test.says == "" && (err != nil || int64(len(data)) != look.size || !look.Exists()):
				t.Errorf("%d bytes of %+v, %v", len(data), look, err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("the error is %v, want one that says %q", err, test.says)
			}
		})
	}
}

func TestAFileWithoutEndIsGivenUp(t *testing.T) {
	zero, err := os.Open("/dev/zero")
	must(t, err)
	defer zero.Close()
	if data, err := readAll(zero); !errors.Is(err, errTooLarge) || data != nil {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// TestAFileThatIsExchangedWhileItIsReadIsNotBelieved exchanges it between two looks for one of the same size.
func TestAFileThatIsExchangedWhileItIsReadIsNotBelieved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, []byte("first"), 0o600))
	before, err := lookAt(path)
	must(t, err)
	must(t, os.WriteFile(path+".new", []byte("other"), 0o600))
	must(t, os.Chtimes(path+".new", time.Time{}, time.Unix(before.modified.Unix())))
	must(t, os.Rename(path+".new", path))
	if _, err := readAs(path, before); !errors.Is(err, ErrChanging) {
		t.Errorf("the error is %v, want that it is being changed", err)
	}
}

// hanging is a system in which all hangs until release is closed, and then is fine.
func hanging(release <-chan struct{}) system {
	return system{
		look: func(string) (Look, error) { <-release; return Look{inode: 1}, nil },
		read: func(string) ([]byte, Look, error) { <-release; return []byte("text"), Look{inode: 1}, nil },
	}
}

func TestAReadThatHangsIsNotWaitedForLongerThanAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := newFile("f", hanging(release))
		for range 3 * mostHanging {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			if _, _, err := f.Read(ctx); !errors.Is(err, ErrHangs) || !strings.HasPrefix(err.Error(), "read f: ") {
				t.Errorf("the error is %v", err)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("it took %v", took)
			}
			cancel()
		}
		if n := len(f.reads); n != mostHanging {
			t.Errorf("%d reads hang, want at most %d", n, mostHanging)
		}
		close(release)
		if data, _, err := f.Read(t.Context()); err != nil || string(data) != "text" {
			t.Errorf("afterwards: %q, %v", data, err)
		}
	})
}

func TestACallThatIsGivenUpSaysSo(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := newFile("f", hanging(release)).Read(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrHangs) {
		t.Errorf("the error is %v", err)
	}
}

func TestPermissionsThatAreLostAndGivenBackChangeTheLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, []byte("text"), 0o600))
	_, before, err := New(path).Read(t.Context())
	must(t, err)
	must(t, os.Chmod(path, 0))
	if _, _, err := New(path).Read(t.Context()); os.Geteuid() != 0 && !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the error is %v", err)
	}
	if lost, err := New(path).Look(t.Context()); err != nil || lost == before {
		t.Errorf("it looks as before: %v", err)
	}
	must(t, os.Chmod(path, 0o600))
	if data, _, err := New(path).Read(t.Context()); err != nil || !bytes.Equal(data, []byte("text")) {
		t.Errorf("%q, %v", data, err)
	}
}
