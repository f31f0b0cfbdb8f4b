package protocol

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// namedRow is a conversation in a named protocol, and what comes of it.
type namedRow struct {
	name string
	opts Options
	said conversation
	want transcript
}

// converseNamed plays the rows, cut everywhere. Where a row does not say what is passed on, all is.
func converseNamed(t *testing.T, newRule func(Options) Protocol, rows []namedRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.want.Passed[0] == nil && row.want.Passed[1] == nil {
				for _, turn := range row.said {
					row.want.Passed[turn.from] = append(row.want.Passed[turn.from], turn.bytes...)
				}
			}
			everyCut(t, newRule(row.opts), row.said, row.want)
		})
	}
}

// broken are streams that end with a fault, at the first byte that shows it.
type brokenRow struct {
	name  string
	opts  Options
	said  conversation // sound, but for the last byte of the last turn
	fault Fault
}

func breakNamed(t *testing.T, newRule func(Options) Protocol, rows []brokenRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			last := &row.said[len(row.said)-1]
			for _, size := range []int{1, 2, 3, 1 << 20} {
				v := &converser{rule: newRule(row.opts)}
				for i := range row.said {
					turn := &row.said[i]
					for b := turn.bytes; len(b) > 0; {
						if v.broken {
							t.Fatalf("reads of %d: broken %d bytes before the end of turn %d: %s", size, len(b), i, v.dialogue.Fault(turn.from))
						}
						n := min(size, len(b))
						if turn == last && n == len(b) && n > 1 {
							n-- // the last byte comes alone
						}
						if err := v.read(turn.from, b[:n]); err != nil {
							t.Fatal(err)
						}
						b = b[n:]
					}
				}
				if got := v.dialogue.Fault(last.from); got != row.fault || !v.broken {
					t.Errorf("reads of %d: %s, want %s", size, got, row.fault)
				}
			}
		})
	}
}

// fuzzNamed says data to a protocol, in turns, and wants the same to come of it whole and cut. Each byte of turns is the
// length of a turn, the side that speaks in its lowest bit; each byte of cuts the size of a read.
func fuzzNamed(f *testing.F, rule Protocol, seeds ...conversation) {
	for _, c := range seeds {
		var data, turns []byte
		for _, turn := range c {
			for b := turn.bytes; len(b) > 0; {
				n := min(len(b), 127)
				data, turns = append(data, b[:n]...), append(turns, byte(n<<1)|byte(turn.from))
				b = b[n:]
			}
		}
		f.Add(data, turns, []byte{3, 1})
	}
	f.Fuzz(func(t *testing.T, data, turns, cuts []byte) {
		var said conversation
		for _, n := range turns {
			size := min(int(n>>1), len(data))
			said = append(said, turn{from: Direction(n & 1), bytes: data[:size]})
			data = data[size:]
		}
		want, err := converse(rule, said, false, whole)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		drawn := func() int {
			if len(cuts) == 0 {
				return 1
			}
			i++
			return int(cuts[i%len(cuts)])
		}
		for _, skip := range []bool{false, true} {
			for _, next := range []func() int{bytewise, drawn} {
				got, err := converse(rule, said, skip, next)
				if err != nil {
					t.Fatal(err)
				}
				if got.equal(want) {
					continue
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("skip %t (-whole +cut):\n%s", skip, diff)
				}
			}
		}
	})
}

// benchNamed scans a request and its reply.
func benchNamed(b *testing.B, rule Protocol, before conversation, request, reply string) {
	var d Dialogue
	for _, turn := range before {
		for b := turn.bytes; len(b) > 0; {
			n, _ := rule.Scan(&d, turn.from, b)
			b = b[n:]
		}
	}
	ask, answer := []byte(request), []byte(reply)
	b.SetBytes(int64(len(ask) + len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		if n, event := rule.Scan(&d, FromClient, ask); n != len(ask) || event.Broken() {
			b.Fatal(n, event, d.Fault(FromClient))
		}
		if n, event := rule.Scan(&d, FromUpstream, answer); n != len(answer) || event.Broken() {
			b.Fatal(n, event, d.Fault(FromUpstream))
		}
	}
	b.ReportMetric(2*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
