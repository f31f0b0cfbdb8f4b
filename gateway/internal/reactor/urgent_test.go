//go:build linux

package reactor

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestUrgentBytesComeInTheStream makes a peer send an urgent byte among others, both ways, and expects an event for the mark
// at which reads and splices stop.
func TestUrgentBytesComeInTheStream(t *testing.T) {
	client, server := pair(t, Options{})
	for _, from := range []int{client, server} {
		to := client + server - from
		p := poller(t)
		if err := p.Add(to, 1); err != nil {
			t.Fatal(err)
		}
		for _, part := range []struct {
			text  string
			flags int
		}{{"be", 0}, {"!", unix.MSG_OOB}, {"after", 0}} {
			if err := unix.Sendto(from, []byte(part.text), part.flags, nil); err != nil {
				t.Fatal(err)
			}
		}
		await(t, p, 1, Urgent)
		if n := Unread(to); n != len("be!after") {
			t.Errorf("%d bytes can be read, want %d", n, len("be!after"))
		}
		pipe, errno := NewPipe(PipeSize{Most: 4096, Least: 4096})
		if errno != 0 {
			t.Fatal(errno)
		}
		if n, errno := pipe.Fill(to, 100); n != 2 || errno != 0 {
			t.Errorf("the first splice: %d, %v; want the 2 before the mark", n, errno)
		}
		if n, errno := pipe.Fill(to, 100); n != 0 {
			t.Errorf("a splice at the mark: %d, %v; want nothing", n, errno)
		}
		pipe.Close()
		got := make([]byte, 100)
		if n, errno := Read(to, got); string(got[:n]) != "!after" {
			t.Errorf("read %q, %v from the mark on", got[:n], errno)
		}
	}
}
