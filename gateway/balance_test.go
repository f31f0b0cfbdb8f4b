package gateway_test

import (
	"fmt"
	"strings"
	"testing"
)

const balanced = `
upstreams: {u: {endpoints: [%s], retries: 2%s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`

// answerer returns which of the backends a client from a source gets. Its connection stays open.
func (r *running) answerer(source string) string {
	r.t.Helper()
	c := dialFrom(r.t, source, r.g.Addresses("r")[0])
	c.send(".")
	name := make([]byte, 2)
	if _, err := c.Read(name); err != nil {
		r.t.Fatal(err)
	}
	return string(name[:1])
}

func TestAnEndpointHasNoMoreConnectionsThanItMay(t *testing.T) {
	r := start(t, balanced, fmt.Sprintf("%q, %q", greeter(t, "a"), greeter(t, "b")), ", max_connections: 2")
	got := map[string]int{}
	for range 4 {
		got[r.answerer("127.0.0.1")]++
	}
	if got["a"] != 2 || got["b"] != 2 {
		t.Errorf("they get %v", got)
	}
	over := r.dial("r")
	over.receiveFIN()
	if line := r.endOf(over); line.Reason != "no_endpoint" {
		t.Errorf("one too many ends as %s", line.Reason)
	}
}

func TestABackupServesWhereNoOtherCan(t *testing.T) {
	spare := greeter(t, "s")
	r := start(t, balanced, fmt.Sprintf("%q, {address: %q, backup: true}", greeter(t, "a"), spare), "")
	for range 4 {
		if got := r.answerer("127.0.0.1"); got != "a" {
			t.Errorf("%s serves while the other is there", got)
		}
	}
	r = start(t, balanced, fmt.Sprintf("%q, {address: %q, backup: true}", freeAddress(t), spare), ", health: {every: 100ms, timeout: 5s, fall: 1}")
	for range 4 {
		if got := r.answerer("127.0.0.1"); got != "s" {
			t.Errorf("%s serves where the other is dead", got)
		}
	}
}

// TestASourceStaysAtItsEndpoint makes clients come by themselves, and by a proxy that says where they come from.
func TestASourceStaysAtItsEndpoint(t *testing.T) {
	r := start(t, strings.Replace(balanced, "protocol: raw", "accept_proxy_protocol: {from: [127.7.0.0/16]}, protocol: raw", 1),
		fmt.Sprintf("%q, %q, %q", greeter(t, "a"), greeter(t, "b"), greeter(t, "c")), ", balance: source_hash")
	got := map[string]int{}
	for i := range 30 {
		source := fmt.Sprintf("127.3.0.%d", 1+i)
		first := r.answerer(source)
		got[first]++
		if again := r.answerer(source); again != first {
			t.Errorf("%s gets %s, and then %s", source, first, again)
		}
		for port := range 2 {
			c := dialFrom(t, "127.7.0.1", r.g.Addresses("r")[0])
			c.send(fmt.Sprintf("PROXY TCP4 %s 198.51.100.1 %d 443\r\n", source, 1000+port))
			c.receive(first)
		}
	}
	if len(got) < 2 {
		t.Errorf("all sources get the same: %v", got)
	}
}

// TestBalanceGoesByWeight has connections stay open. Of random it is the share that is looked at, which is never as far off as that.
func TestBalanceGoesByWeight(t *testing.T) {
	for balance, most := range map[string]int{"least_connections": 0, "round_robin": 0, "random": 25} {
		t.Run(balance, func(t *testing.T) {
			r := start(t, balanced, fmt.Sprintf("%q, {address: %q, weight: 3}", greeter(t, "a"), greeter(t, "b")), ", balance: "+balance)
			got := map[string]int{}
			for range 80 {
				got[r.answerer("127.0.0.1")]++
			}
			if off := got["a"] - 20; off > most || -off > most {
				t.Errorf("of 80 they get %v, want 20 and 60", got)
			}
		})
	}
}
