// Package health runs active health checks: it connects to endpoints now and then, and says what came of it.
//
//	checker := health.New(health.Config{Now: clock.Now})
//	checker.Follow(map[any]health.Target{endpoint: {
//		Rule: health.Rule{Every: 5 * time.Second, Timeout: 2 * time.Second},
//		Dial: dial,
//		Ended: func(err error) (soon bool) { ... },
//	}})
//
// A check passes where the connection is made and, where the rule has something to expect, the first bytes that come are these.
// Checks run in goroutines of their own, AtOnce of them at a time, and nobody waits for one. Their beginnings are spread at random, so
// that neither the checks of one gateway nor those of many come to an endpoint together.
//
// What a check says of an endpoint is not decided here: see upstream.Endpoint.Checked.
package health
