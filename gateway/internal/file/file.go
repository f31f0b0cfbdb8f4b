package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// MaxBytes is the size of the largest file that is read.
const MaxBytes = 16 << 20

var (
	errTooLarge = fmt.Errorf("the file has more than %d MiB", MaxBytes>>20)

	// ErrHangs is what errors wrap that are about a file which did not answer in time.
	ErrHangs = errors.New("the file does not answer")

	// ErrChanging is what Read returns for a file that was written, or exchanged for another, while it was read.
	ErrChanging = errors.New("the file is being changed")
)

// mostHanging is how many goroutines may wait at once for one file to be looked at, and as many for it to be read. Each has a
// thread of its own while the kernel does not answer.
const mostHanging = 8

// File is a file by its name. What is there may change at any time.
type File struct {
	// Set once, then read only.
	name         string
	sys          system
	looks, reads chan struct{} // hold an item for each that is under way
}

// system is what a File asks of the operating system.
type system struct {
	look func(name string) (Look, error)
	read func(name string) ([]byte, Look, error)
}

// New returns the file of that name, which need not exist.
func New(name string) *File {
	return newFile(name, system{look: lookAt, read: read})
}

func newFile(name string, sys system) *File {
	return &File{name: name, sys: sys, looks: make(chan struct{}, mostHanging), reads: make(chan struct{}, mostHanging)}
}

// Name returns its name.
func (f *File) Name() string { return f.name }

// Read returns the whole content and what the file looked like before and after it was read. The error is that of opening or
// reading, says what else is there or that it is too large, or wraps ErrChanging, ErrHangs or the cause for which ctx ended.
func (f *File) Read(ctx context.Context) ([]byte, Look, error) {
	type result struct {
		data []byte
		look Look
	}
	r, err := within(ctx, f.reads, func() (result, error) {
		data, look, err := f.sys.read(f.name)
		return result{data, look}, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("read %s: %w: %w", f.name, ErrHangs, err)
	}
	return r.data, r.look, err
}

// within calls ask in a goroutine of its own and waits for it until ctx ends. At most as many are under way at once as slots has
// room for; a call that finds none waits for one.
func within[T any](ctx context.Context, slots chan struct{}, ask func() (T, error)) (answer T, err error) {
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return answer, context.Cause(ctx)
	}
	done := make(chan struct{})
	var late T
	var failure error
	go func() {
		defer func() { <-slots }()
		defer close(done)
		late, failure = ask()
	}()
	select {
	case <-done:
		return late, failure
	case <-ctx.Done():
		return answer, context.Cause(ctx)
	}
}

// read is Read by the operating system. It looks before it opens: to open a device can have effects.
func read(name string) ([]byte, Look, error) {
	look, err := lookAt(name)
	if err != nil {
		return nil, Look{}, err
	}
	if err := look.readable(name); err != nil {
		return nil, look, err
	}
	data, err := readAs(name, look)
	return data, look, err
}

// readAs reads a file that looks so as long as it is read. O_NONBLOCK is for a FIFO that has come since, which would wait for
// who writes to it.
func readAs(name string, look Look) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if lookOf(info) != look {
		return nil, fmt.Errorf("read %s: %w", name, ErrChanging)
	}
	data, err := readAll(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if after, err := lookAt(name); err != nil || after != look {
		return nil, fmt.Errorf("read %s: %w", name, ErrChanging)
	}
	return data, nil
}

// readAll returns an error rather than more than MaxBytes.
func readAll(r io.Reader) ([]byte, error) {
	var data bytes.Buffer
	if _, err := data.ReadFrom(io.LimitReader(r, MaxBytes+1)); err != nil {
		return nil, err
	}
	if data.Len() > MaxBytes {
		return nil, errTooLarge
	}
	return data.Bytes(), nil
}
