package arrival

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

// v2 is a header of version 2.
func v2(command, family byte, body string) string {
	return signature + string([]byte{command, family}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(body)))) + body
}

const ipv4 = "\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb" // 192.0.2.1:56324 to 198.51.100.1:443

func TestHeadersAreReadHoweverTheyAreCut(t *testing.T) {
	v6 := strings.Repeat("\x00", 15) + "\x01" + strings.Repeat("\x00", 15) + "\x02" + "\x00\x07\x00\x08"
	for name, test := range map[string]struct {
		header string
		want   Header
	}{
		"version 1":                       {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", Header{1, netip.MustParseAddrPort("192.0.2.1:56324"), netip.MustParseAddrPort("198.51.100.1:443"), false}},
		"version 1 over IPv6":             {"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", Header{1, netip.MustParseAddrPort("[2001:db8::1]:1"), netip.MustParseAddrPort("[2001:db8::2]:2"), false}},
		"version 1, from nobody":          {"PROXY TCP6 :: ::1 0 443\r\n", Header{Version: 1}},
		"version 1, unknown":              {"PROXY UNKNOWN\r\n", Header{Version: 1}},
		"version 1, unknown with more":    {"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", Header{Version: 1}},
		"version 2":                       {v2(0x21, 0x11, ipv4), Header{2, netip.MustParseAddrPort("192.0.2.1:56324"), netip.MustParseAddrPort("198.51.100.1:443"), false}},
		"version 2 over IPv6":             {v2(0x21, 0x21, v6), Header{2, netip.MustParseAddrPort("[::1]:7"), netip.MustParseAddrPort("[::2]:8"), false}},
		"version 2 with what it may have": {v2(0x21, 0x11, ipv4+"\x04\x00\x03abc"), Header{2, netip.MustParseAddrPort("192.0.2.1:56324"), netip.MustParseAddrPort("198.51.100.1:443"), false}},
		"version 2, local":                {v2(0x20, 0, ""), Header{Version: 2, Local: true}},
		"version 2, local with addresses": {v2(0x20, 0x11, ipv4), Header{Version: 2, Local: true}},
		"version 2 of a unix socket":      {v2(0x21, 0x31, strings.Repeat("a", 216)), Header{Version: 2}},
		"version 2 over UDP":              {v2(0x21, 0x12, ipv4), Header{Version: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			stream := []byte(test.header + "what follows")
			got, at := ParseHeader(stream)
			if got != test.want || at.Stage != Complete || at.Length != len(test.header) {
				t.Fatalf("%+v, %+v; want %+v", got, at, test.want)
			}
			for n := range len(test.header) {
				if _, early := ParseHeader(stream[:n]); early.Stage != Incomplete || early.Need <= n || early.Need > len(test.header) {
					t.Fatalf("%d bytes have come: %+v", n, early)
				}
			}
		})
	}
}

func TestWhatIsNoHeader(t *testing.T) {
	for name, header := range map[string]string{
		"another protocol":            "GET / HTTP/1.1\r\n",
		"nearly version 1":            "PROXYTCP4 1.1.1.1 1.1.1.1 1 1\r\n",
		"lower case":                  "proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
		"without a carriage return":   "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n",
		"a line without an end":       "PROXY TCP4 " + strings.Repeat("1", 200),
		"another family":              "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
		"a name for an address":       "PROXY TCP4 localhost 1.1.1.1 1 1\r\n",
		"an address of another kind":  "PROXY TCP4 ::1 1.1.1.1 1 1\r\n",
		"a port that is none":         "PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n",
		"a port too few":              "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
		"two spaces":                  "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
		"version 3":                   v2(0x31, 0x11, ipv4),
		"another command":             v2(0x22, 0x11, ipv4),
		"another family of version 2": v2(0x21, 0x41, ipv4),
		"addresses cut off":           v2(0x21, 0x11, ipv4[:11]),
		"longer than any":             v2(0x21, 0x11, ipv4+strings.Repeat("x", 4096)),
		"a signature cut short":       signature[:11] + "x" + v2(0x21, 0x11, ipv4)[12:],
	} {
		t.Run(name, func(t *testing.T) {
			if got, at := ParseHeader([]byte(header)); at.Stage != Malformed {
				t.Errorf("%+v, %+v", got, at)
			}
		})
	}
}

func TestHeadersThatArePassedOnSayWhatIsKnown(t *testing.T) {
	client, own := netip.MustParseAddrPort("192.0.2.1:56324"), netip.MustParseAddrPort("198.51.100.1:443")
	for name, test := range map[string]struct {
		passed Passed
		want   string
	}{
		"version 1":                        {Passed{Version: 1, Source: client, Destination: own, ServerName: "a"}, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"},
		"version 1 of a unix socket":       {Passed{Version: 1}, "PROXY UNKNOWN\r\n"},
		"version 2":                        {Passed{Version: 2, Source: client, Destination: own}, v2(0x21, 0x11, ipv4)},
		"version 2 of a unix socket":       {Passed{Version: 2}, v2(0x20, 0, "")},
		"version 2 with a server name":     {Passed{Version: 2, Source: client, Destination: own, ServerName: "a.example"}, v2(0x21, 0x11, ipv4+"\x02\x00\x09a.example")},
		"version 2 with ALPN and id":       {Passed{Version: 2, Source: client, Destination: own, ALPN: "h2", UniqueID: "7"}, v2(0x21, 0x11, ipv4+"\x01\x00\x02h2\x05\x00\x017")},
		"version 2 with TLS":               {Passed{Version: 2, Source: client, Destination: own, TLS: &TLS{Version: "TLSv1.3"}}, v2(0x21, 0x11, ipv4+"\x20\x00\x0f\x01\x00\x00\x00\x01\x21\x00\x07TLSv1.3")},
		"version 2 with a client's name":   {Passed{Version: 2, Source: client, Destination: own, TLS: &TLS{ClientCert: true, ClientSubject: "c"}}, v2(0x21, 0x11, ipv4+"\x20\x00\x09\x07\x00\x00\x00\x00\x22\x00\x01c")},
		"an IPv6 client of an IPv4 socket": {Passed{Version: 1, Source: netip.MustParseAddrPort("[2001:db8::1]:1"), Destination: own}, "PROXY TCP6 2001:db8::1 ::ffff:198.51.100.1 1 443\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.passed.Format()
			if err != nil || string(got) != test.want {
				t.Fatalf("%q, %v; want %q", got, err, test.want)
			}
			if _, at := ParseHeader(got); at.Stage != Complete || at.Length != len(got) {
				t.Errorf("it is not read again: %+v", at)
			}
		})
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), uint16(9))
	f.Add([]byte("PROXY UNKNOWN\r\n"), uint16(9))
	f.Add([]byte(v2(0x21, 0x11, ipv4)), uint16(15))
	f.Add([]byte(v2(0x21, 0x11, ipv4+"\x02\x00\x01a")), uint16(20))
	f.Add([]byte(v2(0x20, 0, "")), uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		got, at := ParseHeader(b)
		if at.Stage == Incomplete && (at.Need <= len(b) || at.Need > MaxHeader) || at.Stage == Complete && (at.Length > len(b) || at.Length > MaxHeader) {
			t.Fatalf("%d bytes: %+v", len(b), at)
		}
		if at.Stage == Complete && got.Source.IsValid() != got.Destination.IsValid() {
			t.Fatalf("only one address: %+v", got)
		}
		if int(cut) > len(b) {
			return
		}
		switch _, early := ParseHeader(b[:cut]); {
		case early.Stage == Malformed && at.Stage != Malformed, early.Stage == Complete && early != at,
			early.Stage == Incomplete && at.Stage == Complete && early.Need > at.Length:
			t.Fatalf("%d of %d bytes: %+v, but all: %+v", cut, len(b), early, at)
		}
	})
}

// TestTheLibraryReadsWhatIsPassedOn holds the headers to another reader of their TLVs than a byte by byte comparison.
func TestTheLibraryReadsWhatIsPassedOn(t *testing.T) {
	p := Passed{Version: 2, Source: netip.MustParseAddrPort("192.0.2.1:1"), Destination: netip.MustParseAddrPort("192.0.2.2:2"),
		ServerName: "a.example", ALPN: "mqtt", UniqueID: "17", TLS: &TLS{Version: "TLSv1.3", Cipher: "X"}}
	var kinds []proxyproto.PP2Type
	for _, tlv := range p.tlvs() {
		kinds = append(kinds, tlv.Type)
	}
	want := []proxyproto.PP2Type{proxyproto.PP2_TYPE_ALPN, proxyproto.PP2_TYPE_AUTHORITY, proxyproto.PP2_TYPE_UNIQUE_ID, proxyproto.PP2_TYPE_SSL}
	if !slices.Equal(kinds, want) {
		t.Errorf("%v, not %v", kinds, want)
	}
}
