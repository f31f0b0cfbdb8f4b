package tlsconf

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"idlegate/gateway/internal/file"
)

// pipe returns two ends that take what is written to them though nobody reads yet: both sides may have an alert to send.
func pipe(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func made(t *testing.T, cfg Config) *Material {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheCertificateIsChosenByName(t *testing.T) {
	a := newAuthority(t, t.TempDir(), "authority")
	m := made(t, Config{Pairs: []Pair{
		a.issue("first", issued{names: []string{"first.example"}}),
		a.issue("wild", issued{names: []string{"*.Devices.example", "devices.example"}}),
		a.issue("exact", issued{names: []string{"one.devices.example"}}),
	}})
	for name, want := range map[string]string{
		"first.example":            "first",
		"any.devices.example":      "wild",
		"devices.example":          "wild",
		"ONE.devices.example":      "exact",
		"two.one.devices.example":  "first", // a wildcard stands for one label
		"elsewhere.example":        "first",
		"":                         "first",
		"wild.devices.example.org": "first",
	} {
		got, err := shown(t, m, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil || got != want {
			t.Errorf("%q is shown %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestOfTwoCertificatesForANameTheOneIsShownThatTheClientCanUse(t *testing.T) {
	a := newAuthority(t, t.TempDir(), "authority")
	m := made(t, Config{Pairs: []Pair{
		a.issue("other", issued{names: []string{"other.example"}}),
		a.issue("ecdsa", issued{names: []string{"gate.example"}}),
		a.issue("rsa", issued{names: []string{"gate.example"}, rsa: true}),
	}})
	for suite, want := range map[uint16]string{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ecdsa",
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:   "rsa",
	} {
		got, err := shown(t, m, &tls.Config{
			ServerName: "gate.example", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite},
		})
		if err != nil || got != want {
			t.Errorf("with %s: %q, %v", tls.CipherSuiteName(suite), got, err)
		}
	}
}

func TestVersionsAndProtocols(t *testing.T) {
	a := newAuthority(t, t.TempDir(), "authority")
	pair := a.issue("gate", issued{names: []string{"gate.example"}})
	for name, test := range map[string]struct {
		server Config
		client *tls.Config
		fails  string
	}{
		"1.2 by default":                    {Config{}, &tls.Config{MaxVersion: tls.VersionTLS12}, ""},
		"1.1 never":                         {Config{}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "protocol version"},
		"1.2 where 1.3 is the least":        {Config{MinVersion: tls.VersionTLS13}, &tls.Config{MaxVersion: tls.VersionTLS12}, "protocol version"},
		"a protocol that both speak":        {Config{ALPN: []string{"a", "b"}}, &tls.Config{NextProtos: []string{"c", "b"}}, ""},
		"none that both speak":              {Config{ALPN: []string{"a"}}, &tls.Config{NextProtos: []string{"b"}}, "no application protocol"},
		"a client that asks for none":       {Config{ALPN: []string{"a"}}, &tls.Config{}, ""},
		"a client's, where none is spoken":  {Config{}, &tls.Config{NextProtos: []string{"b"}}, ""},
		"a certificate for another name":    {Config{}, &tls.Config{ServerName: "else.example"}, "not else.example"},
		"no certificate where one is asked": {Config{CA: a.file, CAKey: "client_ca"}, &tls.Config{}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			test.server.Pairs = []Pair{pair}
			test.client.RootCAs = a.pool()
			if test.client.ServerName == "" {
				test.client.ServerName = "gate.example"
			}
			_, err := shown(t, made(t, test.server), test.client)
			if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("the error is %v, want %q", err, test.fails)
			}
		})
	}
}

func TestClientsCertificatesAreVerified(t *testing.T) {
	dir := t.TempDir()
	a, foreign := newAuthority(t, dir, "authority"), newAuthority(t, dir, "foreign")
	m := made(t, Config{Pairs: []Pair{a.issue("gate", issued{names: []string{"gate.example"}})}, CA: a.file, CAKey: "client_ca"})
	for name, test := range map[string]struct {
		pair  Pair
		fails bool
	}{
		"one of the authority": {a.issue("client", issued{}), false},
		"one of another":       {foreign.issue("stranger", issued{}), true},
		"one that has expired": {a.issue("old", issued{from: time.Now().Add(-2 * time.Hour), until: time.Now().Add(-time.Hour)}), true},
	} {
		own := made(t, Config{Client: true, Pairs: []Pair{test.pair}, CA: a.file, CAKey: "ca", ServerName: "gate.example"})
		if _, err := shown(t, m, own.TLS()); (err != nil) != test.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsWrongIsSaidAtItsKey(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir, "authority")
	good, other := a.issue("good", issued{}), a.issue("other", issued{})
	empty := write(t, dir, "empty", "")
	none := File{Path: filepath.Join(dir, "none"), Name: "none"}
	for name, test := range map[string]struct {
		cfg  Config
		says []string // each error
	}{
		"no certificate":             {Config{Pairs: []Pair{{Cert: none, Key: good.Key}}}, []string{"r.tls.cert: open " + none.Path + ": no such file"}},
		"neither":                    {Config{Pairs: []Pair{{Cert: none, Key: none}}}, []string{"r.tls.cert: open", "r.tls.key: open"}},
		"an empty file":              {Config{Pairs: []Pair{{Cert: empty, Key: good.Key}}}, []string{"r.tls.cert: " + empty.Path + " has no certificate in PEM"}},
		"no key":                     {Config{Pairs: []Pair{{Cert: good.Cert, Key: empty}}}, []string{"r.tls.key: " + empty.Path + " has no private key in PEM"}},
		"a certificate for key":      {Config{Pairs: []Pair{{Cert: good.Cert, Key: good.Cert}}}, []string{"r.tls.key: " + good.Cert.Path + " has no private key in PEM"}},
		"another's key":              {Config{Pairs: []Pair{{Cert: good.Cert, Key: other.Key}}}, []string{"r.tls.key: the key in " + other.Key.Path + " is not that of the certificate in " + good.Cert.Path}},
		"the second of several":      {Config{Pairs: []Pair{good, {Cert: none, Key: other.Key, At: "certificates[1]"}}}, []string{"r.tls.certificates[1].cert: open"}},
		"an authority that is a key": {Config{Pairs: []Pair{good}, CA: good.Key, CAKey: "client_ca"}, []string{"r.tls.client_ca: " + good.Key.Path + " has no certificate"}},
		"a device":                   {Config{Pairs: []Pair{{Cert: File{"/dev/zero", "zero"}, Key: good.Key}}}, []string{"r.tls.cert: read /dev/zero: a device"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg.At = "r.tls"
			_, err := New(test.cfg)
			if err == nil {
				t.Fatal("there is no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.says) {
				t.Fatalf("errors are %q, want %q", lines, test.says)
			}
			for i, says := range test.says {
				if !strings.HasPrefix(lines[i], says) {
					t.Errorf("the error is %q, want %q", lines[i], says)
				}
			}
			var at *Error
			if !errors.As(err, &at) || !strings.HasPrefix(at.Key, "r.tls.") {
				t.Errorf("the error has no key: %#v", err)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	a, other := newAuthority(t, dir, "authority"), newAuthority(t, dir, "other")
	now := time.Now()
	server := func(how issued) func() Config {
		return func() Config { return Config{Pairs: []Pair{a.issue("gate", how)}} }
	}
	for name, test := range map[string]struct {
		cfg  func() Config
		says string
	}{
		"a good one":            {server(issued{}), ""},
		"expired":               {server(issued{until: now.Add(-time.Hour)}), "tls.cert: the certificate in " + dir + "/gate.pem has expired"},
		"soon to expire":        {server(issued{until: now.Add(10 * 24 * time.Hour)}), "expires, or one that came along, on "},
		"not valid yet":         {server(issued{from: now.Add(time.Hour)}), "is not valid before "},
		"a weak key":            {server(issued{rsa: true}), "has an RSA key of 1024 bits; clients want 2048"},
		"behind it a wrong one": {server(issued{behind: [][]byte{other.cert.Raw}}), "is followed by one that has not signed it"},
		"an authority that is none": {func() Config {
			return Config{
				Pairs: []Pair{a.issue("gate", issued{})}, CA: a.issue("leaf", issued{}).Cert, CAKey: "client_ca",
			}
		}, "tls.client_ca: " + dir + "/leaf.pem has no certificate of an authority"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := test.cfg()
			cfg.At = "tls"
			var all []string
			for _, w := range made(t, cfg).Warnings(now) {
				all = append(all, w.Error())
			}
			if got := strings.Join(all, "\n"); test.says == "" && got != "" || !strings.Contains(got, test.says) {
				t.Errorf("warnings are %q, want %q", got, test.says)
			}
		})
	}
}

// told are the events of a Keeper.
type told struct {
	mu        sync.Mutex
	exchanged int     // Guarded by mu.
	refused   []error // Guarded by mu.
}

func (o *told) events() Events {
	return Events{
		Exchanged: func(*Material) { o.mu.Lock(); o.exchanged++; o.mu.Unlock() },
		Refused:   func(_ *Material, err error) { o.mu.Lock(); o.refused = append(o.refused, err); o.mu.Unlock() },
	}
}

// TestFilesThatChangeTakeOver goes through an exchange in virtual time: a second a look.
func TestFilesThatChangeTakeOver(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir, "authority")
	pair := a.issue("gate", issued{names: []string{"first.example"}})
	m := made(t, Config{Pairs: []Pair{pair}})
	other := a.issue("other", issued{names: []string{"second.example"}})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended, heard := make(chan struct{}), &told{}
		k := NewKeeper(heard.events())
		k.Keep([]*Material{m})
		go func() {
			defer close(ended)
			k.Watch(ctx, func(ctx context.Context) file.Ticks { return file.Tickers(ctx, time.Second) })
		}()
		later := func(what string, exchanged, refused int, name string) {
			t.Helper()
			<-time.After(5 * time.Second) // virtual
			synctest.Wait()
			heard.mu.Lock()
			defer heard.mu.Unlock()
			if heard.exchanged != exchanged || len(heard.refused) != refused || !m.IsFor(name) {
				t.Errorf("%s: exchanged %d times, refused %v, is for %s: %v", what, heard.exchanged, heard.refused, name, m.IsFor(name))
			}
		}
		later("nothing has changed", 0, 0, "first.example")
		rename(t, other.Cert.Path, pair.Cert.Path)
		later("the certificate without its key", 0, 1, "first.example")
		rename(t, other.Key.Path, pair.Key.Path)
		later("both", 1, 1, "second.example")
		if err := os.Remove(pair.Cert.Path); err != nil {
			t.Error(err)
		}
		later("it is gone", 1, 2, "second.example")
		k.Keep(nil)
		a.issue("gate", issued{names: []string{"third.example"}})
		later("it is kept no more", 1, 2, "second.example")
		cancel()
		<-ended
	})
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestExpiriesAreThoseOfTheWholeChain(t *testing.T) {
	a := newAuthority(t, t.TempDir(), "authority")
	long := time.Now().Add(90 * 24 * time.Hour).Truncate(time.Second)
	m := made(t, Config{Pairs: []Pair{a.issue("alone", issued{until: long}), a.issue("chain", issued{until: long, behind: [][]byte{a.cert.Raw}})}})
	all := m.Expiries()
	if len(all) != 2 || all[0].Certificate != "alone.pem" || !all[0].At.Equal(long) || !all[1].At.Equal(a.cert.NotAfter) {
		t.Errorf("they are %v", all)
	}
}
