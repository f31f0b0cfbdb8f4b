package gateway_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"idlegate/gateway/admin/api"
)

// zone is a real name server at the address that /etc/resolv.conf of the test's own network has.
type zone struct {
	mu    sync.Mutex
	a     map[string][]string // Guarded by mu: name to IPv4 addresses
	srv   map[string][]string // Guarded by mu: name to "priority weight port target."
	rcode int                 // Guarded by mu: of what has no records
	mute  bool                // Guarded by mu
}

// inOwnNames runs a test in a network of its own whose only name server is what startZone starts.
func inOwnNames(t *testing.T) (*zone, bool) {
	t.Helper()
	if os.Getenv(ownNetwork) == "" {
		resolv := t.TempDir() + "/resolv.conf"
		writeFile(t, resolv, "nameserver 127.0.0.53\noptions attempts:1\n")
		inOwn(t, `ip link set lo up && mount --bind `+resolv+` /etc/resolv.conf`)
		return nil, false
	}
	z := &zone{a: map[string][]string{}, srv: map[string][]string{}, rcode: dns.RcodeNameError}
	for _, network := range []string{"udp", "tcp"} {
		started := make(chan struct{})
		server := &dns.Server{Addr: "127.0.0.53:53", Net: network, Handler: z, NotifyStartedFunc: func() { close(started) }}
		failed := make(chan error, 1)
		go func() { failed <- server.ListenAndServe() }()
		select {
		case <-started:
		case err := <-failed:
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = server.Shutdown()
			if err := <-failed; err != nil {
				t.Error(err)
			}
		})
	}
	return z, true
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ServeDNS implements dns.Handler.
func (z *zone) ServeDNS(w dns.ResponseWriter, ask *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.mute {
		return
	}
	q := ask.Question[0]
	name := strings.ToLower(q.Name)
	reply := new(dns.Msg).SetReply(ask)
	reply.RecursionAvailable = true
	records := map[uint16][]string{dns.TypeA: z.a[name], dns.TypeSRV: z.srv[name]}[q.Qtype]
	for _, text := range records {
		record, err := dns.NewRR(q.Name + " 1 IN " + dns.TypeToString[q.Qtype] + " " + text)
		if err != nil {
			panic(err)
		}
		reply.Answer = append(reply.Answer, record)
	}
	if len(z.a[name])+len(z.srv[name]) == 0 {
		reply.Rcode = z.rcode
	}
	if _, byUDP := w.RemoteAddr().(*net.UDPAddr); byUDP {
		reply.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(reply)
}

// set changes the zone.
func (z *zone) set(change func(*zone)) {
	z.mu.Lock()
	defer z.mu.Unlock()
	change(z)
}

// members are the endpoints of an upstream that are in use, and those that have gone in brackets.
func (r *running) members(upstream string) (u api.Upstream, names string) {
	r.t.Helper()
	all, err := r.g.Upstreams(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, one := range all.Upstreams {
		if one.Name != upstream {
			continue
		}
		u = one
		for _, e := range one.Endpoints {
			name := e.Address
			if e.Removed {
				name = "(" + name + ")"
			}
			names += " " + name
		}
	}
	return u, strings.TrimSpace(names)
}

func (r *running) expectMembers(upstream, want string) {
	r.t.Helper()
	eventually(r.t, upstream+" has "+want, func() bool {
		_, names := r.members(upstream)
		return names == want
	})
}

const discovering = `
admin: {listen: "127.0.0.1:9180"}
gateway: {drain_timeout: 1h}
upstreams: {u: {dns: {name: devices.test, port: 9000, every: 1s}, balance: round_robin%s}}
routes: [{name: r, listen: "127.0.0.1:7000", protocol: ` + framing + `, upstream: u, policy: {long: {}}}]`

// TestEndpointsComeAndGoWithTheirName plays a name server that changes, fails, lies and falls silent while connections are open.
func TestEndpointsComeAndGoWithTheirName(t *testing.T) {
	z, here := inOwnNames(t)
	if !here {
		return
	}
	for _, ip := range []string{"127.0.1.1", "127.0.1.2", "127.0.1.3"} {
		backendAt(t, "tcp", ip+":9000", echoes)
	}
	const one, two, three = "127.0.1.1:9000", "127.0.1.2:9000", "127.0.1.3:9000"
	z.set(func(z *zone) { z.a["devices.test."] = []string{"127.0.1.2", "127.0.1.1"} })
	r := startAdmin(t, fmt.Sprintf(discovering, ""))
	r.expectMembers("u", one+" "+two)
	first, second := r.dial("r"), r.dial("r")
	first.echo(framed("1"))
	second.echo(framed("2"))
	if connectionsTo(r, "u", one) != 1 || connectionsTo(r, "u", two) != 1 {
		t.Error("the two connections do not go to both")
	}

	z.set(func(z *zone) { z.a["devices.test."] = []string{"127.0.1.2", "127.0.1.3"} })
	r.expectMembers("u", two+" "+three+" ("+one+")")
	first.echo(framed("a connection of one that has gone drains"))
	for range 4 {
		r.dial("r").echo(framed("new"))
	}
	if n := connectionsTo(r, "u", one); n != 1 {
		t.Errorf("one that has gone has %d connections", n)
	}
	listed := r.list(api.Filter{Endpoint: one})
	if len(listed) != 1 || listed[0].NextTimer != "drain_timeout" && listed[0].State != api.Draining {
		t.Errorf("its connection is %+v", listed)
	}

	z.set(func(z *zone) { z.a["devices.test."] = []string{"127.0.1.1", "127.0.1.2", "127.0.1.3"} })
	r.expectMembers("u", one+" "+two+" "+three)
	if n := connectionsTo(r, "u", one); n != 1 {
		t.Errorf("one that is back has %d connections, want its old one", n)
	}

	for what, change := range map[string]func(*zone){
		"it fails":                  func(z *zone) { delete(z.a, "devices.test."); z.rcode = dns.RcodeServerFailure },
		"it is said not to be":      func(z *zone) { delete(z.a, "devices.test."); z.rcode = dns.RcodeNameError },
		"an empty answer":           func(z *zone) { delete(z.a, "devices.test."); z.rcode = dns.RcodeSuccess },
		"addresses that nobody has": func(z *zone) { z.a["devices.test."] = []string{"0.0.0.0"} },
		"silence":                   func(z *zone) { z.mute = true },
	} {
		before := r.lookup("u").Failures
		z.set(change)
		eventually(t, what+" is noticed", func() bool { return r.lookup("u").Failures > before })
		if _, names := r.members("u"); names != one+" "+two+" "+three {
			t.Errorf("%s: the endpoints are %s", what, names)
		}
		known := r.lookup("u")
		if known.Error == "" || known.Found != 3 || known.LastErrorAt == nil || known.At == nil || known.Kind != "every_address" {
			t.Errorf("%s: the API says %+v", what, known)
		}
		if figures := r.snapshot().Upstreams[0].Lookups; !figures.Failing || figures.Failed <= before {
			t.Errorf("%s: the metrics say %+v", what, figures)
		}
		r.dial("r").echo(framed("served"))
		z.set(func(z *zone) { z.mute, z.a["devices.test."] = false, []string{"127.0.1.1", "127.0.1.2", "127.0.1.3"} })
		eventually(t, "it resolves again after "+what, func() bool { return r.lookup("u").Error == "" })
	}
	log := r.log.String()
	if strings.Count(log, "what was last known of it stays") != 5 || strings.Count(log, "name resolves again") != 5 {
		t.Errorf("the log does not have each failure once:\n%s", log)
	}

	var many []string
	for i := range 600 {
		many = append(many, fmt.Sprintf("127.1.%d.%d", i/200, 1+i%200))
	}
	z.set(func(z *zone) { z.a["devices.test."] = append(many, "127.0.1.2") })
	eventually(t, "an answer of hundreds is bounded", func() bool { return r.lookup("u").LeftOut == 601-512 })
	if u, _ := r.members("u"); len(u.Endpoints) > 512+2 {
		t.Errorf("%d endpoints", len(u.Endpoints))
	}
	z.set(func(z *zone) { z.a["devices.test."] = []string{"127.0.1.2"} })
	eventually(t, "one is left", func() bool { _, names := r.members("u"); return strings.HasPrefix(names, two+" (") })
	first.echo(framed("still"))
	second.echo(framed("still"))
	if !strings.Contains(r.log.String(), `"endpoint has gone"`) || !strings.Contains(r.log.String(), "more addresses than an upstream can have") {
		t.Error("the log does not tell what came and went")
	}
}

// lookup is what the API says of the only name of an upstream.
func (r *running) lookup(upstream string) api.Lookup {
	r.t.Helper()
	u, _ := r.members(upstream)
	if len(u.Lookups) != 1 {
		r.t.Fatalf("upstream %s has the look-ups %+v", upstream, u.Lookups)
	}
	return u.Lookups[0]
}

func TestANameWithoutAnswerRefusesNoStartAndIsUsedWhenItHasOne(t *testing.T) {
	z, here := inOwnNames(t)
	if !here {
		return
	}
	backendAt(t, "tcp", "127.0.1.1:9000", echoes)
	r := startAdmin(t, fmt.Sprintf(discovering, ", slow_start: 1h"))
	if line := r.endOf(r.dial("r")); line.Reason != "no_endpoint" {
		t.Errorf("it ended as %s", line.Reason)
	}
	if !strings.Contains(r.log.String(), "it has no endpoint until that resolves") {
		t.Errorf("nobody was told:\n%s", r.log)
	}
	z.set(func(z *zone) { z.a["devices.test."] = []string{"127.0.1.1"} })
	r.expectMembers("u", "127.0.1.1:9000")
	r.dial("r").echo(framed("served"))
	if r.endpointOf("u", "127.0.1.1:9000").SlowUntil == nil {
		t.Error("a new endpoint has its whole share at once")
	}
}

func TestEndpointsOfServices(t *testing.T) {
	z, here := inOwnNames(t)
	if !here {
		return
	}
	main, spare := backendAt(t, "tcp", "127.0.1.1:9001", echoes), backendAt(t, "tcp", "127.0.1.2:9002", echoes)
	z.set(func(z *zone) {
		z.srv["_d._tcp.test."] = []string{"10 50 9001 one.test.", "20 50 9002 two.test."}
		z.a["one.test."], z.a["two.test."] = []string{"127.0.1.1"}, []string{"127.0.1.2"}
	})
	r := startAdmin(t, strings.Replace(fmt.Sprintf(discovering, ""), "name: devices.test, port: 9000", "srv: _d._tcp.test", 1))
	r.expectMembers("u", main+" "+spare)
	if e := r.endpointOf("u", spare); !e.Backup || e.Weight != 100 {
		t.Errorf("the worse priority is %+v", e)
	}
	r.dial("r").echo(framed("served"))
	if connectionsTo(r, "u", main) != 1 {
		t.Error("a backup is used beside another")
	}
	z.set(func(z *zone) { z.srv["_d._tcp.test."] = []string{"20 50 9002 two.test."} })
	r.expectMembers("u", spare+" ("+main+")")
	eventually(t, "it is no backup any more", func() bool { return !r.endpointOf("u", spare).Backup })
	r.dial("r").echo(framed("served"))
}

// TestAnEditBetweenAFileAndAName keeps what both have.
func TestAnEditBetweenAFileAndAName(t *testing.T) {
	z, here := inOwnNames(t)
	if !here {
		return
	}
	at := backendAt(t, "tcp", "127.0.1.1:9000", echoes)
	z.set(func(z *zone) { z.a["devices.test."] = []string{"127.0.1.1"} })
	byName := fmt.Sprintf(discovering, "")
	byFile := strings.Replace(byName, "dns: {name: devices.test, port: 9000, every: 1s}", "endpoints: ["+at+"]", 1)
	r := startAdmin(t, byFile)
	c := r.dial("r")
	c.echo(framed("1"))
	r.editAll(byName)
	r.expectMembers("u", at)
	c.echo(framed("2"))
	if listed := r.list(api.Filter{}); len(listed) != 1 || listed[0].State != api.Open {
		t.Errorf("its connection is %+v", listed)
	}
	r.editAll(byFile)
	if u, names := r.members("u"); names != at || len(u.Lookups) != 0 {
		t.Errorf("the endpoints are %s, by %v", names, u.Lookups)
	}
	c.echo(framed("3"))
}
