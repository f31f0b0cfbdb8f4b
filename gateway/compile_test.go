package gateway

import (
	"cmp"
	"fmt"
	"testing"

	"idlegate/gateway/internal/protocol"
	"idlegate/policy"
)

// Every protocol that the policy file knows has a framer, which finds messages exactly where the table says that there are any.
func TestEveryProtocolOfTheTableHasAFramer(t *testing.T) {
	written := map[string]string{"length_field": "{length_field: {size: 1}}", "fixed": "{fixed: {size: 2}}"}
	table := policy.Protocols()
	for _, traits := range table {
		t.Run(traits.Name, func(t *testing.T) {
			form := cmp.Or(written[traits.Name], traits.Name)
			cfg := parsed(t, `
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+form+`, upstream: u, policy: {long: {}}}]`)
			route := cfg.Routes[0]
			p := route.Protocol
			if p.Traits() != traits {
				t.Errorf("the traits of the route's protocol are %+v, want %+v", p.Traits(), traits)
			}
			rules, err := compileProtocols(route)
			must(t, err)
			pinned, err := compilePinned(route, nil)
			must(t, err)
			if pinned.ServerFirst != traits.ServerSpeaksFirst {
				t.Errorf("its server speaks first: %v", pinned.ServerFirst)
			}
			_, event := rules.of(policy.HeartbeatForward).Scan(new(protocol.Dialogue), protocol.FromClient, []byte("x")) // the beginning of a message, except where every read is one
			if whole := event == protocol.Message; whole != traits.NoMessages {
				t.Errorf("a byte is %v, but the table says that there are no messages: %v", event, traits.NoMessages)
			}
			if !traits.Named {
				return // what they can do depends on their heartbeat
			}
			rule := rules.of(policy.HeartbeatAnswer)
			_, answers := rule.(protocol.Answerer)
			_, probes := rule.(protocol.Prober)
			_, parts := rule.(protocol.Farewell)
			if answers != traits.Answerable || answers == (traits.Unanswerable != "") || probes != traits.Probeable || parts != traits.Farewell {
				t.Errorf("answers %v, probes %v, says goodbye %v; the table says %+v", answers, probes, parts, traits)
			}
		})
	}
}

// TestCheckRefusesTheHeartbeatsThatTheirFramingCannotHave holds the rules of the policy file to those of the protocols.
func TestCheckRefusesTheHeartbeatsThatTheirFramingCannotHave(t *testing.T) {
	framings := []string{
		"delimiter: {text: p}", `delimiter: {text: "\n"}`, `delimiter: {text: "ab"}`, "fixed: {size: 1}", "fixed: {size: 4}", "fixed: {size: 20000}", "varint: {}",
		"length_field: {size: 1}", "length_field: {size: 1, adjustment: -251}", "length_field: {size: 1, adjustment: -252}", "length_field: {size: 3, adjustment: 9}",
		"length_field: {size: 4, adjustment: 16375}", "length_field: {size: 4, adjustment: 16376}", "length_field: {size: 4, offset: 16375}",
		"length_field: {size: 4, offset: 16376}", "length_field: {size: 8, adjustment: -100000}",
	}
	for _, framing := range framings {
		for _, body := range []string{"p", "ping", "here", "xa", "ab"} {
			protocol := fmt.Sprintf("{%s, heartbeat: {match: {text: %q}, answer: {text: %q}}}", framing, body, body)
			takes := func(protocol string) *policy.Config {
				cfg, err := policy.Parse("f", []byte(`
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+protocol+`, upstream: u, policy: {long: {heartbeat: forward}}}]`))
				if err != nil {
					return nil
				}
				return cfg
			}
			plain := takes("{" + framing + "}")
			if plain == nil {
				t.Fatalf("%s is refused without a heartbeat", framing)
			}
			route := *plain.Routes[0]
			route.Protocol.Heartbeat = policy.Heartbeat{Match: []byte(body), Answer: []byte(body)}
			_, err := compileProtocols(&route)
			if checked := takes(protocol) != nil; checked != (err == nil) {
				t.Errorf("%s: check takes it: %v, the protocol says %v", protocol, checked, err)
			}
		}
	}
}
