package policy

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	longest := "/" + strings.Repeat("x", maxUnixPath-1)
	tests := []struct {
		text     string
		want     Address
		printed  string // "" where it is text
		loopback bool
	}{
		{text: "127.0.0.1:9180", want: Address{Host: "127.0.0.1", Port: 9180}, loopback: true},
		{text: "127.0.0.1:0", want: Address{Host: "127.0.0.1"}, loopback: true},
		{text: "127.9.9.9:1", want: Address{Host: "127.9.9.9", Port: 1}, loopback: true},
		{text: "localhost:1", want: Address{Host: "localhost", Port: 1}, loopback: true},
		{text: "LocalHost:1", want: Address{Host: "localhost", Port: 1}, printed: "localhost:1", loopback: true},
		{text: "[::1]:1", want: Address{Host: "::1", Port: 1}, loopback: true},
		{text: "[::ffff:127.0.0.1]:1", want: Address{Host: "127.0.0.1", Port: 1}, printed: "127.0.0.1:1", loopback: true},
		{text: "[0:0::0]:7000", want: Address{Host: "::", Port: 7000}, printed: "[::]:7000"},
		{text: ":7000", want: Address{Port: 7000}},
		{text: "0.0.0.0:65535", want: Address{Host: "0.0.0.0", Port: 65535}},
		{text: "a-b.example_1.com:080", want: Address{Host: "a-b.example_1.com", Port: 80}, printed: "a-b.example_1.com:80"},
		{text: "db.example.com.:80", want: Address{Host: "db.example.com.", Port: 80}},
		{text: "unix:/run/x.sock", want: Address{Path: "/run/x.sock"}},
		{text: "unix:" + longest, want: Address{Path: longest}},
	}
	for _, test := range tests {
		got, err := ParseAddress(test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseAddress(%q) = %#v, %v, want %#v", test.text, got, err, test.want)
		}
		printed := test.printed
		if printed == "" {
			printed = test.text
		}
		if got.String() != printed || got.IsLoopback() != test.loopback || got.IsZero() {
			t.Errorf("%q: String %q, IsLoopback %v, IsZero %v", test.text, got, got.IsLoopback(), got.IsZero())
		}
		if unix := test.want.Path != ""; got.IsUnix() != unix {
			t.Errorf("%q: IsUnix %v, want %v", test.text, got.IsUnix(), unix)
		}
	}
	if zero := (Address{}); !zero.IsZero() || zero.IsUnix() || zero.IsLoopback() || zero.String() != "" {
		t.Errorf("the zero Address is %q and taken for one", zero)
	}
}

func TestNoAddresses(t *testing.T) {
	for _, text := range []string{
		"", ":", ":0", "host", "host:", "host:-1", "host:+1", "host:65536", "host:http", "1.2.3.4", "1.2.3:80", "256.1.1.1:80",
		"::1", "::1:80", "[::1]", "[::1]80", "[1.2.3.4]:80", "[fe80::1%lo]:80", "[host]:80", "http://host:80", "a b:80",
		"-a:80", "a-:80", "a..b:80", ".:80", strings.Repeat("a", 64) + ":80", strings.Repeat("a.", 127) + "ab:80",
		"unix:", "unix:x", "unix:@x", "unix:/x/", "unix:/x\x00", "unix:/x\n", "unix:/" + strings.Repeat("x", maxUnixPath),
	} {
		if a, err := ParseAddress(text); err == nil {
			t.Errorf("ParseAddress(%q) = %#v, want an error", text, a)
		}
	}
}

func TestOverlappingAddresses(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{":7000", "0.0.0.0:7000", true},
		{":7000", "[::1]:7000", true},
		{":7000", "unix:/x", false},
		{":7000", ":7001", false},
		{":7000", "localhost:7000", true},
		{"0.0.0.0:7000", "127.0.0.1:7000", true},
		{"0.0.0.0:7000", "[::]:7000", false},
		{"[::]:7000", "[::1]:7000", true},
		{"127.0.0.1:7000", "127.0.0.2:7000", false},
		{"127.0.0.1:0", "127.0.0.1:0", false},
		{"unix:/x", "unix:/x", true},
		{"unix:/x", "unix:/y", false},
	}
	for _, test := range tests {
		a, errA := ParseAddress(test.a)
		b, errB := ParseAddress(test.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.overlaps(b) != test.want || b.overlaps(a) != test.want {
			t.Errorf("%s overlaps %s: %v, and the other way %v, want %v", a, b, a.overlaps(b), b.overlaps(a), test.want)
		}
	}
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":           "10.0.0.0/8",
		"192.0.2.1":            "192.0.2.1/32",
		"2001:db8::1":          "2001:db8::1/128",
		"2001:DB8::/32":        "2001:db8::/32",
		"::ffff:192.0.2.1":     "192.0.2.1/32",
		"::ffff:192.0.2.0/120": "192.0.2.0/24",
		"0.0.0.0/0":            "0.0.0.0/0",
		"::/0":                 "::/0",
	} {
		if p, err := parsePrefix(text); err != nil || p.String() != want {
			t.Errorf("parsePrefix(%q) = %v, %v, want %s", text, p, err, want)
		}
	}
	for _, text := range []string{"", "x", "10.0.0.0/33", "10.0.0.1/8", "10/8", "fe80::1%lo", "fe80::%lo/64", "10.0.0.0/", "::ffff:0:0/90"} {
		if p, err := parsePrefix(text); err == nil {
			t.Errorf("parsePrefix(%q) = %v, want an error", text, p)
		}
	}
}
