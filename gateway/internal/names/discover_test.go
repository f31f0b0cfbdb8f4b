package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// zoneServer is a real one, by UDP and TCP, that answers as the test says.
type zoneServer struct {
	address string

	mu      sync.Mutex
	records map[string][]string // Guarded by mu: "A devices.test." to the texts of its records
	codes   map[string]int      // Guarded by mu: the result code where there are none; NXDOMAIN where nothing is said
	silent  map[string]bool     // Guarded by mu: what is never answered
}

func newZoneServer(t *testing.T) *zoneServer {
	t.Helper()
	s := &zoneServer{records: map[string][]string{}, codes: map[string]int{}, silent: map[string]bool{}}
	packets, streams := listenTwice(t)
	s.address = packets.LocalAddr().String()
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: s}, {Listener: streams, Handler: s}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); _ = server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown(); <-done })
	}
	return s
}

// listenTwice listens at one port by UDP and TCP.
func listenTwice(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 { // another test may have the port
		streams, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if packets, err := net.ListenPacket("udp", streams.Addr().String()); err == nil {
			return packets, streams
		}
		streams.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

// ServeDNS implements dns.Handler.
func (s *zoneServer) ServeDNS(w dns.ResponseWriter, ask *dns.Msg) {
	key := dns.TypeToString[ask.Question[0].Qtype] + " " + strings.ToLower(ask.Question[0].Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent[key] {
		return
	}
	reply := new(dns.Msg).SetReply(ask)
	reply.RecursionAvailable, reply.Rcode = true, dns.RcodeNameError
	if code, ok := s.codes[key]; ok {
		reply.Rcode = code
	}
	for _, text := range s.records[key] {
		record, err := dns.NewRR(ask.Question[0].Name + " 60 IN " + dns.TypeToString[ask.Question[0].Qtype] + " " + text)
		if err != nil {
			panic(err)
		}
		reply.Rcode, reply.Answer = dns.RcodeSuccess, append(reply.Answer, record)
	}
	if _, byUDP := w.RemoteAddr().(*net.UDPAddr); byUDP {
		reply.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(reply)
}

// give sets the records of "TYPE name.".
func (s *zoneServer) give(key string, texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[key] = texts
}

// fail makes it answer with a code where there are no records.
func (s *zoneServer) fail(key string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, key)
	s.codes[key] = code
}

func (s *zoneServer) ignore(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent[key] = true
}

func (s *zoneServer) discover(ctx context.Context, q Query, before []Target) ([]Target, error) {
	return discover(ctx, q, before, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address)
	})
}

func texts(all []Target) (texts []string) {
	for _, t := range all {
		text := t.Address.String()
		if t.Weight != 0 {
			text += fmt.Sprintf(" weight %d", t.Weight)
		}
		if t.Backup {
			text += " backup"
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}

const a, aaaa, srv = "A devices.test.", "AAAA devices.test.", "SRV _devices._tcp.test."

func TestEveryAddressOfAName(t *testing.T) {
	known := []Target{{Address: netip.MustParseAddrPort("10.0.0.9:0")}, {Address: netip.MustParseAddrPort("[fd00::9]:0")}}
	for name, test := range map[string]struct {
		set   func(s *zoneServer)
		want  string // targets
		error string // a part of it; "": none
	}{
		"A and AAAA": {func(s *zoneServer) { s.give(a, "10.0.0.1", "10.0.0.2"); s.give(aaaa, "fd00::1") },
			"10.0.0.1:0 10.0.0.2:0 [fd00::1]:0", ""},
		"A alone: there is no AAAA":       {func(s *zoneServer) { s.give(a, "10.0.0.1"); s.fail(aaaa, dns.RcodeSuccess) }, "10.0.0.1:0", ""},
		"AAAA alone: A is said not to be": {func(s *zoneServer) { s.give(aaaa, "fd00::1") }, "[fd00::1]:0", ""},
		"AAAA fails: those of before stay": {func(s *zoneServer) { s.give(a, "10.0.0.1"); s.fail(aaaa, dns.RcodeServerFailure) },
			"10.0.0.1:0 [fd00::9]:0", "server misbehaving"},
		"AAAA is never answered: those of before stay": {func(s *zoneServer) { s.give(a, "10.0.0.1"); s.ignore(aaaa) }, "10.0.0.1:0 [fd00::9]:0", "timeout"},
		"both fail":                   {func(s *zoneServer) { s.fail(a, dns.RcodeServerFailure); s.fail(aaaa, dns.RcodeRefused) }, "10.0.0.9:0 [fd00::9]:0", "server misbehaving"},
		"it does not exist":           {func(*zoneServer) {}, "", "no such host"},
		"an empty answer":             {func(s *zoneServer) { s.fail(a, dns.RcodeSuccess); s.fail(aaaa, dns.RcodeSuccess) }, "", "no such host"},
		"addresses that nobody has":   {func(s *zoneServer) { s.give(a, "0.0.0.0", "224.0.0.1") }, "", "no address that could be connected to"},
		"one of them that nobody has": {func(s *zoneServer) { s.give(a, "0.0.0.0", "10.0.0.1") }, "10.0.0.1:0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newZoneServer(t)
			test.set(s)
			found, err := s.discover(t.Context(), Query{Kind: Every, Name: "devices.test"}, known)
			if got := strings.Join(texts(found), " "); got != test.want {
				t.Errorf("found %s, want %s", got, test.want)
			}
			if (err != nil) != (test.error != "") || err != nil && !strings.Contains(err.Error(), test.error) {
				t.Errorf("the error is %v, want one with %q", err, test.error)
			}
		})
	}
}

func TestServices(t *testing.T) {
	known := []Target{{Address: netip.MustParseAddrPort("10.0.0.9:9001"), Weight: 7, Host: "one.test"}}
	for name, test := range map[string]struct {
		set   func(s *zoneServer)
		want  string
		error string
	}{
		"weights in proportion, the worse priority as backup": {func(s *zoneServer) {
			s.give(srv, "10 60000 9001 one.test.", "10 30000 9002 two.test.", "10 0 9003 two.test.", "20 5 9004 two.test.")
			s.give("A one.test.", "10.0.0.1", "10.0.0.2")
			s.give("AAAA two.test.", "fd00::2")
		}, "10.0.0.1:9001 weight 100 10.0.0.2:9001 weight 100 [fd00::2]:9002 weight 50 [fd00::2]:9003 weight 1 [fd00::2]:9004 weight 1 backup", ""},
		"all weights 0": {func(s *zoneServer) {
			s.give(srv, "1 0 9001 one.test.")
			s.give("A one.test.", "10.0.0.1")
		}, "10.0.0.1:9001 weight 1", ""},
		"a target that does not exist is left out, and told": {func(s *zoneServer) {
			s.give(srv, "1 1 9001 one.test.", "1 1 9002 gone.test.")
			s.give("A one.test.", "10.0.0.1")
		}, "10.0.0.1:9001 weight 100", "look up gone.test"},
		"a target that cannot be looked up now stays": {func(s *zoneServer) {
			s.give(srv, "1 1 9001 one.test.", "1 1 9002 two.test.")
			s.give("A two.test.", "10.0.0.2")
			s.fail("A one.test.", dns.RcodeServerFailure)
		}, "10.0.0.2:9002 weight 100 10.0.0.9:9001 weight 100", "look up one.test"},
		"there is no such service":    {func(s *zoneServer) { s.give(srv, "0 0 0 .") }, "", "no target"},
		"it does not exist":           {func(*zoneServer) {}, "", "no such host"},
		"it cannot be looked up now":  {func(s *zoneServer) { s.fail(srv, dns.RcodeServerFailure) }, "", "server misbehaving"},
		"none of its targets resolve": {func(s *zoneServer) { s.give(srv, "1 1 9001 gone.test.") }, "", "look up gone.test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newZoneServer(t)
			test.set(s)
			found, err := s.discover(t.Context(), Query{Kind: SRV, Name: "_devices._tcp.test"}, known)
			if got := strings.Join(texts(found), " "); got != test.want {
				t.Errorf("found %s, want %s", got, test.want)
			}
			if (err != nil) != (test.error != "") || err != nil && !strings.Contains(err.Error(), test.error) {
				t.Errorf("the error is %v, want one with %q", err, test.error)
			}
		})
	}
}

// TestAnAnswerOfThousandsIsBounded asks by TCP, since no packet holds it, and turns the answer round.
func TestAnAnswerOfThousandsIsBounded(t *testing.T) {
	s := newZoneServer(t)
	var all []string
	for i := range 2000 {
		all = append(all, fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250))
	}
	s.give(a, all...)
	table := New(Config{Discover: s.discover})
	defer table.Close()
	q := Query{Kind: Every, Name: "devices.test"}
	table.Follow([]Query{q})
	table.Wait(t.Context())
	first := table.Answer(q)
	if len(first.Targets) != MostTargets || first.LeftOut != 2000-MostTargets || first.Err != nil {
		t.Fatalf("%d are known and %d left out, %v", len(first.Targets), first.LeftOut, first.Err)
	}
	s.give(a, append(all[300:], "9.0.0.1")...)
	found, err := s.discover(t.Context(), q, first.Targets)
	if err != nil {
		t.Fatal(err)
	}
	kept, leftOut := bounded(found, first.Targets)
	stayed := 0
	for _, target := range kept {
		if slices.Contains(first.Targets, target) {
			stayed++
		}
	}
	if len(kept) != MostTargets || stayed != MostTargets-300 || leftOut != 1701-MostTargets {
		t.Errorf("%d are kept, %d of them of before, want all that are still there; %d are left out", len(kept), stayed, leftOut)
	}
}

func TestWhatIsKnownStaysWhenALookUpFails(t *testing.T) {
	s := newZoneServer(t)
	s.give(a, "10.0.0.1", "10.0.0.2")
	var mu sync.Mutex
	var news []News
	table := New(Config{Discover: s.discover, Changed: func(_ Query, n News) {
		mu.Lock()
		defer mu.Unlock()
		news = append(news, n)
	}})
	defer table.Close()
	q := Query{Kind: Every, Name: "devices.test", Every: 1e6}
	table.Follow([]Query{q})
	table.Wait(t.Context())
	for _, step := range []func(){func() { s.fail(a, dns.RcodeServerFailure) }, func() { s.fail(a, dns.RcodeNameError) }, func() { s.fail(a, dns.RcodeSuccess) }} {
		step()
		failures := table.Answer(q).Failures
		for table.Answer(q).Failures < failures+2 {
			table.Wait(t.Context())
		}
		if got := texts(table.Answer(q).Targets); !slices.Equal(got, []string{"10.0.0.1:0", "10.0.0.2:0"}) || table.Answer(q).Err == nil {
			t.Errorf("known is %v, %v", got, table.Answer(q).Err)
		}
	}
	s.give(a, "10.0.0.2")
	for table.Answer(q).Err != nil {
		table.Wait(t.Context())
	}
	if got := texts(table.Answer(q).Targets); !slices.Equal(got, []string{"10.0.0.2:0"}) {
		t.Errorf("known is %v", got)
	}
	table.Close()
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(news, []News{Moved, Failing, Resolving}) {
		t.Errorf("told %v, want each once", news)
	}
}
