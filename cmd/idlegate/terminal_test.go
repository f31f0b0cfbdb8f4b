package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// In a terminal top follows keys and the size of the terminal, outlives the gateway, and gives the terminal back as it was
// however it ends.
func TestTopInATerminal(t *testing.T) {
	for name, end := range map[string]func(*terminal) error{
		"q":       func(tty *terminal) error { return tty.press("q") },
		"Ctrl-C":  func(tty *terminal) error { return tty.press("\x03") },
		"SIGTERM": func(tty *terminal) error { return tty.cmd.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			answers, err := newFake(folder)
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, "GET_events.txt"), []byte(": listening\n\n: goes on\n\n"), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			gateway := httptest.NewServer(answers)
			defer gateway.Close()
			tty := openTerminal(t, 100, 30)
			before := tty.state(t)
			tty.start(t, "top", "--admin", gateway.Listener.Addr().String(), "--every", "100ms")
			tty.expect(t, "the next to be ended")
			tty.expect(t, "idle_timeout in 41s")
			tty.demand(t, tty.press("s"))
			tty.expect(t, "the most silent")
			tty.demand(t, tty.press("\x1b[Ar"))
			tty.expect(t, "the next to be ended, of route devices")
			tty.resize(t, 30, 5)
			tty.expect(t, "\x1b[K\r\nq quit   s or arrows: other or\x1b[K\x1b[J")
			tty.resize(t, 100, 30)
			gateway.CloseClientConnections() // the stream would go on
			gateway.Close()
			tty.expect(t, "gone for ")
			tty.demand(t, end(tty))
			if err := tty.cmd.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			tty.expect(t, "\x1b[?25h\x1b[?1049l")
			if after := tty.state(t); *after != *before {
				t.Error("the terminal is not as it was")
			}
		})
	}
}

// terminal is one that a test types into and reads.
type terminal struct {
	outside, inside *os.File // of the pair of devices: ours, and the command's
	cmd             *exec.Cmd

	mu   sync.Mutex
	seen bytes.Buffer // guarded by mu; what was not yet expected
}

// openTerminal makes a pair of devices (pty(7)).
func openTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	number, err := unix.IoctlGetInt(int(outside.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(outside.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	inside, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	tty := &terminal{outside: outside, inside: inside}
	tty.resize(t, width, height)
	var reading sync.WaitGroup
	reading.Go(tty.read)
	t.Cleanup(func() {
		inside.Close()
		reading.Wait() // which that ends
		outside.Close()
	})
	return tty
}

// start runs idlegate with the terminal as its own, so that it hears of a new size.
func (tty *terminal) start(t *testing.T, args ...string) {
	t.Helper()
	binary, err := os.Executable()
	tty.demand(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	tty.cmd = exec.CommandContext(ctx, binary, args...)
	tty.cmd.Args[0] = "idlegate" // by which the test's binary is the command
	tty.cmd.Stdin, tty.cmd.Stdout, tty.cmd.Stderr = tty.inside, tty.inside, tty.inside
	tty.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	tty.demand(t, tty.cmd.Start())
}

func (tty *terminal) read() {
	chunk := make([]byte, 4096)
	for {
		n, err := tty.outside.Read(chunk)
		tty.mu.Lock()
		tty.seen.Write(chunk[:n])
		tty.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// expect waits until text is shown, and forgets all up to there.
func (tty *terminal) expect(t *testing.T, text string) {
	t.Helper()
	found := eventually(func() bool {
		tty.mu.Lock()
		defer tty.mu.Unlock()
		_, rest, ok := strings.Cut(tty.seen.String(), text)
		if ok {
			tty.seen.Reset()
			tty.seen.WriteString(rest)
		}
		return ok
	})
	if !found {
		tty.mu.Lock()
		defer tty.mu.Unlock()
		const last = 2000
		t.Fatalf("%q is not shown; the end of what is: %q", text, tty.seen.Bytes()[max(tty.seen.Len()-last, 0):])
	}
}

// has reports whether text is shown, and forgets nothing.
func (tty *terminal) has(text string) bool {
	tty.mu.Lock()
	defer tty.mu.Unlock()
	return bytes.Contains(tty.seen.Bytes(), []byte(text))
}

func (tty *terminal) press(keys string) error {
	_, err := tty.outside.WriteString(keys)
	return err
}

func (tty *terminal) resize(t *testing.T, width, height int) {
	t.Helper()
	size := unix.Winsize{Col: uint16(width), Row: uint16(height)}
	tty.demand(t, unix.IoctlSetWinsize(int(tty.outside.Fd()), unix.TIOCSWINSZ, &size))
}

// state is how the terminal treats what is typed and written.
func (tty *terminal) state(t *testing.T) *term.State {
	t.Helper()
	state, err := term.GetState(int(tty.inside.Fd()))
	tty.demand(t, err)
	return state
}

func (*terminal) demand(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
