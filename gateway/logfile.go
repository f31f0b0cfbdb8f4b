package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"idlegate/gateway/internal/logsink"
	"idlegate/policy"
)

// open makes the logger of a journal that was given none.
func (j *journal) open(cfg policy.Log) error {
	j.stderr = logsink.NewDest(os.Stderr)
	dest := j.stderr
	if !cfg.File.IsZero() {
		file, err := openLog(cfg.File.Path)
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		j.file, dest = file, logsink.NewDest(file)
	}
	j.start(dest)
	j.logger, j.deeds = slog.New(&inForce{style: &j.style}), slog.New(&inForce{style: &j.always})
	j.restyle(cfg)
	return nil
}

// openLog opens a log file to be appended to. A pipe that nobody reads is an error, where it would otherwise be waited for.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
}

// restyle writes every line from now on as cfg says.
func (j *journal) restyle(cfg policy.Log) {
	if !j.byHand.Load() {
		j.level.Set(levels[cfg.Level])
	}
	style := func(w io.Writer, from slog.Leveler) slog.Handler {
		if cfg.Format == policy.FormatJSON {
			return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: from, ReplaceAttr: inSeconds})
		}
		return slog.NewTextHandler(w, &slog.HandlerOptions{Level: from})
	}
	both := io.MultiWriter(j.sink, &j.lately)
	logger, always, lines := style(both, &j.level), style(both, slog.LevelDebug), style(&j.text, &j.level)
	j.style.Store(&logger)
	j.always.Store(&always)
	j.lines.Store(&lines)
}

var levels = map[policy.LogLevel]slog.Level{
	policy.LevelDebug: slog.LevelDebug, policy.LevelInfo: slog.LevelInfo, policy.LevelWarn: slog.LevelWarn, policy.LevelError: slog.LevelError,
}

// setLevel sets the level by hand, or as the file has it. It reports false where the logger is the caller's.
func (j *journal) setLevel(level slog.Level, byHand bool) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.own {
		return false
	}
	j.byHand.Store(byHand)
	if !byHand {
		level = levels[j.cfg.Level]
	}
	j.level.Set(level)
	return true
}

// inSeconds makes durations what metrics have them in, where a program reads them.
func inSeconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}

// logging is a log section that was prepared. It is either adopted or discarded.
type logging struct {
	cfg   policy.Log
	moves bool     // lines go elsewhere than before
	file  *os.File // that they move to; nil: standard error
}

// prepare opens what cfg needs and the journal does not have. Nothing changes yet. A file system that does not answer costs a
// goroutine, and no more time than ctx has.
func (j *journal) prepare(ctx context.Context, cfg policy.Log) (*logging, error) {
	j.mu.Lock()
	before := j.cfg.File
	j.mu.Unlock()
	l := &logging{cfg: cfg}
	if !j.own || before.Path == cfg.File.Path {
		return l, nil
	}
	l.moves = true
	if cfg.File.IsZero() {
		return l, nil
	}
	file, err := openLogWithin(ctx, cfg.File.Path)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	l.file = file
	return l, nil
}

// openLogWithin is openLog for who waits no longer than ctx.
func openLogWithin(ctx context.Context, path string) (*os.File, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened)
	go func() {
		file, err := openLog(path)
		select {
		case done <- opened{file, err}:
		case <-ctx.Done():
			if err == nil {
				file.Close()
			}
		}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("open %s: %w", path, ctx.Err())
	}
}

// discard gives up what was prepared.
func (l *logging) discard() {
	if l.file != nil {
		l.file.Close()
	}
}

// adopt puts what was prepared in force, while loops go on reporting. Of what was prepared at the same time only one can
// be adopted. Lines that came before go to the former destination, for which it waits, as long as it takes some within flushTime.
func (j *journal) adopt(l *logging) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		l.discard()
		return
	}
	j.connections.Store(uint32(l.cfg.Connections))
	if j.own {
		j.restyle(l.cfg)
	}
	if l.moves {
		j.exchange(l.file)
	}
	j.cfg = l.cfg
}

// reopenTimeout bounds how long a log file may take to be reopened.
const reopenTimeout = 10 * time.Second

// reopen opens the path of the log file again, where a rotation has left none or another one. If that fails, the file
// that was open goes on. It waits as adopt does. Standard error stays what it is.
func (j *journal) reopen() error {
	j.mu.Lock()
	path, none := j.cfg.File, j.closed || j.file == nil
	j.mu.Unlock()
	if none {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), reopenTimeout)
	defer cancel()
	file, err := openLogWithin(ctx, path.Path) // without j.mu, which an edit needs
	if err != nil {
		return fmt.Errorf("reopen the log, which goes on in the file that was open: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.file == nil || j.cfg.File != path || same(file, j.file) {
		file.Close()
		return nil
	}
	j.exchange(file)
	return nil
}

// same reports whether two descriptors are of one file, so that a line which one has cut off the other cannot go on after.
func same(a, b *os.File) bool {
	of, err := a.Stat()
	if err != nil {
		return false
	}
	other, err := b.Stat()
	return err == nil && os.SameFile(of, other)
}

// exchange sends lines to file, or to standard error if it is nil, and closes the former one.
func (j *journal) exchange(file *os.File) {
	dest := j.stderr
	if file != nil {
		dest = logsink.NewDest(file)
	}
	ctx, cancel := j.sink.Patient(flushTime)
	defer cancel()
	_ = j.sink.Exchange(ctx, dest) // a write that does not return may end with the file; its lines are counted
	if j.file != nil {
		j.file.Close()
	}
	j.file = file
}
