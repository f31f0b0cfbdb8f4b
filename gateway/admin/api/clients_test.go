package api

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestClientsAreChosenWholeNeverByPart(t *testing.T) {
	all := []string{
		"127.0.0.1:4711", "127.0.0.1:4712", "127.0.0.12:4711", "127.0.0.100:47", "10.0.3.7:50412",
		"[2001:db8::5]:40000", "[2001:db8::51]:40000", "[fe80::1%eth0]:1", "unix",
	}
	for text, want := range map[string][]string{
		"127.0.0.1":             {"127.0.0.1:4711", "127.0.0.1:4712"},
		"127.0.0.1:4711":        {"127.0.0.1:4711"},
		"127.0.0.1:471":         nil,
		"127.0.0.1:0":           nil,
		"::ffff:127.0.0.1":      {"127.0.0.1:4711", "127.0.0.1:4712"},
		"127.0.0.0/8":           {"127.0.0.1:4711", "127.0.0.1:4712", "127.0.0.12:4711", "127.0.0.100:47"},
		"127.0.0.12/32":         {"127.0.0.12:4711"},
		"2001:db8::5":           {"[2001:db8::5]:40000"},
		"[2001:db8::5]":         {"[2001:db8::5]:40000"},
		"[2001:db8::5]:40000":   {"[2001:db8::5]:40000"},
		"2001:db8::/32":         {"[2001:db8::5]:40000", "[2001:db8::51]:40000"},
		"fe80::1":               {"[fe80::1%eth0]:1"},
		"fe80::1%eth0":          {"[fe80::1%eth0]:1"},
		"fe80::1%eth1":          nil,
		"fe80::/10":             {"[fe80::1%eth0]:1"},
		"unix":                  {"unix"},
		"192.0.2.1":             nil,
		"[::ffff:10.0.3.7]:504": nil,
	} {
		clients, err := ParseClients(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, one := range all {
			address, _ := netip.ParseAddrPort(one) // that of a unix socket is zero
			if clients.Has(address) {
				got = append(got, one)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestWhatIsNoWholeAddressIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0": "no address", "": "no address", "[": "no address", "gate.example": "no address", "127.0.0.1:": "no address",
		"unix:/run/x": "no address", "10.0.3.1/24": "that which has it is 10.0.3.0/24", "10.0.0.0/33": "no address",
	} {
		if _, err := ParseClients(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want something with %q", text, err, want)
		}
	}
}
