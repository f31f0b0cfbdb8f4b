package arrival

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
)

// hello returns what a TLS client of Go's sends first.
func hello(t testing.TB, cfg *tls.Config) []byte {
	t.Helper()
	var sent capture
	cfg.InsecureSkipVerify = true
	_ = tls.Client(&sent, cfg).HandshakeContext(t.Context()) // it ends at the first read
	return sent.Bytes()
}

var errNoMore = errors.New("nothing to read")

// capture is a connection that keeps what is written to it.
type capture struct {
	net.Conn
	bytes.Buffer
}

func (c *capture) Read([]byte) (int, error)    { return 0, errNoMore }
func (c *capture) Write(b []byte) (int, error) { return c.Buffer.Write(b) }
func (c *capture) Close() error                { return nil }

// inRecords spreads the message of one record over others of at most size bytes.
func inRecords(record []byte, size int) (all []byte) {
	for part := range slices.Chunk(record[recordHeader:], size) {
		all = append(all, recordHandshake, 3, 1)
		all = binary.BigEndian.AppendUint16(all, uint16(len(part)))
		all = append(all, part...)
	}
	return all
}

func TestTheServerNameIsFoundHoweverTheHelloIsCut(t *testing.T) {
	whole := hello(t, &tls.Config{ServerName: "A.Example.", NextProtos: []string{"h2", "http/1.1"}})
	for _, size := range []int{1, 2, 3, 7, 100, 512, len(whole)} {
		stream := append(inRecords(whole, size), "what follows"...)
		got, at := ParseHello(stream)
		if at.Stage != Complete || got.ServerName != "a.example" || !slices.Equal(got.ALPN, []string{"h2", "http/1.1"}) {
			t.Fatalf("records of %d bytes: %+v, %+v", size, got, at)
		}
		if end := len(stream) - len("what follows"); at.Length != end {
			t.Errorf("records of %d bytes: it ends at %d, not %d", size, at.Length, end)
		}
		for n := range at.Length {
			_, early := ParseHello(stream[:n])
			if early.Stage != Incomplete || early.Need <= n || early.Need > at.Length {
				t.Fatalf("records of %d bytes, %d bytes of %d have come: %+v", size, n, at.Length, early)
			}
		}
	}
}

// TestAHelloThatTricklesIsSeldomLookedAt counts how often it is parsed when who does waits for as many bytes as are needed.
func TestAHelloThatTricklesIsSeldomLookedAt(t *testing.T) {
	whole := hello(t, &tls.Config{ServerName: "a.example"})
	looks, n := 0, 0
	for {
		looks++
		_, at := ParseHello(whole[:n])
		if at.Stage == Complete {
			break
		}
		n = at.Need
	}
	if looks > 4 {
		t.Errorf("it was looked at %d times", looks)
	}
}

func TestWhatIsNoHello(t *testing.T) {
	good := hello(t, &tls.Config{ServerName: "a.example"})
	changed := func(change func(b []byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	endless := inRecords(append(make([]byte, recordHeader), changed(func(b []byte) { b[6], b[7], b[8] = 0, 0xff, 0xff })[recordHeader:]...), 100)
	for name, b := range map[string][]byte{
		"a request of HTTP":                  []byte("GET / HTTP/1.1\r\n"),
		"one byte of another protocol":       {0x16 + 1},
		"an SSLv2 hello":                     {0x80, 0x2e, 1, 3, 1},
		"a record of another version":        changed(func(b []byte) { b[1] = 2 }),
		"an empty record":                    changed(func(b []byte) { b[3], b[4] = 0, 0 }),
		"a record that is too long":          changed(func(b []byte) { b[3], b[4] = 0x40, 1 }),
		"another message":                    changed(func(b []byte) { b[5] = 2 }),
		"a message of no bytes":              changed(func(b []byte) { b[6], b[7], b[8] = 0, 0, 0 }),
		"a message of 16 MB":                 changed(func(b []byte) { b[6] = 0xff }),
		"a message that is too long":         endless,
		"a session id behind the end":        changed(func(b []byte) { b[recordHeader+messageHeader+2+randomLength] = 0xff }),
		"extensions that end elsewhere":      append(changed(func(b []byte) { b[4]++; b[8]++ }), 0),
		"16 KiB of records with a byte each": inRecords(append(make([]byte, recordHeader), append([]byte{1, 0, 0x3f, 0}, make([]byte, 0x3f00)...)...), 1),
	} {
		t.Run(name, func(t *testing.T) {
			got, at := ParseHello(b)
			if at.Stage != Malformed {
				t.Errorf("%+v, %+v", got, at)
			}
		})
	}
}

func TestAHelloWithoutAServerName(t *testing.T) {
	got, at := ParseHello(hello(t, &tls.Config{}))
	if at.Stage != Complete || got.ServerName != "" {
		t.Errorf("%+v, %+v", got, at)
	}
}

func TestServerNamesAreComparedInOneForm(t *testing.T) {
	for name, want := range map[string]string{
		"a.example": "a.example", "A.EXAMPLE": "a.example", "a.example.": "a.example", "_sip.a": "_sip.a", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"": "", ".": "", "..": "", "a..b": "", ".a": "", "a b": "", "a\nb": "", "bücher.example": "", "a/b": "",
		strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127) + "a": "",
	} {
		if got := NormalName(name); got != want {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
}

func FuzzParseHello(f *testing.F) {
	whole := hello(f, &tls.Config{ServerName: "a.example", NextProtos: []string{"h2"}})
	f.Add(whole, uint16(3))
	f.Add(inRecords(whole, 40), uint16(60))
	f.Add([]byte("GET / HTTP/1.1\r\n"), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		before := bytes.Clone(b)
		got, at := ParseHello(b)
		if !bytes.Equal(b, before) {
			t.Fatal("it has written into what it was given")
		}
		if got.ServerName != NormalName(got.ServerName) {
			t.Fatalf("%q is no normal name", got.ServerName)
		}
		if at.Stage == Incomplete && (at.Need <= len(b) || at.Need > MaxHello) || at.Stage == Complete && (at.Length > len(b) || at.Length > MaxHello) {
			t.Fatalf("%d bytes: %+v", len(b), at)
		}
		if int(cut) > len(b) {
			return
		}
		switch _, early := ParseHello(b[:cut]); {
		case early.Stage == Malformed && at.Stage != Malformed:
			t.Fatalf("%d of %d bytes: %+v, but all: %+v", cut, len(b), early, at)
		case early.Stage == Complete && early != at:
			t.Fatalf("%d of %d bytes: %+v, but all: %+v", cut, len(b), early, at)
		case early.Stage == Incomplete && at.Stage == Complete && early.Need > at.Length:
			t.Fatalf("%d of %d bytes: %+v, but all: %+v", cut, len(b), early, at)
		}
	})
}

func BenchmarkParseHello(b *testing.B) {
	whole := hello(b, &tls.Config{ServerName: "a.example"})
	b.ReportAllocs()
	for b.Loop() {
		if _, at := ParseHello(whole); at.Stage != Complete {
			b.Fatal(at)
		}
	}
}
