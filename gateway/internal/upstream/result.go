package upstream

// Result is what became of an attempt to connect.
type Result uint8

const (
	OK       Result = iota
	Refused         // by a reset
	TimedOut        // no answer within connect_timeout, or the kernel's own
	Failed          // otherwise, as without a route
	Local           // by no fault of the endpoint's: no port or descriptor was left, or the socket had connected to itself
	Results         // how many there are
)

// String returns the word used in metrics.
func (r Result) String() string { return [...]string{"ok", "refused", "timeout", "failed", "local"}[r] }

const resultBits = 3 // of Endpoint.last

// End is how an endpoint has caused the end of a connection.
type End uint8

const (
	EndOther   End = iota // it has not
	EndFIN                // it has finished
	EndReset              // it has reset the connection
	EndLost               // the kernel gave up on it
	EndStalled            // it took no bytes for write_timeout
	Ends                  // how many there are
)

// String returns the close reason used in metrics.
func (e End) String() string {
	return [...]string{"", "upstream_fin", "upstream_reset", "upstream_lost", "upstream_stalled"}[e]
}
