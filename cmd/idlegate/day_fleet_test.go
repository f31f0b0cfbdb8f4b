package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// habit is what a device is like.
type habit string

const (
	talker  habit = "talker"  // speaks every few hundred milliseconds
	sleeper habit = "sleeper" // speaks, is silent for longer than a second, and speaks again
	dead    habit = "dead"    // speaks once, is never heard of again, and keeps its connection
	guest   habit = "guest"   // speaks a few times, and finishes
)

// pause is how long a device of this habit is silent before its next message.
func (h habit) pause() time.Duration {
	if h == sleeper {
		return 1200*time.Millisecond + rand.N(400*time.Millisecond)
	}
	return 150*time.Millisecond + rand.N(250*time.Millisecond)
}

// message is what the protocol of the fleet has as its nth one.
func message(n uint32) []byte {
	body := fmt.Appendf(nil, "reading %d", n)
	return append(binary.BigEndian.AppendUint32([]byte("Headers"), uint32(len(body))), body...)
}

// device is one client of the gateway. It demands that the backend's echo of each of its messages comes whole and in order.
type device struct {
	habit habit
	conn  net.Conn
	ended chan struct{} // closed once the gateway has ended the connection, or the device has

	// Guarded by mu. The gateway has received a message between the instant at which the device began to write it and the one at which
	// its echo came, so that a silence has a shortest and a longest length however slow the machine is.
	mu       sync.Mutex
	sent     uint32
	echoed   uint32
	began    time.Time     // to write the last message
	before   time.Time     // to write the one before the first whose echo has not come
	echo     time.Time     // of the message before the last one; zero: it had not come when the last was begun
	heard    time.Time     // when the last echo came
	shortest time.Duration // that the longest silence can have had after which the gateway has heard it again
	longest  time.Duration // and the longest
	late     time.Time     // when it noticed its end
	wrong    error
}

// client is how the gateway names the device.
func (d *device) client() string { return d.conn.LocalAddr().String() }

func (d *device) speak() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if _, err := d.conn.Write(message(d.sent)); err != nil {
		return err
	}
	d.longest = d.longestBy(now)
	d.echo = time.Time{}
	if d.echoed == d.sent {
		d.echo = d.heard
	}
	if d.echoed == d.sent || d.before.IsZero() {
		d.before = d.began
	}
	d.began = now
	d.sent++
	return nil
}

// answered notes that the echo of another message has come.
func (d *device) answered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = time.Now()
	d.echoed++
	if d.echoed == d.sent && !d.echo.IsZero() {
		d.shortest = max(d.shortest, d.began.Sub(d.echo))
	}
	d.longest = d.longestBy(d.heard)
}

// longestBy is the longest silence that the gateway can have seen broken by now.
func (d *device) longestBy(now time.Time) time.Duration {
	if d.sent < 2 {
		return d.longest
	}
	if d.echoed == d.sent {
		now = d.heard
	}
	return max(d.longest, now.Sub(d.before))
}

// listen reads echoes until the connection ends.
func (d *device) listen() {
	defer close(d.ended)
	r := bufio.NewReader(d.conn)
	for n := uint32(0); ; n++ {
		want := message(n)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil {
			d.leave(n, err)
			return
		}
		if string(got) != string(want) {
			d.leave(n, fmt.Errorf("echo %d is %q", n, got))
			return
		}
		d.answered()
	}
}

// leave notes how the connection ended, after n echoes. What the gateway ends gets FIN after a whole one, and never RST.
func (d *device) leave(n uint32, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = time.Now()
	if !errors.Is(err, io.EOF) {
		d.wrong = fmt.Errorf("after %d of %d echoes: %w", n, d.sent, err)
	}
}

// isOpen reports whether the gateway has not ended the connection.
func (d *device) isOpen() bool {
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

// fleet is all devices, of today and before. Its methods are for one goroutine, but for those it starts itself.
type fleet struct {
	address string
	stop    chan struct{} // closed when all are to leave
	shut    chan struct{} // closed when no more are to come
	running sync.WaitGroup
	fault   error // of arrivals, once it has ended

	// Guarded by mu.
	mu      sync.Mutex
	devices []*device
}

// startFleet brings talkers and sleepers at once, and then the dead and guests one by one until shutGates.
func startFleet(t *testing.T, address string) *fleet {
	f := &fleet{address: address, stop: make(chan struct{}), shut: make(chan struct{})}
	t.Cleanup(func() {
		f.shutGates()
		close(f.stop)
		f.running.Wait()
		if f.fault != nil {
			t.Error(f.fault)
		}
	})
	for range 24 {
		f.welcome(t, talker)
	}
	for range 12 {
		f.welcome(t, sleeper)
	}
	f.running.Go(f.arrivals)
	return f
}

// arrivals is two of the dead and a guest a second. With idle_timeout 12s about 24 of the dead are open at any time.
func (f *fleet) arrivals() {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		comers := []habit{dead, guest}
		for _, h := range comers[:1+n%2] {
			if _, err := f.join(h); err != nil {
				f.fault = err
				return
			}
		}
		select {
		case <-f.shut:
			return
		case <-tick.C:
		}
	}
}

// shutGates lets no more devices come by themselves.
func (f *fleet) shutGates() {
	select {
	case <-f.shut:
	default:
		close(f.shut)
	}
}

// welcome brings one more device.
func (f *fleet) welcome(t *testing.T, h habit) *device {
	t.Helper()
	d, err := f.join(h)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (f *fleet) join(h habit) (*device, error) {
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		return nil, fmt.Errorf("a %s comes: %w", h, err)
	}
	d := &device{habit: h, conn: conn, ended: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.devices = append(f.devices, d)
	f.running.Go(d.listen)
	f.running.Go(func() { f.live(d) })
	return d, nil
}

// live makes d do what its habit is, until its connection or the fleet ends.
func (f *fleet) live(d *device) {
	defer d.conn.Close()
	for n := 1; d.speak() == nil; n++ { // an error is the end, which listen has noticed
		var next <-chan time.Time // of the dead it never comes
		if d.habit != dead {
			next = time.After(d.habit.pause())
		}
		if d.habit == guest && n == 3 {
			_ = d.conn.(*net.TCPConn).CloseWrite() // where it fails, the end has come already
			next = nil
		}
		select {
		case <-next:
		case <-d.ended:
			return
		case <-f.stop:
			return
		}
	}
}

// of are the devices of a habit, of those that ok lets through.
func (f *fleet) of(h habit, ok func(*device) bool) []*device {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.devices), func(d *device) bool { return d.habit != h || !ok(d) })
}

// lively are the open connections that speak.
func (f *fleet) lively() []*device {
	return append(f.of(talker, (*device).isOpen), f.of(sleeper, (*device).isOpen)...)
}

// silences counts the devices whose longest silence before they spoke again was longer than d: at least and at most.
func (f *fleet) silences(d time.Duration) (least, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, one := range f.devices {
		one.mu.Lock()
		if one.shortest > d {
			least++
		}
		if one.longestBy(now) > d {
			most++
		}
		one.mu.Unlock()
	}
	return least, most
}

// deadFor counts the dead that were silent for longer than d, until the gateway ended them or until now, and the hours for which they
// were: at least and at most. None was ended before inForce.
func (f *fleet) deadFor(d time.Duration) (least, most int, fewest, greatest float64) {
	now := time.Now()
	for _, one := range f.of(dead, func(*device) bool { return true }) {
		one.mu.Lock()
		until := now
		if !one.late.IsZero() {
			until = one.late
		}
		longest, shortest := until.Sub(one.began)-d, time.Duration(0)
		if one.echoed > 0 {
			shortest = min(until.Sub(one.heard), inForce) - d
		}
		one.mu.Unlock()
		if shortest > 0 {
			least++
			fewest += shortest.Hours()
		}
		if longest > 0 {
			most++
			greatest += longest.Hours()
		}
	}
	return least, most, fewest, greatest
}

// startBackends serves echoes at n addresses until the test ends.
func startBackends(t *testing.T, n int) (addresses []string) {
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		addresses = append(addresses, l.Addr().String())
		running.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				running.Go(func() {
					defer conn.Close()
					_, _ = io.Copy(conn, conn) // it ends when the gateway ends the connection
				})
			}
		})
	}
	return addresses
}
