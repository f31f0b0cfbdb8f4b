package gateway

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"idlegate/gateway/internal/protocol"
	"idlegate/policy"
)

// TestRecipes holds each row of policy/RECIPES.md to the message that stands in it: the framing finds where it ends, however
// it is cut, and that the next begins there.
func TestRecipes(t *testing.T) {
	text, err := os.ReadFile("../policy/RECIPES.md")
	must(t, err)
	rows := regexp.MustCompile("(?m)^\\| ([^|]+) \\| `([^|]+)` \\| `([0-9a-f]+)` \\|").FindAllStringSubmatch(string(text), -1)
	if lines := strings.Count(string(text), "\n| ") - 2; len(rows) != lines || lines < 20 {
		t.Fatalf("%d rows are understood of %d", len(rows), lines)
	}
	for _, row := range rows {
		t.Run(row[1], func(t *testing.T) {
			message, err := hex.DecodeString(row[3])
			must(t, err)
			cfg := parsed(t, `
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+row[2]+`, upstream: u, policy: {long: {}}}]`)
			rules, err := compileProtocols(cfg.Routes[0])
			must(t, err)
			rule := rules.of(policy.HeartbeatForward)
			for cut := range message {
				var d protocol.Dialogue
				for range 2 {
					for i, part := range [][]byte{message[:cut], message[cut:]} {
						n, event := rule.Scan(&d, protocol.FromClient, part)
						if whole := i == 1; n != len(part) || (event == protocol.Message) != whole {
							t.Fatalf("cut at %d: part %d of %d bytes is %v after %d", cut, i, len(part), event, n)
						}
					}
				}
			}
		})
	}
}
