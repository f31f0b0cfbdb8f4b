//go:build linux

package reactor

import "testing"

// TestPipesCarryBytesFromSocketToSocket fills and drains a pipe to the point where nothing more goes in or out.
func TestPipesCarryBytesFromSocketToSocket(t *testing.T) {
	from, in := pair(t, Options{})
	out, to := pair(t, Options{})
	p, errno := NewPipe(PipeSize{Most: 1 << 20, Least: 4 << 10})
	if errno != 0 {
		t.Fatal(errno)
	}
	defer p.Close()
	if _, errno := p.Fill(in, 100); errno != Again {
		t.Errorf("fill from a socket without bytes: %v", errno)
	}
	sent := 0
	for {
		n, errno := Write(from, make([]byte, 100_000))
		if errno == Again {
			break
		}
		sent += n
	}
	moved, received := 0, 0
	for moved < sent {
		n, errno := p.Fill(in, 300_000)
		if errno != 0 || n == 0 || n > 300_000 {
			t.Fatalf("fill after %d of %d bytes: %d, %v", moved, sent, n, errno)
		}
		for n > 0 {
			drained, errno := p.Drain(out, n)
			if errno == Again {
				received += readAll(t, to)
				continue
			}
			if errno != 0 {
				t.Fatalf("drain: %v", errno)
			}
			n, moved = n-drained, moved+drained
		}
	}
	for received < sent {
		received += readAll(t, to)
	}
	if errno := CloseWrite(from); errno != 0 {
		t.Fatal(errno)
	}
	q := poller(t)
	if err := q.Add(in, 1); err != nil {
		t.Fatal(err)
	}
	await(t, q, 1, PeerClosed)
	if n, errno := p.Fill(in, 100); n != 0 || errno != 0 {
		t.Errorf("fill after FIN: %d, %v", n, errno)
	}
	Close(to)
	if received != sent {
		t.Errorf("%d bytes of %d", received, sent)
	}
}

// readAll reads what a socket has.
func readAll(t *testing.T, fd int) (total int) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for {
		n, errno := Read(fd, buf)
		if errno == Again {
			return total
		}
		if errno != 0 || n == 0 {
			t.Fatalf("read: %d, %v", n, errno)
		}
		total += n
	}
}
