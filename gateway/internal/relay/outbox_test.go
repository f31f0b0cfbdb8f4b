package relay

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

	"idlegate/gateway/internal/reactor"
)

// peers returns the two ends of a connection, of which the first is written to.
func peers(t *testing.T) (from, to int) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Close(pair[0])
		syscall.Close(pair[1])
	})
	if err := syscall.SetsockoptInt(pair[0], syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10); err != nil {
		t.Fatal(err)
	}
	return pair[0], pair[1]
}

// readSome reads what lies in a socket, up to most bytes.
func readSome(t *testing.T, fd, most int) []byte {
	t.Helper()
	buf := make([]byte, most)
	n, err := syscall.Read(fd, buf)
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		t.Fatal(err)
	}
	return buf[:max(n, 0)]
}

func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// filled returns a pipe that has b.
func filled(t *testing.T, p *pool, b []byte) *chunk {
	t.Helper()
	from, to := peers(t)
	c := p.pipes.get(0)
	if c == nil {
		t.Fatal("no pipe")
	}
	for len(b) > 0 || c.to == 0 {
		n, errno := reactor.Write(from, b)
		if errno != 0 && errno != reactor.Again {
			t.Fatal(errno)
		}
		b = b[n:]
		moved, errno := c.pipe.Fill(to, c.pipe.Size()-c.to)
		if errno != 0 {
			t.Fatal(errno)
		}
		c.to += moved
	}
	return c
}

// TestAnOutboxKeepsOrder queues memory and pipes behind what a slow peer has not taken, and expects all bytes in order, counted as
// long as they wait.
func TestAnOutboxKeepsOrder(t *testing.T) {
	budget := NewBudget(8 << 20)
	p := newPool(budget, 4)
	defer p.pipes.close()
	fd, peer := peers(t)
	var o outbox
	var want, got []byte
	for i, part := range []int{100_000, 1, 40_000, 70_000, 3, 200_000, 0, 30_000, 5000} {
		b := noise(byte(i), part)
		want = append(want, b...)
		errno := syscall.Errno(0)
		if i%3 == 2 {
			errno = o.sendPipe(p, fd, filled(t, p, b))
		} else {
			errno = o.send(p, fd, b)
		}
		if errno != 0 {
			t.Fatalf("part %d: %v", i, errno)
		}
		if i == 3 { // more is queued behind what has been written in part
			got = append(got, readSome(t, peer, 30_000)...)
			if moved, errno := o.flush(p, fd); errno != 0 && errno != reactor.Again || moved == 0 {
				t.Errorf("a peer that has taken a part: %d bytes moved, %v", moved, errno)
			}
		}
	}
	if moved, errno := o.flush(p, fd); moved != 0 || errno != reactor.Again {
		t.Errorf("a peer that takes nothing: %d bytes moved, %v", moved, errno)
	}
	for !o.empty() {
		if waiting := int64(o.size()); budget.Used() < waiting || waiting == 0 {
			t.Fatalf("%d bytes are counted, and %d wait", budget.Used(), waiting)
		}
		got = append(got, readSome(t, peer, 9999)...)
		before := o.size()
		moved, errno := o.flush(p, fd)
		if errno != 0 && errno != reactor.Again || before-o.size() != moved {
			t.Fatalf("%d bytes moved, and %d wait less, %v", moved, before-o.size(), errno)
		}
	}
	for len(got) < len(want) {
		got = append(got, readSome(t, peer, 1<<20)...)
	}
	if !bytes.Equal(got, want) {
		t.Error("other bytes arrived than were sent, or in another order")
	}
	if used := budget.Used(); used != 0 {
		t.Errorf("%d bytes are counted when all are gone", used)
	}
}

// TestWhatAPeerTakesAtOnceCostsNoMemory sends to one that takes everything.
func TestWhatAPeerTakesAtOnceCostsNoMemory(t *testing.T) {
	budget := NewBudget(0)
	p := newPool(budget, 1)
	defer p.pipes.close()
	fd, peer := peers(t)
	var o outbox
	message, buf := noise(1, 1000), make([]byte, 1000)
	allocated := testing.AllocsPerRun(100, func() {
		if errno := o.send(p, fd, message); errno != 0 || !o.empty() {
			t.Fatalf("%v, and %d bytes wait", errno, o.size())
		}
		if n, err := syscall.Read(peer, buf); n != len(buf) || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
	})
	if allocated != 0 {
		t.Errorf("%v allocations a message", allocated)
	}
	pipe := filled(t, p, message)
	if errno := o.sendPipe(p, fd, pipe); errno != 0 || !o.empty() || !bytes.Equal(readSome(t, peer, 2000), message) {
		t.Errorf("through a pipe: %v, and %d bytes wait", errno, o.size())
	}
	if p.pipes.get(0) != pipe {
		t.Error("the pipe is not used again")
	}
	p.pipes.put(pipe)
	if budget.Used() != 0 {
		t.Errorf("%d bytes are counted", budget.Used())
	}
}

// TestAnOutboxThatIsDroppedGivesEverythingBack drops memory and pipes, one of them written in part.
func TestAnOutboxThatIsDroppedGivesEverythingBack(t *testing.T) {
	budget := NewBudget(8 << 20)
	p := newPool(budget, 2)
	defer p.pipes.close()
	fd, peer := peers(t)
	var o outbox
	for range 2 {
		if errno := o.sendPipe(p, fd, filled(t, p, noise(1, 100_000))); errno != 0 {
			t.Fatal(errno)
		}
		if errno := o.send(p, fd, noise(2, 100_000)); errno != 0 {
			t.Fatal(errno)
		}
	}
	readSome(t, peer, 10_000)
	if _, errno := o.flush(p, fd); errno != 0 && errno != reactor.Again {
		t.Fatal(errno)
	}
	o.drop(p)
	if !o.empty() || o.size() != 0 || budget.Used() != 0 || p.pipes.open != 0 {
		t.Errorf("%d bytes wait, %d are counted, %d pipes are open", o.size(), budget.Used(), p.pipes.open)
	}
	if errno := o.send(p, fd, []byte("and it can be used again")); errno != 0 || o.empty() {
		t.Errorf("%v, and %d bytes wait", errno, o.size())
	}
	o.drop(p)
}

func TestAnOutboxWithoutMemorySaysSo(t *testing.T) {
	const room = 100 << 10
	budget := NewBudget(room)
	p := newPool(budget, 1)
	defer p.pipes.close()
	fd, _ := peers(t)
	var o outbox
	if errno := o.send(p, fd, noise(1, 1<<20)); errno != noMemory {
		t.Errorf("the error is %v", errno)
	}
	if errno := o.sendPipe(p, fd, filled(t, p, noise(2, room))); errno != noMemory {
		t.Errorf("the error of a pipe is %v", errno)
	}
	if used := budget.Used(); used > room {
		t.Errorf("%d bytes are counted, more than there are", used)
	}
	o.drop(p)
	if budget.Used() != 0 {
		t.Errorf("%d bytes are counted when all are given back", budget.Used())
	}
}

func TestAnOutboxReportsAPeerThatIsGone(t *testing.T) {
	p := newPool(NewBudget(8<<20), 1)
	defer p.pipes.close()
	fd, peer := peers(t)
	var o outbox
	if errno := o.send(p, fd, noise(1, 100_000)); errno != 0 || o.empty() {
		t.Fatalf("%v, and %d bytes wait", errno, o.size())
	}
	if err := syscall.Shutdown(peer, syscall.SHUT_RD); err != nil {
		t.Fatal(err)
	}
	if moved, errno := o.flush(p, fd); moved != 0 || errno != syscall.EPIPE {
		t.Errorf("flush: %d bytes moved, %v", moved, errno)
	}
	o.drop(p)
	if errno := o.send(p, fd, []byte("x")); errno != syscall.EPIPE || !o.empty() {
		t.Errorf("send: %v", errno)
	}
	if errno := o.sendPipe(p, fd, filled(t, p, []byte("x"))); errno != syscall.EPIPE || !o.empty() {
		t.Errorf("send through a pipe: %v", errno)
	}
}

// TestAnOutboxTakesMemoryInProportion adds bytes one at a time.
func TestAnOutboxTakesMemoryInProportion(t *testing.T) {
	budget := NewBudget(8 << 20)
	p := newPool(budget, 0)
	var o outbox
	for n := 1; n <= 1<<20; n++ {
		if !o.add(p, []byte{byte(n)}) {
			t.Fatal("no memory")
		}
		if most := int64(max(8*n, chunkSizes[0])); budget.Used() > most {
			t.Fatalf("%d bytes for %d", budget.Used(), n)
		}
	}
	chunks := 0
	for c := o.head; c != nil; c = c.next {
		chunks++
	}
	if most := 1<<20/readSize + 6; chunks > most {
		t.Errorf("%d chunks, want at most %d", chunks, most)
	}
	o.drop(p)
}
