package gateway_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// Every end is passed on as what it was, and every byte before it arrives: a FIN as a FIN, a reset and a lost peer as a reset.
// The trials of this test go through what could make a difference: who ends, how, at which byte of messages of which size, what
// the sockets are, whether bytes are copied or spliced, how fast the other side takes them, and where urgent bytes lie.

const (
	endTime    = 4 * time.Second // for random trials, beside the fixed ones
	endsAtMost = 5 << 20         // bytes before an end
)

// endsPolicy has a route for each pair of networks and each protocol. All bytes are copied where the memory is 1MiB: it has no
// room for pipes.
const endsPolicy = `
gateway: {buffer_memory: %s, loops: 1}
upstreams:
  tcp: {endpoints: ["%s"]}
  unix: {endpoints: ["%s"]}
routes:
`

var (
	endsNetworks  = [...]string{"tcp", "unix"}
	endsProtocols = map[string]string{"framed": framing, "lines": "delimiter", "raw": "raw"}
)

// end is how a peer ends its part.
type end string

const (
	fin   end = "fin"
	reset end = "reset"
	lost  end = "lost" // its kernel takes nothing more, and the gateway's gives up
)

// trial is one connection. The zero value is a FIN of a client before its first byte.
type trial struct {
	end      end
	from     int       // who ends: 0 the client, 1 the upstream
	networks [2]string // of the client's and the upstream's socket
	protocol string
	size     int   // of a message
	at       int   // bytes that are sent before the end
	urgent   []int // the offsets of bytes sent with MSG_OOB
	slow     bool  // the other side takes little at a time, and of few bytes none before the end
}

func (tr *trial) String() string { return fmt.Sprintf("%+v", *tr) }

func (tr *trial) route() string { return tr.networks[0] + "-" + tr.networks[1] + "-" + tr.protocol }

// reason is the close reason that log and metrics must give.
func (tr *trial) reason() string {
	return [...]string{"client_", "upstream_"}[tr.from] + string(tr.end)
}

// stream is what the side that ends sends.
func (tr *trial) stream(seed uint64) []byte {
	noise := rand.New(rand.NewPCG(seed, 7))
	message := make([]byte, max(1, tr.size))
	var all []byte
	for len(all) < tr.at {
		for i := range message {
			message[i] = byte(noise.Uint32()) | 0x80 // no newline
		}
		switch tr.protocol {
		case "framed":
			all = append(all, framed(string(message[min(len(message)-1, len(framed(""))):]))...)
		case "lines":
			message[len(message)-1] = '\n'
			fallthrough
		default:
			all = append(all, message...)
		}
	}
	return all[:tr.at]
}

// filler is a message that the other side sends.
func (tr *trial) filler(size int) []byte {
	body := bytes.Repeat([]byte{'f'}, size)
	if tr.protocol == "framed" {
		return []byte(framed(string(body)))
	}
	return append(body, '\n')
}

// randomTrial draws a trial.
func randomTrial(r *rand.Rand) trial {
	tr := trial{
		end: [...]end{fin, reset}[r.IntN(2)], from: r.IntN(2), size: sizeUpTo(r, 22), slow: r.IntN(3) == 0,
		networks: [2]string{endsNetworks[r.IntN(2)], endsNetworks[r.IntN(2)]},
		protocol: [...]string{"framed", "framed", "lines", "raw"}[r.IntN(4)],
	}
	if r.IntN(12) == 0 {
		tr.end, tr.networks[tr.from] = lost, "tcp"
	}
	most := min(endsAtMost, tr.size*(1+r.IntN(4)), tr.size+2000*sizeUpTo(r, 10))
	tr.at = r.IntN(most + 1)
	if r.IntN(3) == 0 {
		tr.at -= tr.at % tr.size // behind a whole message, but for its header
	}
	if tr.at > 0 && r.IntN(3) == 0 {
		for range 1 + r.IntN(3) {
			tr.urgent = append(tr.urgent, r.IntN(tr.at))
		}
	}
	return tr
}

// fixedTrials are those that were found to matter.
func fixedTrials() (all []trial) {
	for _, how := range []end{fin, reset, lost} {
		for from := range 2 {
			tcp := trial{end: how, from: from, networks: [2]string{"tcp", "tcp"}, protocol: "framed"}
			whole := func(size, n int) trial {
				tr := tcp
				tr.size, tr.at = size, size*n
				return tr
			}
			all = append(all, whole(40<<10, 1))
			if how != lost { // which takes half a second
				all = append(all, tcp, whole(12, 1), whole(40<<10, 4), whole(1<<20, 4), whole(4<<20, 1))
			}
			slow := whole(256<<10, 6)
			slow.slow = true
			urgent := trial{end: how, from: from, networks: [2]string{"tcp", "tcp"}, protocol: "lines", size: 8, at: 8, urgent: []int{3}}
			bulk := whole(64<<10, 20)
			bulk.urgent = []int{1 << 20, 1<<20 + 1, 1<<20 + 300}
			last := whole(64<<10, 3)
			last.urgent = []int{last.at - 1}
			all = append(all, slow, urgent, bulk, last)
		}
	}
	return all
}

func TestEveryEndIsPassedOnAsWhatItWas(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s, ok := os.LookupEnv("ENDS_SEED"); ok {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("ENDS_SEED=%d", seed)
	for name, memory := range map[string]string{"copied": "1MiB", "spliced": "256MiB"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, memory)
			for _, tr := range fixedTrials() {
				s.play(tr, seed)
			}
			r := rand.New(rand.NewPCG(seed, uint64(len(name))))
			for over := time.Now().Add(endTime); time.Now().Before(over); {
				s.play(randomTrial(r), r.Uint64())
			}
			t.Logf("%d trials", s.played)
			expectNothingLeft(s.g)
		})
	}
}

// stage is where trials are played, one after the other.
type stage struct {
	t      *testing.T
	g      *running
	came   chan *client   // upstream connections
	over   chan struct{}  // one is no longer needed
	ended  map[string]int // trials by route
	played int
}

func newStage(t *testing.T, memory string) *stage {
	s := &stage{t: t, came: make(chan *client), over: make(chan struct{}), ended: map[string]int{}}
	yaml := endsPolicy
	dir := t.TempDir()
	for _, in := range endsNetworks {
		for _, out := range endsNetworks {
			for name, protocol := range endsProtocols {
				listen := "127.0.0.1:0"
				route := in + "-" + out + "-" + name
				if in == "unix" {
					listen = "unix:" + dir + "/" + route
				}
				yaml += fmt.Sprintf("  - {name: %s, listen: %q, protocol: %s, upstream: %s, policy: {long: {message_timeout: none}}}\n",
					route, listen, protocol, out)
			}
		}
	}
	upstream := func(c *client) {
		s.came <- c
		select {
		case <-s.over:
		case <-t.Context().Done():
		}
	}
	s.g = start(t, yaml, memory, backend(t, upstream), backendAt(t, "unix", dir+"/up", upstream))
	return s
}

// play plays one trial and fails the test with all that is needed to play it again.
func (s *stage) play(tr trial, seed uint64) {
	s.t.Helper()
	stream := tr.stream(seed)
	client := s.g.dial(tr.route())
	upstream := <-s.came
	_ = upstream.SetDeadline(time.Now().Add(patience))
	if tr.at == 0 {
		eventually(s.t, "the gateway knows that it is connected", func() bool { return s.connected() == s.played+1 })
	}
	sides := [2]*endsPeer{{client, &tr}, {upstream, &tr}}
	sender, receiver := sides[tr.from], sides[1-tr.from]
	begin, got := make(chan struct{}), make(chan received, 1)
	if !tr.slow || tr.at > 32<<10 {
		close(begin)
	}
	go func() {
		<-begin
		got <- receiver.receive()
	}()
	if err := sender.perform(stream, receiver); err != nil {
		s.t.Fatalf("%v: %v", &tr, err)
	}
	if tr.slow && tr.at <= 32<<10 {
		close(begin)
	}
	all := <-got
	if err := tr.judge(stream, all); err != nil {
		s.t.Fatalf("%v (seed %d): %v", &tr, seed, err)
	}
	receiver.Close()
	if tr.end == fin {
		sender.receiveFIN()
	}
	sender.Close()
	s.over <- struct{}{}
	s.ended[tr.route()]++
	line := s.g.ended(tr.route(), s.ended[tr.route()])
	if line.Reason != tr.reason() {
		s.t.Fatalf("%v (seed %d): ended as %s", &tr, seed, line.Reason)
	}
	if counted := [2]uint64{line.ClientBytes, line.UpstreamBytes}[tr.from]; counted != uint64(len(stream)) {
		s.t.Fatalf("%v (seed %d): the log counts %d bytes", &tr, seed, counted)
	}
	s.played++
}

// connected counts the upstream connections that the gateway has made. One that is reset before it knows is a failed attempt.
func (s *stage) connected() (n int) {
	for _, u := range s.g.snapshot().Upstreams {
		n += int(u.Endpoints[0].Connects["ok"])
	}
	return n
}

// received is what one side saw of the other.
type received struct {
	all []byte
	err error // nil for a FIN
}

func (r received) how() string {
	if r.err == nil {
		return "a FIN"
	}
	return r.err.Error()
}

// judge compares what the other side saw with what happened.
func (tr *trial) judge(stream []byte, got received) error {
	if !bytes.Equal(got.all, stream) {
		same := 0
		for same < min(len(got.all), len(stream)) && got.all[same] == stream[same] {
			same++
		}
		return fmt.Errorf("%d of %d bytes arrived, the first %d right; then %s", len(got.all), len(stream), same, got.how())
	}
	switch {
	case tr.end == fin && got.err != nil:
		return fmt.Errorf("%w instead of a FIN", got.err)
	case tr.end == fin, isReset(got.err):
		return nil
	case got.err == nil && tr.networks[1-tr.from] == "unix":
		return nil // a unix socket has no reset but where bytes of its peer were not read
	}
	return fmt.Errorf("%s instead of a reset", got.how())
}
