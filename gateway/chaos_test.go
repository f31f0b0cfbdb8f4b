package gateway_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A chaos test plays many connections whose two peers do whatever peers do, at random. Whatever that is, what arrives is
// a prefix of what was sent, all of it where neither peer broke off, and in the end nothing is left of any of them.

const (
	chaosTime = 5 * time.Second // for new connections; those that are open then come to their end
	chaosOpen = 250             // connections at a time
)

// chaosPolicy is for some memory. The first routes end no connection whose peers are mannerly.
const chaosPolicy = `
gateway: {buffer_memory: %s, loops: 2}
upstreams:
  tcp: {endpoints: ["%s"]}
  unix: {endpoints: ["%s"]}
routes:
  - {name: long, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: tcp, policy: {long: {message_timeout: none}}}
  - {name: raw, listen: "127.0.0.1:0", protocol: raw, upstream: unix, policy: {long: {message_timeout: none}}}
  - {name: late, listen: "[::1]:0", connect_on: first_message, protocol: ` + framing + `, upstream: tcp, policy: {long: {message_timeout: none}}}
  - {name: unix, listen: "unix:%s", protocol: ` + framing + `, upstream: unix, policy: {long: {message_timeout: none, close: rst}}}
  - {name: short, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: tcp, policy: {short: {deadline: 300ms, read_deadline: 100ms}}}
  - {name: edgy, listen: "127.0.0.1:0", protocol: raw, upstream: tcp, policy: {long: {idle_timeout: 20ms, write_timeout: 20ms, half_close_timeout: 20ms, max_lifetime: 200ms, jitter: 50%%, close: rst}}}
`

var chaosRoutes = [...]string{"long", "raw", "late", "unix", "short", "edgy"}

const lenient = 4 // how many of them are

// ending is how a peer ends its part.
type ending int

const (
	finishes   ending = iota // sends all, then FIN; receives all
	goesAtOnce               // sends FIN first and only receives
	closes                   // closes after some bytes, whatever comes
	resets                   // resets after some bytes
	fallsMute                // stops sending and receiving for a while, then closes
	endings
)

// part is what one peer does in a connection. It follows from the connection's seed.
type part struct {
	end     ending
	stream  []byte // what it sends, as far as it comes
	writes  int    // bytes in one write, at most
	reads   int    // bytes in one read
	pause   time.Duration
	receive int // SO_RCVBUF; 0: the kernel's own
}

// play is a connection of the test.
type play struct {
	seed  uint64
	parts [2]part // client, upstream
}

const seedLength = 8

// newPlay draws a connection. The client's first message is the seed, by which the upstream knows its part.
func newPlay(seed uint64) *play {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &play{seed: seed}
	for i := range p.parts {
		p.parts[i] = part{
			end: ending(r.IntN(int(endings))), stream: messages(r), writes: sizeUpTo(r, 18), reads: sizeUpTo(r, 17),
		}
		if r.IntN(2) == 0 {
			p.parts[i].end = finishes
		}
		if r.IntN(3) == 0 {
			p.parts[i].pause = time.Duration(r.IntN(20)) * time.Millisecond
		}
		if r.IntN(3) == 0 {
			p.parts[i].receive = 32 << 10
		}
	}
	first := framed(string(binary.BigEndian.AppendUint64(nil, seed)))
	p.parts[0].stream = append([]byte(first), p.parts[0].stream...)
	for i := range p.parts { // in 200 steps at most
		p.parts[i].writes = max(p.parts[i].writes, len(p.parts[i].stream)/200)
		p.parts[i].reads = max(p.parts[i].reads, len(p.parts[1-i].stream)/200)
	}
	return p
}

// sizeUpTo draws a size below 2^most, small ones as likely as large ones.
func sizeUpTo(r *rand.Rand, most int) int { return 1 + r.IntN(1<<r.IntN(most+1)) }

// messages returns some messages, few of them large.
func messages(r *rand.Rand) (stream []byte) {
	noise := rand.NewChaCha8([32]byte(binary.BigEndian.AppendUint64(make([]byte, 24), r.Uint64())))
	for range r.IntN(6) {
		body := make([]byte, sizeUpTo(r, 19))
		_, _ = noise.Read(body)
		stream = append(stream, framed(string(body))...)
	}
	return stream
}

func (p *play) route() string { return chaosRoutes[p.seed%uint64(len(chaosRoutes))] }

// mannerly says that both peers send and receive everything, on a route that lets them.
func (p *play) mannerly() bool {
	return p.parts[0].end == finishes && p.parts[1].end == finishes && p.seed%uint64(len(chaosRoutes)) < lenient
}

// call plays the client.
func (p *play) call(g *running) error {
	network, address := split(g.g.Addresses(p.route())[0])
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil && p.mannerly() {
		return err
	}
	if err != nil {
		return nil // it was over before the client knew that it had begun
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	return p.act(rand.New(rand.NewPCG(p.seed, 2)), conn, 0, 0)
}

// act plays one peer's part on conn, and checks that what it receives is what the other sends.
func (p *play) act(r *rand.Rand, conn net.Conn, me int, received int) error {
	mine, theirs := &p.parts[me], p.parts[1-me].stream
	if mine.receive > 0 {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(mine.receive)
		}
	}
	stop := len(mine.stream)
	if mine.end != finishes && stop > 0 {
		stop = r.IntN(stop)
	}
	if me == 0 {
		stop = max(stop, len(framed("12345678"))) // or the upstream would not know its part
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.send(r, conn, mine, mine.stream[:stop])
	}()
	if mine.end == closes || mine.end == resets || mine.end == fallsMute {
		<-sent
		p.breakOff(r, conn, mine.end)
		return nil
	}
	n, err := p.receive(conn, mine, theirs[received:])
	<-sent
	conn.Close()
	if err != nil {
		return err
	}
	if p.mannerly() && received+n < len(theirs) {
		return fmt.Errorf("received %d bytes of %d", received+n, len(theirs))
	}
	return nil
}

func (p *play) send(r *rand.Rand, conn net.Conn, mine *part, stream []byte) {
	half := conn.(interface{ CloseWrite() error })
	for len(stream) > 0 {
		n := min(len(stream), 1+r.IntN(mine.writes))
		if _, err := conn.Write(stream[:n]); err != nil {
			return
		}
		stream = stream[n:]
	}
	if mine.end == finishes || mine.end == goesAtOnce {
		_ = half.CloseWrite() // the other may have broken off
	}
}

func (p *play) breakOff(r *rand.Rand, conn net.Conn, how ending) {
	if tcp, ok := conn.(*net.TCPConn); ok && how == resets {
		_ = tcp.SetLinger(0)
	}
	if how == fallsMute {
		<-time.After(time.Duration(r.IntN(300)) * time.Millisecond)
	}
	conn.Close()
}

// receive reads to the end and compares.
func (p *play) receive(conn net.Conn, mine *part, want []byte) (n int, err error) {
	buf := make([]byte, mine.reads)
	for {
		got, err := conn.Read(buf)
		if n+got > len(want) || !bytes.Equal(buf[:got], want[n:n+got]) {
			return n, fmt.Errorf("other bytes than were sent, after %d", n)
		}
		n += got
		if errors.Is(err, io.EOF) || err != nil && !p.mannerly() {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("after %d of %d bytes: %w", n, len(want), err)
		}
		if mine.pause > 0 && n%8 == 0 {
			<-time.After(mine.pause)
		}
	}
}

// chaosBackend is the upstream of all plays.
func chaosBackend(failed func(uint64, error)) func(*client) {
	first := len(framed("12345678"))
	return func(c *client) {
		head := make([]byte, first)
		if _, err := io.ReadFull(c, head); err != nil {
			return // the client broke off before
		}
		p := newPlay(binary.BigEndian.Uint64(head[first-seedLength:]))
		_ = c.SetDeadline(time.Now().Add(patience))
		if err := p.act(rand.New(rand.NewPCG(p.seed, 3)), c.Conn, 1, first); err != nil {
			failed(p.seed, fmt.Errorf("upstream: %w", err))
		}
	}
}

func TestChaos(t *testing.T) {
	for _, memory := range []string{"1MiB", "256MiB"} { // the one is spent at once, the other lets pipes be used
		t.Run(memory, func(t *testing.T) { chaos(t, memory) })
	}
}

func chaos(t *testing.T, memory string) {
	seed := uint64(time.Now().UnixNano())
	if s, ok := os.LookupEnv("CHAOS_SEED"); ok {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("CHAOS_SEED=%d", seed)
	failed := func(play uint64, err error) { t.Errorf("play %d: %v", play, err) }
	dir := t.TempDir()
	upstream := chaosBackend(failed)
	g := start(t, chaosPolicy, memory, backend(t, upstream), backendAt(t, "unix", dir+"/up", upstream), dir+"/in")
	var clients sync.WaitGroup
	over := time.Now().Add(chaosTime)
	for i := range uint64(chaosOpen) {
		clients.Go(func() {
			seeds := rand.New(rand.NewPCG(seed, i))
			for time.Now().Before(over) {
				p := newPlay(seeds.Uint64())
				if err := p.call(g); err != nil {
					failed(p.seed, fmt.Errorf("client of %s: %w", p.route(), err))
				}
			}
		})
	}
	clients.Wait()
	expectNothingLeft(g)
}

// expectNothingLeft expects that every connection ended for one reason, which log and metrics agree upon, and that all
// gauges are back at nothing.
func expectNothingLeft(g *running) {
	t := g.t
	t.Helper()
	eventually(t, "all connections have ended", func() bool {
		s := g.snapshot()
		left := s.BufferBytes
		for _, r := range s.Routes {
			left += r.Connections
		}
		for _, u := range s.Upstreams {
			for _, e := range u.Endpoints {
				left += e.Connections
			}
		}
		return left == 0
	})
	lines := map[string]map[string]uint64{}
	ids := map[uint64]bool{}
	for _, l := range g.log.ended() {
		if ids[l.ID] {
			t.Errorf("connection %d has ended twice", l.ID)
		}
		ids[l.ID] = true
		if lines[l.Route] == nil {
			lines[l.Route] = map[string]uint64{}
		}
		lines[l.Route][l.Reason]++
	}
	for _, r := range g.snapshot().Routes {
		t.Logf("%s: %d opened, ended by %v", r.Name, r.Opened, lines[r.Name])
		closed := uint64(0)
		for reason, n := range r.Closed {
			closed += n
			if lines[r.Name][reason] != n {
				t.Errorf("%s: %d ended by %s, the log says %d", r.Name, n, reason, lines[r.Name][reason])
			}
		}
		if closed != r.Opened {
			t.Errorf("%s: %d opened, %d closed", r.Name, r.Opened, closed)
		}
		for _, reason := range []string{"internal_error", "protocol_error", "message_too_large"} {
			if r.Closed[reason] > 0 {
				t.Errorf("%s: %d ended by %s", r.Name, r.Closed[reason], reason)
			}
		}
	}
}
