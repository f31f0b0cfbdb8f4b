package gateway

import (
	"fmt"
	"testing"
)

// TestWhatIsSetByHandOfRoutesGoesWithThem removes routes that were stopped and drained by hand, again and again.
func TestWhatIsSetByHandOfRoutesGoesWithThem(t *testing.T) {
	file := func(route string) string {
		return `
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes:
  - {name: stays, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}
  - {name: "` + route + `", listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}`
	}
	g, _ := resting(t)
	_, err := g.Apply(parsed(t, file("r0")))
	must(t, err)
	must(t, g.StopRoute("stays"))
	for i := range 20 {
		name := fmt.Sprintf("r%d", i)
		must(t, g.StopRoute(name))
		must(t, g.DrainRoute(name))
		_, err := g.Apply(parsed(t, file(fmt.Sprintf("r%d", i+1))))
		must(t, err)
	}
	g.hands.mu.Lock()
	stopped, drained := len(g.hands.stopped), len(g.hands.drained)
	g.hands.mu.Unlock()
	if stopped > 3 || drained > 2 {
		t.Errorf("%d routes are kept as stopped and %d as drained, of which 19 can never be back", stopped, drained)
	}
	if set := g.byHand(); len(set) != 1 || set[0].What != "route stays takes no clients" {
		t.Errorf("set by hand is %+v", set)
	}
}
