package main

import "time"

// eventually asks until ok says yes, for a minute at most, and returns its last answer.
func eventually(ok func() bool) bool {
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return ok()
		}
	}
	return true
}
