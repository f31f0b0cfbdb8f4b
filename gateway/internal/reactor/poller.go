//go:build linux

package reactor

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ready is a set of conditions of a descriptor.
type Ready uint32

const (
	Readable   Ready = unix.EPOLLIN
	Urgent     Ready = unix.EPOLLPRI // an urgent mark lies among the bytes that can be read
	Writable   Ready = unix.EPOLLOUT
	PeerClosed Ready = unix.EPOLLRDHUP // FIN lies behind the bytes that can be read
	HungUp     Ready = unix.EPOLLHUP
	Failed     Ready = unix.EPOLLERR
)

// Any reports whether r has one of the conditions in of.
func (r Ready) Any(of Ready) bool { return r&of != 0 }

const (
	edges     = unix.EPOLLIN | unix.EPOLLPRI | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	batch     = 256        // events taken in one wait
	wakeToken = ^uint64(0) // of the poller's own eventfd
	longest   = 1 << 30    // milliseconds; the kernel takes an int32
)

// Poller is one epoll set. All methods but Wake belong to the goroutine that waits.
type Poller struct {
	epoll   int
	wake    int // eventfd
	parking *parking
	looks   int // that found something, since the loop last parked; no more are counted than settled
	hasty   int // times that the loop parks without a look, since the scheduler has interrupted one
	events  [batch]unix.EpollEvent
	count   int
}

// NewPoller returns an empty set.
func NewPoller() (*Poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll set: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("create an eventfd: %w", err)
	}
	parking, err := newParking(epoll) // while the set is empty, or the kernel would look through all of it
	if err != nil {
		unix.Close(wake)
		unix.Close(epoll)
		return nil, err
	}
	p := &Poller{epoll: epoll, wake: wake, parking: parking}
	if err := p.control(unix.EPOLL_CTL_ADD, wake, unix.EPOLLIN|unix.EPOLLET, wakeToken); err != nil {
		p.Close()
		return nil, fmt.Errorf("watch the eventfd: %w", err)
	}
	return p, nil
}

// Close releases the set.
func (p *Poller) Close() {
	p.parking.close()
	unix.Close(p.wake)
	unix.Close(p.epoll)
}

// Add watches fd for everything, edge-triggered. Its events carry token, which must not be all ones.
func (p *Poller) Add(fd int, token uint64) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, edges, token)
}

// AddListener watches fd for clients, level-triggered, so that none is forgotten when a batch was cut short.
func (p *Poller) AddListener(fd int, token uint64) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, token)
}

// Remove stops watching fd, which must still be open. (Closing the last descriptor of a socket does it too.)
func (p *Poller) Remove(fd int) error { return p.control(unix.EPOLL_CTL_DEL, fd, 0, 0) }

func (p *Poller) control(op, fd int, events uint32, token uint64) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32))}
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.epoll), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// Wait waits for events until timeout is over; less than 0 is for ever. The timeout is rounded up to milliseconds, so
// that a timer is never found to be early, but a signal, as the runtime sends them, may cut it short. It returns how many
// there are for Event.
func (p *Poller) Wait(timeout time.Duration) (int, error) {
	p.count = 0
	first := p.patience()
	if timeout >= 0 {
		first = min(first, timeout)
	}
	n, errno := p.look(first)
	switch {
	case n > 0 && errno == 0:
		p.found()
	case errno == 0 && first != timeout:
		p.looks = 0
		if err := p.parking.wait(timeout - first); err != nil { // for ever is less than 0 and stays so
			return 0, fmt.Errorf("wait for events: %w", err)
		}
		n, errno = p.look(0)
	}
	if errno == unix.EINTR {
		p.hasty = haste
		return 0, nil
	}
	if errno != 0 {
		return 0, fmt.Errorf("wait for events: %w", errno)
	}
	p.count = n
	return n, nil
}

// A loop that has parked looks for glancing at a time at first, which is long enough for the answer to a message and
// short enough for others to wait, see usher. When looks have found something settled times it looks for looking, which
// covers nearly every wait of a loop that has anything to do.
//
// Go's scheduler interrupts a look by a signal where it wants the processor, or the world to stop. Mostly that is sysmon, who
// does it every 10 ms once awake, and falls asleep only when it finds every processor idle. So the loop parks at once the
// next haste times, which is longer than 10 ms unless there is much to do, and the loop mostly parked at its next round:
// heartbeats 0.83 (0.82..0.85) of HAProxy's CPU where glancing had 0.94 (0.82..0.95).
const (
	glancing = time.Millisecond
	looking  = 100 * time.Millisecond
	settled  = 4
	haste    = 32
)

func (p *Poller) patience() time.Duration {
	switch {
	case p.hasty > 0:
		p.hasty--
		return 0
	case p.looks < settled:
		return glancing
	}
	return looking
}

// found notes that a look has found something.
func (p *Poller) found() {
	if p.looks == settled {
		return
	}
	p.looks++
	if p.looks == settled {
		go usher()
	}
}

// usher does nothing, but has the runtime wake a thread for it, which then waits in Go's poller. The one that waited there
// runs a loop now, and does not come back before that parks again; another loop that has parked, and every other goroutine
// that waits for a descriptor, would not hear of theirs meanwhile. (The 99th percentile of heartbeats was 411 ms without it.)
func usher() {}

// look waits without telling Go's scheduler, which makes a wait as cheap as one in C. One that the scheduler is told of wakes
// sysmon, see parking. CPU in units of HAProxy 2.6, waiting told, told after a look of 1 ms, and as it is now
// (`go run ./cmd/idlebench` measures it again):
//
//	round trips, 1 connection       1.01  1.15  0.92
//	round trips, 64 connections     1.02  0.94  0.85
//	pipelined 16 deep               1.07  1.03  0.90
//	heartbeats, 8,000 connections   2.9   1.47  0.83
//
// The price is that a waiting loop keeps a processor of the scheduler's, so there must be one more of them than loops.
func (p *Poller) look(timeout time.Duration) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events[0])), batch, milliseconds(timeout), 0, 0)
	return int(n), errno
}

// milliseconds returns the kernel's form of a timeout, rounded up.
func milliseconds(timeout time.Duration) uintptr {
	if timeout < 0 {
		return ^uintptr(0)
	}
	return uintptr(min((timeout+time.Millisecond-1)/time.Millisecond, longest))
}

// Event returns the i-th event of the last Wait: its descriptor's token and what is ready. woken means that it is no
// descriptor's but stands for a call of Wake.
func (p *Poller) Event(i int) (token uint64, ready Ready, woken bool) {
	ev := &p.events[i]
	token = uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
	return token, Ready(ev.Events), token == wakeToken
}

// Wake makes the Wait under way, or else the next one, return. Any goroutine may call it.
func (p *Poller) Wake() {
	one := uint64(1)
	// The counter of an eventfd overflows only after 2^64-2 writes; each write is an edge of its own.
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(p.wake), uintptr(unsafe.Pointer(&one)), 8)
}
