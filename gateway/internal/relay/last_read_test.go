package relay

import (
	"strings"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// blasted is a protocol whose client has its socket full again whenever the gateway has read something of it, and whose upstream takes
// all that comes.
type blasted struct {
	protocol.Protocol
	refill func()
}

func (b blasted) Scan(d *protocol.Dialogue, from protocol.Direction, bytes []byte) (int, protocol.Event) {
	n, event := b.Protocol.Scan(d, from, bytes)
	if len(bytes) > 0 {
		b.refill()
	}
	return n, event
}

func (b blasted) Skip(d *protocol.Dialogue, from protocol.Direction, n uint64) protocol.Event {
	b.refill()
	return b.Protocol.Skip(d, from, n)
}

// blast makes the client send parts without end, but for a bound that no last read may come to. It returns how often the gateway has
// looked at some of that.
func (h *hearing) blast(part string) (looks *int) {
	const most = 64 << 20
	looks = new(int)
	sent, free := 0, make([]byte, 1<<20)
	fill := func() {
		for sent < most {
			n, _ := reactor.Write(h.peers[session.Client], []byte(part))
			if n <= 0 {
				return
			}
			sent += n
			part = part[n%len(part):] + part[:n%len(part)]
		}
	}
	fill()
	h.c.route.Rules.Protocol = blasted{h.c.route.Rules.Protocol, func() {
		*looks++
		for n := 1; n > 0; {
			n, _ = reactor.Read(h.peers[session.Upstream], free)
		}
		fill()
	}}
	return looks
}

// TestTheLastReadOfAClientThatBlastsIsBounded makes a timer that measures silence come due while a client sends without end. It is read
// once more, what lay there and no more than a turn of reads beyond that, and then the timer fires.
func TestTheLastReadOfAClientThatBlastsIsBounded(t *testing.T) {
	huge, err := protocol.NewLengthField(protocol.LengthField{Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		framer  protocol.Framer
		begin   string
		timer   deadline.Timer
		most    int // bytes of one read
		spliced bool
	}{
		{"first_message_timeout", lineFramer(t), "", deadline.FirstMessage, readSize, false},
		{"message_timeout", lineFramer(t), "", deadline.Message, readSize, false},
		{"idle_timeout of a message without a time limit", lineFramer(t), "", deadline.IdleTimeout, readSize, false},
		{"through pipes", huge, "\x7f\xff\xff\xff", deadline.FirstMessage, pipeSize, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var timers deadline.Durations
			timers[test.timer] = time.Second
			h := hear(t, test.framer, session.Rules{Enforced: timers, ResetOn: deadline.ResetOnClient})
			if test.spliced {
				h.cfg.Budget.Set(8 << 20)
				h.pool.pipes.most = 2
				t.Cleanup(h.pool.pipes.close)
			}
			h.says(session.Client, test.begin)
			h.blast(strings.Repeat("x", 60_000))
			flow, leg := &h.c.session.FromClient, &h.c.client
			leg.readable = true
			h.pump(h.c, protocol.FromClient) // the message begins
			before, lay := flow.Bytes, reactor.Unread(int(leg.fd))
			h.passes(2 * time.Second)
			if h.c.session.Reason != session.Ends(test.timer) {
				t.Errorf("ended as %v", h.c.session.Reason)
			}
			read := int(flow.Bytes - before)
			if read < lay || read > lay+turnReads*test.most {
				t.Errorf("read %d bytes: want the %d that lay there, and at most %d reads of %d more", read, lay, turnReads, test.most)
			}
			if used := h.pool.pipes.open > 0; used != test.spliced {
				t.Errorf("pipes were used: %v", used)
			}
		})
	}
}

// TestADeadlineReadsNothingFirst makes a timer come due that ends the connection whatever comes, while a client sends without end.
func TestADeadlineReadsNothingFirst(t *testing.T) {
	for timer, silence := range map[deadline.Timer]time.Duration{
		deadline.Deadline:      time.Second, // of two timers that are due, these name the end
		deadline.WriteDeadline: time.Second,
		deadline.MaxLifetime:   time.Minute,
	} {
		t.Run(timer.String(), func(t *testing.T) {
			timers := deadline.Durations{deadline.IdleTimeout: silence, deadline.FirstMessage: silence}
			timers[timer] = time.Second
			h := hear(t, lineFramer(t), session.Rules{Enforced: timers, ResetOn: deadline.ResetOnEither})
			looks := h.blast("a line\n")
			h.passes(2 * time.Second)
			if got := h.c.session.FromClient.Bytes; got > 0 || *looks > 0 || h.c.session.Reason != session.Ends(timer) {
				t.Errorf("ended as %v after %d bytes and %d looks", h.c.session.Reason, got, *looks)
			}
		})
	}
}
