package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Look is what a file looks like from outside. Two that are equal are of the same content, unless somebody sets the clock
// or the times of the file. The zero Look is that of no file.
type Look struct {
	device, inode     uint64
	size              int64
	modified, changed syscall.Timespec // content; content, name, owner or mode
	mode              fs.FileMode
}

// Exists reports whether there is anything at all.
func (l Look) Exists() bool { return l != Look{} }

// Look looks at what is there, through every link on the way. It returns the zero Look where nothing is, and the error of
// stat(2) or of ctx.
func (f *File) Look(ctx context.Context) (Look, error) {
	return within(ctx, f.looks, func() (Look, error) { return f.sys.look(f.name) })
}

// lookAt is Look by the operating system.
func lookAt(name string) (Look, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Look{}, nil
	}
	if err != nil {
		return Look{}, err
	}
	return lookOf(info), nil
}

func lookOf(info fs.FileInfo) Look {
	l := Look{size: info.Size(), mode: info.Mode()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		l.device, l.inode, l.modified, l.changed = s.Dev, s.Ino, s.Mtim, s.Ctim
	}
	return l
}

// readable returns why a file is not to be read: it is none, no regular one, or too large.
func (l Look) readable(name string) error {
	if err := l.missing(name); err != nil {
		return err
	}
	switch {
	case !l.mode.IsRegular():
		return fmt.Errorf("read %s: %s, not a regular file", name, kind(l.mode))
	case l.size > MaxBytes:
		return fmt.Errorf("read %s: %w", name, errTooLarge)
	}
	return nil
}

// missing returns an error where there is no file.
func (l Look) missing(name string) error {
	if l.Exists() {
		return nil
	}
	return &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
}

// kind names what is no regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// lookPatience is how long a look may take before it counts as hanging.
const lookPatience = 10 * time.Second
