package relay

import (
	"bytes"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// How much is reported of what broke a stream, in bytes.
const (
	breachBytes  = 64
	breachBefore = breachBytes / 2 // of these, before the offset
)

// breachOf describes what got found in b, the last of their direction, of which the last uncounted do not count as received yet.
func breachOf(c *conn, from protocol.Direction, got *session.Receipt, b []byte, uncounted int) *ledger.Breach {
	if got.Broke == session.Open {
		return nil
	}
	first := max(0, got.Pass-breachBefore)
	return &ledger.Breach{
		Rule: got.Fault.String(), From: from,
		Offset: c.session.Flow(from).Bytes - uint64(len(b)-uncounted) + uint64(got.Pass),
		Bytes:  bytes.Clone(b[first:min(len(b), first+breachBytes)]),
	}
}
