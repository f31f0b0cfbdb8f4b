package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// endsPeer is one side of a trial.
type endsPeer struct {
	*client
	tr *trial
}

// perform sends the stream and ends.
func (p *endsPeer) perform(stream []byte, other *endsPeer) error {
	if p.tr.end == lost {
		_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	if err := p.sendAll(stream); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	switch p.tr.end {
	case fin:
		p.finish()
		return nil
	case reset:
		return p.resetAfterAll(other)
	}
	return p.getLost(other)
}

// sendAll sends the stream, its urgent bytes as such.
func (p *endsPeer) sendAll(stream []byte) error {
	from := 0
	for {
		next := len(stream)
		for _, u := range p.tr.urgent {
			if u >= from {
				next = min(next, u)
			}
		}
		if _, err := p.Write(stream[from:next]); err != nil {
			return err
		}
		if next == len(stream) {
			return nil
		}
		if err := p.sendUrgent(stream[next]); err != nil {
			return err
		}
		from = next + 1
	}
}

func (p *endsPeer) sendUrgent(b byte) error {
	raw, err := p.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		_, sent = syscall.SendmsgN(int(fd), []byte{b}, nil, nil, syscall.MSG_OOB)
		return !errors.Is(sent, syscall.EAGAIN)
	})
	return errors.Join(err, sent)
}

// resetAfterAll resets once the gateway's kernel has all that was sent: a reset sooner would destroy it on this side. A unix
// socket resets by being closed while it has bytes that were not read.
func (p *endsPeer) resetAfterAll(other *endsPeer) error {
	if _, ok := p.Conn.(*net.TCPConn); ok {
		eventually(p.t, "all is acknowledged", func() bool { return p.queue(syscall.TIOCOUTQ) == 0 })
		p.reset()
		return nil
	}
	if _, err := other.Write(p.tr.filler(1)); err != nil {
		return fmt.Errorf("send something that will not be read: %w", err)
	}
	eventually(p.t, "there is something unread", func() bool { return p.queue(syscall.TIOCINQ) > 0 })
	return p.Close()
}

// getLost takes nothing of what the other side sends, until the gateway's kernel gives up.
func (p *endsPeer) getLost(other *endsPeer) error {
	eventually(p.t, "all is acknowledged", func() bool { return p.queue(syscall.TIOCOUTQ) == 0 })
	const tcpUserTimeout, soon = 18, 50 // milliseconds
	if err := syscall.SetsockoptInt(gatewaySocket(p.t, p.Conn), syscall.IPPROTO_TCP, tcpUserTimeout, soon); err != nil {
		return fmt.Errorf("set TCP_USER_TIMEOUT: %w", err)
	}
	go func() {
		filler := p.tr.filler(64 << 10)
		for range 64 {
			if _, err := other.Write(filler); err != nil {
				return
			}
		}
	}()
	return nil
}

// queue asks a socket for the length of one of its queues.
func (p *endsPeer) queue(which uintptr) (n int32) {
	p.t.Helper()
	raw, err := p.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, which, uintptr(unsafe.Pointer(&n))); errno != 0 {
			p.t.Errorf("ask for a queue: %v", errno)
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// receive takes everything up to the end.
func (p *endsPeer) receive() (got received) {
	size, pause := 256<<10, time.Duration(0)
	if tcp, ok := p.Conn.(*net.TCPConn); ok && p.tr.slow {
		_ = tcp.SetReadBuffer(128 << 10) // less than a segment of loopback would wait for timers
	}
	if p.tr.slow {
		size, pause = max(4<<10, p.tr.at/100), time.Millisecond
	}
	buf := make([]byte, size)
	for {
		n, err := p.Read(buf)
		got.all = append(got.all, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			got.err = err
			return got
		}
		if pause > 0 {
			<-time.After(pause)
		}
	}
}

// gatewaySocket returns the gateway's descriptor of a connection whose other end is conn: the gateway is in this process.
func gatewaySocket(t *testing.T, conn net.Conn) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		local, err := syscall.Getsockname(fd)
		if err != nil {
			continue
		}
		remote, err := syscall.Getpeername(fd)
		if err == nil && sameAddress(local, conn.RemoteAddr()) && sameAddress(remote, conn.LocalAddr()) {
			return fd
		}
	}
	t.Fatal("the gateway's socket is not found")
	return -1
}

func sameAddress(a syscall.Sockaddr, b net.Addr) bool {
	in4, ok := a.(*syscall.SockaddrInet4)
	tcp, isTCP := b.(*net.TCPAddr)
	return ok && isTCP && in4.Port == tcp.Port && tcp.IP.Equal(net.IP(in4.Addr[:]))
}
