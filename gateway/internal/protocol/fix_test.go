package protocol

import (
	"fmt"
	"testing"
)

// fixMessage frames a body, in which | stands for SOH.
func fixMessage(body string) string {
	b := []byte(body)
	for i, c := range b {
		if c == '|' {
			b[i] = soh
		}
	}
	head := fmt.Sprintf("8=FIX.4.4\x019=%d\x01%s", len(b), b)
	sum := byte(0)
	for _, c := range []byte(head) {
		sum += c
	}
	return fmt.Sprintf("%s10=%03d\x01", head, sum)
}

func TestFIX(t *testing.T) {
	logon := fixMessage("35=A|49=C|56=S|34=1|98=0|108=30|")
	beat, order := fixMessage("35=0|49=C|56=S|34=2|"), fixMessage("35=D|49=C|56=S|34=3|58=10=000|")
	converseNamed(t, NewFIX, []namedRow{
		{"2.4 times the interval of the client's Logon", Options{},
			conversation{client(logon), upstream(fixMessage("35=A|108=10|")), client(beat + order + fixMessage("35=1|112=x|") + fixMessage("35=AE|"))},
			transcript{
				Events: [2]string{
					"message of 54\nheartbeat of 42\nmessage of 52\nheartbeat of 33\nmessage of 27\n", "message of 34\n"},
				Keepalive: 72_000,
			}},
	})
	breakNamed(t, NewFIX, []brokenRow{
		{"no FIX", Options{}, conversation{client("8=FIY")}, FaultFIXBegin},
		{"no BodyLength", Options{}, conversation{client("8=FIX.4.4\x013")}, FaultFIXBegin},
		{"an endless version", Options{}, conversation{client("8=FIX.4.4.4.4.4.")}, FaultFIXBegin},
		{"a length that is none", Options{}, conversation{client("8=FIX.4.4\x019=x")}, FaultFIXLength},
		{"a length of ten digits", Options{}, conversation{client("8=FIX.4.4\x019=1234567890")}, FaultFIXLength},
		{"a length too short for a type", Options{}, conversation{client("8=FIX.4.4\x019=4\x01")}, FaultFIXLength},
		{"a type that the length cuts", Options{}, conversation{client("8=FIX.4.4\x019=5\x0135=AE")}, FaultFIXLength},
		{"no type", Options{}, conversation{client("8=FIX.4.4\x019=20\x0134")}, FaultFIXType},
		{"an empty type", Options{}, conversation{client("8=FIX.4.4\x019=20\x0135=\x01")}, FaultFIXType},
		{"no trailer", Options{}, conversation{client("8=FIX.4.4\x019=5\x0135=0\x0110=12x")}, FaultFIXTrailer},
		{"larger than the limit", Options{Limit: 100}, conversation{client("8=FIX.4.4\x019=90\x01")}, FaultTooLarge},
	})
}

func FuzzFIX(f *testing.F) {
	fuzzNamed(f, NewFIX(Options{Limit: 200}), conversation{client(fixMessage("35=A|108=30|") + fixMessage("35=0|34=2|"))})
}

func BenchmarkFIX(b *testing.B) {
	order := fixMessage("35=D|49=C|56=S|34=3|58=hello|")
	benchNamed(b, NewFIX(Options{}), nil, order, order)
}
