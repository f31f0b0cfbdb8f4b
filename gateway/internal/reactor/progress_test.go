//go:build linux

package reactor

import (
	"syscall"
	"testing"
	"time"
)

// fill writes to fd until it takes nothing more and returns how much it took.
func fill(t *testing.T, fd int) (total int) {
	t.Helper()
	big := make([]byte, 1<<20)
	for {
		n, errno := Write(fd, big)
		if errno == Again {
			return total
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		total += n
	}
}

func TestAFINIsNoByteThatWaits(t *testing.T) {
	client, server := pair(t, Options{})
	fill(t, client)
	if CloseWrite(client) != 0 {
		t.Fatal("no FIN could be sent")
	}
	if unsent, p := Unacked(client), ProgressOf(client); p.Unacked != unsent-1 {
		t.Errorf("%d bytes wait, want the %d of SIOCOUTQ less the FIN", p.Unacked, unsent)
	}
	mark := ProgressOf(client).Mark
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(patience); ; {
		n, errno := Read(server, buf)
		if errno == 0 && n == 0 {
			break
		}
		if errno != 0 && errno != Again || time.Now().After(end) {
			t.Fatalf("the server has not come to the FIN: %v", errno)
		}
	}
	for end := time.Now().Add(patience); ; {
		p := ProgressOf(client)
		if p.Unacked == 0 && int32(p.Mark-mark) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("all has been read, and it says %+v", p)
		}
	}
}

func TestTheLastAcknowledgementIsNeverDatedBack(t *testing.T) {
	client, _ := pair(t, Options{})
	if n, errno := Write(client, []byte("question")); n != 8 || errno != 0 {
		t.Fatal(errno)
	}
	before := time.Now()
	for end := before.Add(patience); ProgressOf(client).Unacked > 0; {
		if time.Now().After(end) {
			t.Fatal("the question is not acknowledged")
		}
	}
	for end := before.Add(patience); ; {
		got, most := ProgressOf(client).LastAck, time.Since(before)
		if got > most || time.Now().After(end) {
			t.Fatalf("acknowledged %v ago, and it was asked %v ago", got, most)
		}
		if got > 5*longestTick {
			break
		}
	}
}

// TestAUnixPeerThatReadsLittleMakesProgress reads less than the kernel gives back at once.
func TestAUnixPeerThatReadsLittleMakesProgress(t *testing.T) {
	sockets, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(sockets[0])
	defer syscall.Close(sockets[1])
	left := fill(t, sockets[0])
	if _, ok := peerQueue(sockets[0]); !ok {
		t.Skip("this kernel has no unix_diag")
	}
	mark := ProgressOf(sockets[0]).Mark
	for i := range 20 {
		p := ProgressOf(sockets[0])
		if p.Unacked != left || i > 0 && int32(p.Mark-mark) <= 0 {
			t.Fatalf("%d bytes wait and the mark goes from %d to %d, want %d, and that it grows", p.Unacked, mark, p.Mark, left)
		}
		mark = p.Mark
		n, errno := Read(sockets[1], make([]byte, 100))
		if errno != 0 {
			t.Fatal(errno)
		}
		left -= n
	}
}

func TestWithoutAPeerAUnixSocketGoesByItsMemory(t *testing.T) {
	sockets, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(sockets[0])
	syscall.Close(sockets[1])
	if p := ProgressOf(sockets[0]); p != (Progress{}) {
		t.Errorf("nobody is there, and it says %+v", p)
	}
}

func TestPendingBytesAreCounted(t *testing.T) {
	client, server := pair(t, Options{})
	if n, errno := Write(client, []byte("abc")); n != 3 || errno != 0 {
		t.Fatal(errno)
	}
	for end := time.Now().Add(patience); Unread(server) != 3; {
		if time.Now().After(end) {
			t.Fatalf("%d bytes lie there, want 3", Unread(server))
		}
	}
}
