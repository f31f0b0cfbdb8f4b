// Package process starts the programs that a benchmark consists of, ends those that are left with it, and reads from
// /proc what they cost.
//
// A child leads a process group of its own, so that a terminal's ctrl-C reaches only the benchmark, which then stops
// what it has started. Should the benchmark itself be killed, the kernel sends the children SIGTERM.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Config says what to start.
type Config struct {
	Name  string // in errors
	Argv  []string
	Env   []string // all of it
	Lines bool     // the child's standard output is a conversation, to be read with Line
}

// Child is a process that was started.
type Child struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string // nil unless Config.Lines
	said  tail
	ended chan struct{}
	err   error // once ended
}

// grace is how long a child may take to end after SIGTERM.
const grace = 3 * time.Second

// Start starts a child. Stop must be called.
func Start(cfg Config) (*Child, error) {
	c := &Child{name: cfg.Name, ended: make(chan struct{})}
	c.cmd = exec.Command(cfg.Argv[0], cfg.Argv[1:]...)
	c.cmd.Env = cfg.Env
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	c.cmd.Stderr = &c.said
	// A grandchild that keeps the pipes open must not keep Wait from returning.
	c.cmd.WaitDelay = time.Second
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	c.cmd.Stdout = &c.said
	if cfg.Lines {
		c.cmd.Stdout = w
		c.lines = make(chan string, 1)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	if cfg.Lines {
		go c.scan(r)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// scan hands lines over until the child has ended. A line that nobody takes by then is lost.
func (c *Child) scan(r *io.PipeReader) {
	go func() {
		<-c.ended
		_ = r.Close() // it never fails
	}()
	for s := bufio.NewScanner(r); s.Scan(); {
		select {
		case c.lines <- s.Text():
		case <-c.ended:
			return
		}
	}
}

// PID is the child's process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Ended is closed when the child has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Line returns the next line of the child's standard output.
func (c *Child) Line(ctx context.Context, patience time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case line := <-c.lines:
		return line, nil
	case <-c.ended:
	case <-ctx.Done():
		return "", c.fault(fmt.Errorf("said nothing: %w", ctx.Err()))
	}
	select {
	case line := <-c.lines:
		return line, nil
	default:
		return "", c.fault(c.failure())
	}
}

// Tell writes a line to the child's standard input.
func (c *Child) Tell(line string) error {
	if _, err := io.WriteString(c.stdin, line+"\n"); err != nil {
		return c.fault(err)
	}
	return nil
}

// Said returns the end of what the child wrote to standard error, and to standard output unless that is a conversation.
func (c *Child) Said() string { return c.said.String() }

// Failure is why the child has ended, which it must have.
func (c *Child) Failure() error { return c.fault(c.failure()) }

func (c *Child) failure() error {
	<-c.ended
	if c.err == nil {
		return errors.New("ended early")
	}
	return c.err
}

// fault adds who it was and what it said.
func (c *Child) fault(err error) error {
	if said := c.Said(); said != "" {
		return fmt.Errorf("%s: %w\n%s", c.name, err, said)
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// Stop ends the child with SIGTERM, on which it ends its own children, and after a grace the whole group with SIGKILL.
func (c *Child) Stop() {
	c.stdin.Close()
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		// The leader has not been waited for, so the group's id is still its own.
		_ = syscall.Kill(-c.PID(), syscall.SIGKILL)
		<-c.ended
	}
}

// tail keeps the last bytes written to it.
type tail struct {
	mu    sync.Mutex
	bytes []byte // Guarded by mu.
}

const tailBytes = 2 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, b...)
	t.bytes = t.bytes[max(0, len(t.bytes)-tailBytes):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.bytes))
}
