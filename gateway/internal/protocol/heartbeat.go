package protocol

import (
	"bytes"
	"errors"
	"strconv"
)

// A heartbeat of a general framing is a message whose whole body is known beforehand, and so is the answer to it:
//
//	client                gateway                upstream
//	   │ match               │                      │
//	   ├────────────────────►├─────────────────────►│   or the gateway answers, and the upstream sees nothing
//	   │              answer │               answer │
//	   │◄────────────────────┤◄─────────────────────┤
//	   │ match               │
//	   │◄────────────────────┤                          a probe of the gateway's own
//	   │              answer │
//	   ├────────────────────►│                          is swallowed
//
// Either side may say either: both are heartbeats in both directions. Whether a message is one shows with its last byte, so
// that what has begun like one is withheld until then.

// HeartbeatRule says what the heartbeat of a framing is.
type HeartbeatRule struct {
	Match  []byte // the body of the heartbeat
	Answer []byte // the body of its answer; empty: it has none
	ByUs   bool   // the gateway answers those of clients itself
}

// heartbeat is a HeartbeatRule whose messages have been checked.
type heartbeat struct {
	HeartbeatRule
	framers [2]bodyFramer // by direction
}

// bodyFramer is a Framer whose messages have a body that can be told from what frames it.
type bodyFramer interface {
	Framer

	// match compares the message at the start of b with one of that body. n is its length where they are equal.
	match(b, body []byte) (n int, m matching)

	// frame appends to dst a message of that body. like is a message whose other bytes it takes over, nil: none.
	frame(dst, like, body []byte) []byte

	// checkBody returns why no message can have that body.
	checkBody(body []byte) error
}

// matching is what a comparison with the start of a stream comes to.
type matching uint8

const (
	differs matching = iota
	agrees           // as far as there are bytes
	equals
)

// compare compares b with what is wanted there. More bytes may follow in b.
func compare(b, want []byte) (int, matching) {
	switch {
	case bytes.HasPrefix(b, want):
		return len(want), equals
	case bytes.HasPrefix(want, b):
		return 0, agrees
	}
	return 0, differs
}

// NewHeartbeatFraming returns the Protocol of two framings with a heartbeat. It returns an error where a framing has no
// bodies, where a body is one that its framing cannot have, and where the gateway is to give an answer that is empty.
func NewHeartbeatFraming(framers [2]Framer, h HeartbeatRule) (Protocol, error) {
	if h.ByUs && len(h.Answer) == 0 {
		return nil, errors.New("a heartbeat that the gateway answers must have an answer")
	}
	known := &heartbeat{HeartbeatRule: h}
	for i, framer := range framers {
		f, ok := framer.(bodyFramer)
		if !ok {
			return nil, errors.New("raw has no messages, so that none can be a heartbeat")
		}
		known.framers[i] = f
		for word, body := range map[string][]byte{"match": h.Match, "answer": h.Answer} {
			if err := checkBody(f, body); err != nil && (word == "match" || len(body) > 0) {
				return nil, errors.New("heartbeat " + word + ": " + err.Error())
			}
		}
	}
	made := &framing{framers: framers, heartbeat: known}
	if len(h.Answer) > 0 {
		made.question = &question{ask: h.Match, answer: h.Answer, framers: known.framers}
	}
	return made, nil
}

func checkBody(f bodyFramer, body []byte) error {
	if len(body) == 0 {
		return errors.New("it is empty")
	}
	if err := f.checkBody(body); err != nil {
		return err
	}
	if len(f.frame(nil, nil, body)) >= MaxAgain {
		return errors.New("a message of it must have less than " + strconv.Itoa(MaxAgain) + " bytes")
	}
	return nil
}

// question is what the gateway asks a client that is silent, and what the client answers.
type question struct {
	ask, answer []byte
	own         bool          // they are no heartbeat and its answer
	framers     [2]bodyFramer // by direction
}

// Asker is a Protocol whose question to a client can be chosen.
type Asker interface {
	// Asking returns the same rule with another question, both bodies whole. It can go on in the middle of a stream. It
	// returns an error where a framing cannot have such a body.
	Asking(ask, answer []byte) (Protocol, error)
}

// Asks reports whether the gateway can ask clients of p whether they are there.
func Asks(p Protocol) bool {
	if f, ok := p.(*framing); ok {
		return f.question != nil
	}
	_, ok := p.(Prober)
	return ok
}

// AsksAgain reports whether clients of p may be asked again before they have answered. An answer of WebSocket's names its
// question, and one to the last may stand for those before (RFC 6455 section 5.5.3).
func AsksAgain(p Protocol) bool {
	_, ok := p.(*websocket)
	return ok
}

// Asking implements Asker.
func (f *framing) Asking(ask, answer []byte) (Protocol, error) {
	q := &question{ask: ask, answer: answer, own: true}
	for i, framer := range f.framers {
		of, ok := framer.(bodyFramer)
		if !ok {
			return nil, errors.New("raw has no messages, so that none can be a question")
		}
		q.framers[i] = of
	}
	if err := checkBody(q.framers[FromUpstream], ask); err != nil {
		return nil, errors.New("probe send: " + err.Error())
	}
	if err := checkBody(q.framers[FromClient], answer); err != nil {
		return nil, errors.New("probe expect: " + err.Error())
	}
	other := *f
	other.question = q
	return &other, nil
}

// recognise says whether the message at the start of b, where d stands at a boundary, is a heartbeat or the answer to the gateway's
// own question. None: it is neither, or is not to be told apart.
func (f *framing) recognise(d *Dialogue, from Direction, b []byte) (n int, event Event) {
	if d.flags.has(released.of(from)) {
		d.took(from)
		return 0, None
	}
	n, event, mayBe := f.answersOwn(d, from, b)
	if event != None {
		return n, event
	}
	if h := f.heartbeat; h != nil {
		n, first := h.framers[from].match(b, h.Match)
		if first == equals {
			d.took(from)
			return n, h.meaning(d, from)
		}
		second := differs
		if len(h.Answer) > 0 {
			n, second = h.framers[from].match(b, h.Answer)
		}
		if second == equals {
			d.took(from)
			return n, f.answered(d, from)
		}
		mayBe = mayBe || first == agrees || second == agrees
	}
	if mayBe {
		return d.withhold(from)
	}
	d.took(from)
	return 0, None
}

// answersOwn says whether the message at the start of b is the awaited answer to a question that is no heartbeat, or may become it.
func (f *framing) answersOwn(d *Dialogue, from Direction, b []byte) (n int, event Event, mayBe bool) {
	q := f.asked(d)
	if q == nil || !q.own || !d.awaitsAnswer(from) {
		return 0, None, false
	}
	n, m := q.framers[from].match(b, q.answer)
	if m != equals {
		return 0, None, m == agrees
	}
	d.took(from)
	d.clear(probed | former)
	return n, ProbeAnswer, false
}

// meaning says what becomes of a heartbeat: the gateway answers a client's where it may.
func (h *heartbeat) meaning(d *Dialogue, from Direction) Event {
	if h.ByUs && from == FromClient && d.MayInsert(FromUpstream) {
		return Answer
	}
	return Heartbeat
}

// answered says what becomes of the answer to a heartbeat: the first after a probe that was one is for the gateway.
func (f *framing) answered(d *Dialogue, from Direction) Event {
	if q := f.asked(d); q != nil && !q.own && d.awaitsAnswer(from) {
		d.clear(probed | former)
		return ProbeAnswer
	}
	return Heartbeat
}

// Answer implements Answerer.
func (f *framing) Answer(dst, asked []byte) []byte {
	h := f.heartbeat
	if h.framers[FromClient] != h.framers[FromUpstream] {
		asked = nil // the client's header is none of the other framing's
	}
	return h.framers[FromUpstream].frame(dst, asked, h.Answer)
}

// Probe implements Prober.
func (f *framing) Probe(d *Dialogue, dst []byte) []byte {
	q := f.question
	if q == nil || !d.MayInsert(FromUpstream) {
		return dst
	}
	d.set(probed)
	return q.framers[FromUpstream].frame(dst, nil, q.ask)
}
