//go:build linux

package reactor

import (
	"fmt"
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
	input     = unix.EPOLLIN | unix.EPOLLPRI | unix.EPOLLRDHUP | unix.EPOLLET
	edges     = input | unix.EPOLLOUT
	batch     = 256        // events taken in one wait
	wakeToken = ^uint64(0) // of the poller's own eventfd
	longest   = 1 << 30    // milliseconds; the kernel takes an int32
)

// Poller is one epoll set. All methods but Wake belong to the goroutine that waits.
type Poller struct {
	epoll   int
	wake    int // eventfd
	parking *parking
	rest    rest
	events  [batch]unix.EpollEvent
	count   int
}

// NewPoller returns an empty set. The error is EMFILE, ENFILE or ENOMEM, wrapped: it takes three descriptors.
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
	p := &Poller{epoll: epoll, wake: wake, parking: parking, rest: restless(settled)}
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
// The error of this and of the following is the Errno of epoll_ctl(2): ENOSPC or ENOMEM where the kernel has no room for more.
func (p *Poller) Add(fd int, token uint64) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, edges, token)
}

// AddReader watches fd for everything but that it is Writable, edge-triggered. Of a unix socket that would show whenever the
// peer has read, whether or not it had been full.
func (p *Poller) AddReader(fd int, token uint64) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, input, token)
}

// AwaitRoom watches an fd of AddReader for Writable too, and tells at once if it is.
func (p *Poller) AwaitRoom(fd int, token uint64) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, edges, token)
}

// ForgetRoom takes AwaitRoom back.
func (p *Poller) ForgetRoom(fd int, token uint64) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, input, token)
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
