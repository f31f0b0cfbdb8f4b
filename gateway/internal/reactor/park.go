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
// descriptor does. A blocking system call would wake sysmon, the runtime's watchdog, which polls every 20 µs at first and falls
// asleep again only when all is quiet: ten times what a message costs. CPU in ms a second of 800 connections with 133, 40
// and 13 messages a second, waiting in a system call 96, 65 and 22, parked 15, 5 and 2, HAProxy 2.6 10 to 15, 5 and 2.
//
// How a loop waits:
//
//	state     entered                                   left                                        what wakes it
//	running   Wait returns                              Wait is called                              -
//	looking   by the last of 8 parks that brought       parked when nothing came for 100 ms,        an event of its epoll set, Wake's
//	          events, 20 ms apart at most on average    and when any poller was interrupted         included; its timeout; a signal
//	parked    at first, and from looking                looking, see there; after an interruption   the same events, through the outer set;
//	                                                    only by the last of 32 such parks           its timeout; now and then nothing
//
// Parked, Go's poller watches an epoll set whose only member is that of the loop:
//
//	Go's epoll set ──► outer ──► the loop's epoll set ──► sockets
//
//	outer     entered                                   left                                  what comes through
//	disarmed  at first; by take, of what it had         armed by try                          nothing: an event would wake a thread
//	          reported; by disarm, when the time is up                                        of the runtime
//	armed     by try, when a wait begins                reports when there is an event;       the first event of the loop's set
//	                                                    disarmed by disarm
//	reports   by that event                             disarmed when take has taken it       more events, which end a wait that is over
//	                                                    (EPOLLONESHOT)
type parking struct {
	outer   int      // epoll set
	loop    int      // epoll set
	file    *os.File // of outer
	conn    syscall.RawConn
	bounded bool               // file has a deadline
	tried   bool               // the wait under way has begun
	look    func(uintptr) bool // is try; made once, as a method that is passed on would be allocated each time
}

func newParking(loop int) (*parking, error) {
	outer, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll set: %w", err)
	}
	p := &parking{outer: outer, loop: loop}
	p.look = p.try
	if errno := p.control(unix.EPOLL_CTL_ADD, 0); errno != 0 {
		unix.Close(outer)
		return nil, fmt.Errorf("watch an epoll set: %w", errno)
	}
	if err := unix.SetNonblock(outer, true); err != nil { // by which os knows that it can be waited for
		unix.Close(outer)
		return nil, fmt.Errorf("watch an epoll set: %w", err)
	}
	p.file = os.NewFile(uintptr(outer), "epoll")
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
	p.disarm()
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

// try arms the outer set when called first, and is called again when something is there. The order matters: what Go's poller
// hears from here on, it does not forget.
func (p *parking) try(uintptr) (done bool) {
	if p.tried {
		return true
	}
	p.tried = true
	return p.control(unix.EPOLL_CTL_MOD, unix.EPOLLIN|unix.EPOLLONESHOT) != 0
}

// disarm disarms the outer set. An event that it has reported has done so when it is taken; one that it reports at this moment must be
// taken, or it would not be reported when the set is armed again.
func (p *parking) disarm() {
	if p.take() {
		return
	}
	_ = p.control(unix.EPOLL_CTL_MOD, 0)
	p.take()
}

func (p *parking) take() bool {
	var event unix.EpollEvent
	n, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.outer), uintptr(unsafe.Pointer(&event)), 1, 0, 0, 0)
	return int(n) == 1
}

func (p *parking) control(op int, events uint32) syscall.Errno {
	event := unix.EpollEvent{Events: events}
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.outer), uintptr(op), uintptr(p.loop), uintptr(unsafe.Pointer(&event)), 0, 0)
	return errno
}
