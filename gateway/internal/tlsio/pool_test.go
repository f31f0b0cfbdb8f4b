package tlsio

import (
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"time"
)

// eventually waits for what becomes so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

func (p *Pool) underWayNow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.underWay
}

func TestSlowHandshakesLeaveRoomForOthers(t *testing.T) {
	const most = 16
	pool, config := NewPool(most, 1), serverConfig(t)
	type slow struct {
		h    *Handshake
		told chan struct{}
	}
	var all []slow
	for range 1000 { // which say nothing, or begin and stop
		notify, told := telling()
		all = append(all, slow{pool.Server(config, nil, notify), told})
		notify, told = telling()
		all = append(all, slow{pool.Server(config, []byte("\x16\x03\x01\x02\x00\x01"), notify), told})
	}
	eventually(t, "those beyond the bound have ended", func() bool {
		return pool.underWayNow() == most
	})
	conn, s, peer := shaken(t, pool, config, anyServer())
	must(t, peer, "honest")
	if got, err := readAll(t, conn, s, 6); string(got) != "honest" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for i, one := range all {
		if i < len(all)-most {
			eventually(t, "an old one is over", func() bool { return one.h.Take().Done })
			one.h.mu.Lock()
			if !errors.Is(one.h.err, ErrEvicted) {
				t.Errorf("handshake %d ended with %v", i, one.h.err)
			}
			one.h.mu.Unlock()
			continue
		}
		one.h.End(io.EOF)
	}
	eventually(t, "all goroutines are gone", func() bool {
		return pool.underWayNow() == 0
	})
}

func TestAFailureIsTold(t *testing.T) {
	pool := NewPool(8, 1)
	for name, test := range map[string]struct {
		client *tls.Config
		raw    string
	}{
		"an old version":        {client: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}},
		"no TLS at all":         {raw: "GET / HTTP/1.1\r\n\r\n"},
		"a record that is long": {raw: "\x16\x03\x01\xff\xff"},
		"an SSLv2 hello":        {raw: "\x80\x2e\x01\x00\x02"},
	} {
		t.Run(name, func(t *testing.T) {
			near, s := line(t)
			notify, told := telling()
			h := pool.Server(serverConfig(t), nil, notify)
			if test.raw != "" {
				must(t, near, test.raw)
			} else {
				go func() { _ = tls.Client(near, test.client).Handshake() }()
			}
			err := drive(h, s, told)
			if err == nil || errors.Is(err, ErrCut) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestAHandshakeThatNobodyWaitsForEnds(t *testing.T) {
	pool := NewPool(8, 1)
	notify, told := telling()
	h := pool.Server(serverConfig(t), nil, notify)
	<-told
	gone := errors.New("gone")
	h.End(gone)
	eventually(t, "it is over", func() bool { return h.Take().Done })
	if err := h.Take().Err; !errors.Is(err, gone) {
		t.Errorf("the error is %v", err)
	}
}

// TestWhatComesWithTheHandshakeIsNotLost makes the client send with its last flight.
func TestWhatComesWithTheHandshakeIsNotLost(t *testing.T) {
	for range 20 {
		near, s := line(t)
		notify, told := telling()
		pool := NewPool(8, 1)
		h := pool.Server(serverConfig(t), nil, notify)
		go func() {
			peer := tls.Client(near, anyServer())
			_, _ = peer.Write([]byte("at once"))
		}()
		if err := drive(h, s, told); err != nil {
			t.Fatal(err)
		}
		conn := h.Conn()
		if got, err := readAll(t, conn, s, len("at once")); string(got) != "at once" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		facts := conn.Facts()
		if facts.VersionName() != "1.3" || facts.ServerName != "gate.example" {
			t.Errorf("facts are %+v", facts)
		}
	}
}

func TestAClientOfAServer(t *testing.T) {
	near, s := line(t)
	notify, told := telling()
	h := NewPool(8, 1).Client(anyServer(), notify)
	peer := tls.Server(near, serverConfig(t))
	go func() { _, _ = io.Copy(peer, peer) }()
	if err := drive(h, s, told); err != nil {
		t.Fatal(err)
	}
	conn := h.Conn()
	if err := conn.Write(s, []byte("echo")); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, conn, s, 4); string(got) != "echo" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if subject := conn.Facts().Subject; subject != "CN=gate" {
		t.Errorf("the server's certificate is of %q", subject)
	}
}
