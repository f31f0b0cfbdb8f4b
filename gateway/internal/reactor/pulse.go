//go:build linux

package reactor

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pulse tells, again and again, that so much time has passed.
//
// It is a timer of the kernel in Go's poller. While one of Go's own timers is pending, sysmon, the runtime's monitor thread, wakes up
// along with the thread that waits for it, and that wakes another one to look for work: some 80 µs of CPU a wake-up, where this takes
// 15. Two that beat at one instant cost more than two that do not: the scheduler wakes another thread for the second. So each has a
// phase of its own.
type Pulse struct {
	file *os.File
	conn syscall.RawConn
	look func(uintptr) bool // made once, as a function that is passed on would be allocated each time
	stop func() bool
}

// NewPulse returns one with that period, which Wait waits for until ctx ends. Stop gives it up. It beats where the monotonic clock is
// phase past a whole number of periods. The error is that of timerfd_create(2) or timerfd_settime(2).
func NewPulse(ctx context.Context, every, phase time.Duration) (*Pulse, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	var now unix.Timespec
	if err = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
		first := (now.Nano()/int64(every)+1)*int64(every) + int64(phase%every)
		err = unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &unix.ItimerSpec{
			Interval: unix.NsecToTimespec(int64(every)), Value: unix.NsecToTimespec(first),
		}, nil)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set a timer: %w", err)
	}
	p := &Pulse{file: os.NewFile(uintptr(fd), "timer")}
	p.look = hasBeaten
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("set a timer: %w", err)
	}
	p.stop = context.AfterFunc(ctx, func() { _ = p.file.Close() })
	return p, nil
}

// Wait returns when the time has passed, also if it did before. It reports false when ctx has ended, or Stop was called.
func (p *Pulse) Wait() bool { return p.conn.Read(p.look) == nil }

// Stop gives it up.
func (p *Pulse) Stop() {
	p.stop()
	_ = p.file.Close() // it may be closed already
}

// hasBeaten takes from a timer that its time has passed. It never blocks, so the scheduler is not told, which would wake sysmon.
func hasBeaten(fd uintptr) bool {
	var times uint64
	_, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&times)), unsafe.Sizeof(times))
	return errno != unix.EAGAIN && errno != unix.EINTR
}
