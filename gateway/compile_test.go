package gateway

import (
	"testing"

	"idlegate/gateway/internal/protocol"
	"idlegate/policy"
)

// Every protocol that the policy file knows has a framer, which finds messages exactly where the table says that there are any.
func TestEveryProtocolOfTheTableHasAFramer(t *testing.T) {
	written := map[string]string{
		"raw": "raw", "length_field": "{length_field: {size: 1}}", "delimiter": "delimiter", "fixed": "{fixed: {size: 2}}", "varint": "varint",
	}
	table := policy.Protocols()
	if len(table) != len(written) {
		t.Errorf("the table has %d protocols, this test %d", len(table), len(written))
	}
	for _, traits := range table {
		t.Run(traits.Name, func(t *testing.T) {
			cfg := parsed(t, `
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+written[traits.Name]+`, upstream: u, policy: {long: {}}}]`)
			route := cfg.Routes[0]
			p := route.Protocol
			if p.Traits() != traits {
				t.Errorf("the traits of the route's protocol are %+v, want %+v", p.Traits(), traits)
			}
			rule, err := compileProtocol(route)
			must(t, err)
			_, event := rule.Scan(new(protocol.Dialogue), protocol.FromClient, []byte("x")) // the beginning of a message, except where every read is one
			if whole := event == protocol.Message; whole != traits.NoMessages {
				t.Errorf("a byte is %v, but the table says that there are no messages: %v", event, traits.NoMessages)
			}
		})
	}
}
