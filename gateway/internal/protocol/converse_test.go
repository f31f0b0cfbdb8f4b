package protocol

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// A conversation is what the two ends of a connection say, in turns. The files in testdata/conversations have one turn a
// line: `client "bytes"` or `upstream "bytes"`, in Go's quoting; lines that begin with # are comments.
type conversation []turn

type turn struct {
	from  Direction
	bytes []byte
	probe bool // before it, the gateway probes
}

func readConversation(t testing.TB, file string) (c conversation) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 64<<20)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		who, quoted, _ := strings.Cut(line, " ")
		said, err := strconv.Unquote(quoted)
		from, known := map[string]Direction{"client": FromClient, "upstream": FromUpstream}[who]
		if err != nil || !known {
			t.Fatalf("%s:%d: want `client \"…\"` or `upstream \"…\"`", file, n)
		}
		c = append(c, turn{from: from, bytes: []byte(said)})
	}
	return c
}

// transcript is what came of a conversation.
type transcript struct {
	Events  [2]string // by direction: each message with its kind and its length, or what broke the stream
	Passed  [2][]byte // by direction
	Answers []byte    // the gateway's own, to the client
	Owed    int
	Owes    bool // set by everyCut where Owed is not 0
	Opaque  bool

	InTransaction bool

	Keepalive uint32 // milliseconds
}

// equal is cmp.Equal, but fast.
func (t transcript) equal(o transcript) bool {
	return t.Events == o.Events && bytes.Equal(t.Passed[0], o.Passed[0]) && bytes.Equal(t.Passed[1], o.Passed[1]) &&
		bytes.Equal(t.Answers, o.Answers) && t.Owed == o.Owed && t.Owes == o.Owes && t.InTransaction == o.InTransaction && t.Opaque == o.Opaque && t.Keepalive == o.Keepalive
}

// converser carries a conversation as a loop does: what is withheld is given again, with what comes next.
type converser struct {
	rule     Protocol
	dialogue Dialogue
	again    [2][]byte
	passed   [2]int // of these
	begun    [2]int // bytes of the message under way
	skip     bool   // pass known bytes by Skip, not by Scan
	got      transcript
	broken   bool
}

// converse cuts each turn into reads of the sizes that next gives.
func converse(rule Protocol, c conversation, skip bool, next func() int) (transcript, error) {
	v := &converser{rule: rule, skip: skip}
	for _, turn := range c {
		if turn.probe {
			v.got.Answers = rule.(Prober).Probe(&v.dialogue, v.got.Answers)
		}
		for b := turn.bytes; len(b) > 0 && !v.broken; {
			n := min(len(b), max(1, next()))
			if err := v.read(turn.from, b[:n]); err != nil {
				return v.got, err
			}
			b = b[n:]
		}
	}
	for from := range v.again {
		if v.passed[from] < len(v.again[from]) && !v.broken { // the stream ends
			v.dialogue.Release(Direction(from))
			if err := v.read(Direction(from), nil); err != nil {
				return v.got, err
			}
		}
	}
	v.got.Owed, v.got.Opaque, v.got.Keepalive = int(v.dialogue.owed), v.dialogue.Opaque(), v.dialogue.keepalive
	v.got.Owes = Owes(rule, &v.dialogue)
	if v.got.Opaque {
		v.got.Owed = 0
	}
	if of, ok := rule.(Transactor); ok {
		v.got.InTransaction = of.InTransaction(&v.dialogue)
	}
	return v.got, nil
}

func (v *converser) read(from Direction, b []byte) error {
	b = append(v.again[from], b...)
	v.again[from] = nil
	for len(b) > 0 {
		if v.dialogue.Opaque() {
			v.got.Passed[from] = append(v.got.Passed[from], b...)
			return nil
		}
		n, event := v.take(from, b)
		switch {
		case event == Withhold || event == Partial:
			if n != 0 || len(b) >= MaxAgain || v.dialogue.AtBoundary(from) || !v.dialogue.Again(from) {
				return fmt.Errorf("%d of %d bytes %s, at a boundary: %t", n, len(b), event, v.dialogue.AtBoundary(from))
			}
			v.again[from] = bytes.Clone(b)
			if event == Partial {
				v.pass(from, b)
				v.passed[from] = len(b)
			}
			return nil
		case event.Broken():
			v.broken = true
			v.note(from, "%s: %s", event, v.dialogue.Fault(from))
			whole := len(v.got.Passed[from]) - v.begun[from] - v.passed[from]
			v.got.Passed[from] = v.got.Passed[from][:whole] // how much of the broken message depends on the cuts
			return nil
		case event == None && n == 0:
			return fmt.Errorf("none after 0 of %d bytes", len(b))
		}
		v.took(from, b[:n], event)
		b = b[n:]
	}
	return nil
}

func (v *converser) take(from Direction, b []byte) (int, Event) {
	if ahead := v.dialogue.Ahead(from); v.skip && ahead > 0 {
		n := min(ahead, uint64(len(b)))
		return int(n), v.rule.Skip(&v.dialogue, from, n)
	}
	return v.rule.Scan(&v.dialogue, from, b)
}

func (v *converser) took(from Direction, b []byte, event Event) {
	v.begun[from] += len(b)
	switch event {
	case Answer:
		v.got.Answers = v.rule.(Answerer).Answer(v.got.Answers, b)
	case ProbeAnswer:
	default:
		v.pass(from, b)
	}
	v.passed[from] = 0
	if event != None {
		v.note(from, "%s of %d", event, v.begun[from])
		v.begun[from] = 0
	}
}

// pass passes on what of b has not been.
func (v *converser) pass(from Direction, b []byte) {
	v.got.Passed[from] = append(v.got.Passed[from], b[v.passed[from]:]...)
}

func (v *converser) note(from Direction, format string, args ...any) {
	v.got.Events[from] += fmt.Sprintf(format, args...) + "\n"
}

// cuts gives sizes of reads.
func whole() int    { return 1 << 30 }
func bytewise() int { return 1 }

// at gives one cut, and then none.
func cutAt(n int) func() int {
	return func() int {
		size := n
		n = 1 << 30
		return size
	}
}
