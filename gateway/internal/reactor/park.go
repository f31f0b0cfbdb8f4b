//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// parking is where a loop waits that has had nothing to do for a while: in Go's own poller, as a goroutine that reads from a
// descriptor does. A blocking system call would wake sysmon, the runtime's watchman, who polls every 20 µs at first and falls
// asleep again only when all is quiet: ten times what a message costs. CPU in ms a second of 800 connections with 133, 40
// and 13 messages a second, waiting in a system call 96, 65 and 22, parked 15, 5 and 2, HAProxy 2.6 10 to 15, 5 and 2.
//
//	Go's epoll set ──► gate ──► the loop's epoll set ──► sockets
//
// The gate is an epoll set, too, with the loop's set as its only member, and lets nothing through but while the loop
// waits: every event would else wake a thread of the runtime.
type parking struct {
	gate    int
	loop    int // epoll set
	file    *os.File
	conn    syscall.RawConn
	bounded bool               // file has a deadline
	tried   bool               // the wait under way has begun
	look    func(uintptr) bool // is try; made once, as a method that is passed on would be allocated each time
}

func newParking(loop int) (*parking, error) {
	gate, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll set: %w", err)
	}
	p := &parking{gate: gate, loop: loop}
	p.look = p.try
	if errno := p.control(unix.EPOLL_CTL_ADD, 0); errno != 0 {
		unix.Close(gate)
		return nil, fmt.Errorf("watch an epoll set: %w", errno)
	}
	if err := unix.SetNonblock(gate, true); err != nil { // by which os knows that it can be waited for
		unix.Close(gate)
		return nil, fmt.Errorf("watch an epoll set: %w", err)
	}
	p.file = os.NewFile(uintptr(gate), "epoll")
	if p.conn, err = p.file.SyscallConn(); err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // fails where it cannot be waited for
	}
	if err != nil {
		p.file.Close()
		return nil, fmt.Errorf("watch an epoll set: %w", err)
	}
	return p, nil
}

func (p *parking) close() { _ = p.file.Close() } // the descriptor is gone either way

// wait returns when the loop's set has events, when timeout is over (less than 0: never), and now and then for no reason.
func (p *parking) wait(timeout time.Duration) error {
	if err := p.bound(timeout); err != nil {
		return err
	}
	p.tried = false
	err := p.conn.Read(p.look)
	p.shut()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

func (p *parking) bound(timeout time.Duration) error {
	if timeout < 0 {
		return p.unbound()
	}
	p.bounded = true
	return p.file.SetReadDeadline(time.Now().Add(timeout))
}

// unbound takes back the timer of the last wait, which would wake sysmon.
func (p *parking) unbound() error {
	if !p.bounded {
		return nil
	}
	p.bounded = false
	return p.file.SetReadDeadline(time.Time{})
}

// try opens the gate when called first, and is called again when something is there. The order matters: what Go's poller
// hears from here on, it does not forget.
func (p *parking) try(uintptr) (done bool) {
	if p.tried {
		return true
	}
	p.tried = true
	return p.control(unix.EPOLL_CTL_MOD, unix.EPOLLIN|unix.EPOLLONESHOT) != 0
}

// shut closes the gate. An event that passed has closed it when it is taken; one that passes at this moment must be taken,
// or the next opening would not tell of it.
func (p *parking) shut() {
	if p.take() {
		return
	}
	_ = p.control(unix.EPOLL_CTL_MOD, 0)
	p.take()
}

func (p *parking) take() bool {
	var event unix.EpollEvent
	n, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.gate), uintptr(unsafe.Pointer(&event)), 1, 0, 0, 0)
	return int(n) == 1
}

func (p *parking) control(op int, events uint32) syscall.Errno {
	event := unix.EpollEvent{Events: events}
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.gate), uintptr(op), uintptr(p.loop), uintptr(unsafe.Pointer(&event)), 0, 0)
	return errno
}
