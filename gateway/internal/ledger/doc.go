// Package ledger holds what loops count of the connections of a route, and what they remember of those that have ended.
//
// It is plain data without locks: each loop writes values of its own, and copies them out when it is asked.
//
//	Counters  totals of one route on one loop; Add sums them over the loops
//	History   its ends by reason, for each of the last 60 minutes
//	Recent    the last 256 connections of any route that ended on one loop
//
// Instants are those of the monotonic clock, and come from the caller.
package ledger
