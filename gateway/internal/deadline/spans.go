package deadline

import "time"

// FirstAfter returns how long before now first_message_timeout has begun to count, on the read clock; 1 ns at least.
func (e *Events) FirstAfter(now Instant) time.Duration {
	from := e.Accepted
	if e.ServerFirst {
		from = e.Greeted
	}
	if from == 0 { // the client spoke before the server's greeting
		return 1
	}
	return max(1, e.ReadClock(now).Since(from))
}

// MessageFor returns for how long the message of the client that is under way has been, on the read clock; 0: none is.
func (e *Events) MessageFor(now Instant) time.Duration {
	if e.MessageBegan == 0 {
		return 0
	}
	return max(1, e.ReadClock(now).Since(e.MessageBegan))
}
