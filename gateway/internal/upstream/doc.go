// Package upstream chooses the endpoint that a connection goes to, and learns from what becomes of it.
//
// An Endpoint is one address of an upstream with what is known of it: it outlives edits of the policy file. A Set is what one
// policy file says of an upstream: its endpoints with their weights, how one is chosen, when one is ejected. A Use is what
// one connection has of an endpoint:
//
//	            Pick            Connected           Settled, or Ended well
//	(none) ──────────▶ dialling ─────────▶ connected ─────────────────────▶ settled
//	   ▲                  │                    │                               │
//	   └──── Failed ──────┴────────────────────┴───────── Ended ───────────────┘
//
//	var use upstream.Use
//	for set.Pick(&use, source, now) {
//		// connect; then use.Connected(now), or set.Failed(&use, ...) and round again
//	}
//
// Pick reserves: what it returns counts as a connection of the endpoint until Failed or Ended. Event loops pick
// concurrently, without a lock. Instants are nanoseconds of the monotonic clock; the package has no clock of its own.
//
// # Ejection
//
// An endpoint fails where an attempt to connect to it fails, or where it resets a connection before it has sent anything.
// It succeeds where a connection to it stands for a second, or has brought bytes and ends otherwise than by its fault.
// Failures in a row eject it, as many as its Config says. Once the time of the ejection is over, one connection at a time goes there as a probe;
// its failure begins the next ejection, twice as long, and its success ends all of them:
//
//	active ── failures in a row ──▶ ejected ── its time is over ──▶ may be probed ◀──┐
//	  ▲                                ▲                                │ Pick       │ the client left before it was known
//	  │                                └──────────── failure ───────── probed ───────┘
//	  └──────────────────────────────────────────── success ─────────────┘
//
// Where every endpoint that could be used is ejected, ejection is ignored: they are used again.
package upstream
