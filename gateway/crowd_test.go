package gateway_test

import (
	"errors"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// crowd is many sockets that one goroutine looks after: a goroutine for each would be more than the race detector can
// follow, which is 8,128.
type crowd struct {
	t      *testing.T
	epoll  int
	events [256]syscall.EpollEvent
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	return &crowd{t: t, epoll: epoll}
}

// watch makes wait tell when fd can be read.
func (c *crowd) watch(fd int) error {
	return syscall.EpollCtl(c.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
}

// wait returns the sockets that can be read, none when timeout is over.
func (c *crowd) wait(timeout time.Duration) ([]syscall.EpollEvent, error) {
	for {
		n, err := syscall.EpollWait(c.epoll, c.events[:], int(timeout/time.Millisecond))
		if !errors.Is(err, syscall.EINTR) {
			return c.events[:max(n, 0)], err
		}
	}
}

// crowdBackend is a server that returns to each of many clients what it sends.
func crowdBackend(t *testing.T) string {
	t.Helper()
	fd, address := listening(t, 4096)
	stopRead, stopWrite := pipe(t)
	b := &echoCrowd{crowd: newCrowd(t), listener: fd, stop: stopRead, open: map[int]bool{}}
	for _, fd := range []int{b.listener, b.stop} {
		if err := b.watch(fd); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(b.run)
	t.Cleanup(func() {
		syscall.Close(stopWrite)
		wg.Wait()
		syscall.Close(stopRead)
	})
	return address
}

// listening returns a socket that listens, and where.
func listening(t *testing.T, backlog int) (fd int, address string) {
	t.Helper()
	fd = socket(t)
	host := [4]byte{127, 0, 0, 1}
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: host}), syscall.Listen(fd, backlog)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(name.(*syscall.SockaddrInet4).Port)
	return fd, netip.AddrPortFrom(netip.AddrFrom4(host), port).String()
}

func connect(fd int, to netip.AddrPort) error {
	return syscall.Connect(fd, &syscall.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
}

func pipe(t *testing.T) (read, write int) {
	t.Helper()
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return ends[0], ends[1]
}

func socket(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

type echoCrowd struct {
	*crowd
	listener, stop int
	open           map[int]bool
	buf            [4096]byte
}

func (b *echoCrowd) run() {
	defer b.close()
	for {
		events, err := b.wait(-time.Millisecond)
		if err != nil {
			b.t.Errorf("the backend waits: %v", err)
			return
		}
		for _, event := range events {
			switch fd := int(event.Fd); fd {
			case b.stop:
				return
			case b.listener:
				b.accept()
			default:
				b.echo(fd)
			}
		}
	}
}

func (b *echoCrowd) accept() {
	fd, _, err := syscall.Accept4(b.listener, syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK)
	if err == nil {
		b.open[fd] = true
		err = b.watch(fd)
	}
	if err != nil {
		b.t.Errorf("the backend accepts: %v", err)
	}
}

func (b *echoCrowd) echo(fd int) {
	n, err := syscall.Read(fd, b.buf[:])
	if err == nil && n > 0 {
		_, err = syscall.Write(fd, b.buf[:n]) // messages are small, and each is awaited before the next
	}
	if err != nil || n <= 0 {
		delete(b.open, fd)
		syscall.Close(fd)
	}
}

func (b *echoCrowd) close() {
	for fd := range b.open {
		syscall.Close(fd)
	}
	syscall.Close(b.listener)
	syscall.Close(b.epoll)
}
