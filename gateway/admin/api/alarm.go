package api

import (
	"cmp"
	"slices"
	"time"
)

// Alarm is one thing that is wrong now. Nothing is wrong where there is none.
type Alarm struct {
	Kind        AlarmKind  `json:"kind"`
	Level       AlarmLevel `json:"level"`
	Route       string     `json:"route,omitempty"`       // that it is about
	Upstream    string     `json:"upstream,omitempty"`    // that it is about
	Endpoint    string     `json:"endpoint,omitempty"`    // of Upstream
	Certificate string     `json:"certificate,omitempty"` // its file
	Since       time.Time  `json:"since"`                 // by the gateway's clock
	Text        string     `json:"text"`                  // what is wrong, in one line
	Do          string     `json:"do"`                    // what to do about it, in one line
}

// AlarmLevel says how bad it is.
type AlarmLevel string

const (
	AlarmError   AlarmLevel = "error"   // clients suffer, or are about to
	AlarmWarning AlarmLevel = "warning" // something waits for the operator
)

// AlarmKind is what is wrong.
type AlarmKind string

const (
	AlarmUpstreamOut       AlarmKind = "upstream_out"        // an upstream has no healthy endpoint: from its last failing to the first that is back
	AlarmEndpointDown      AlarmKind = "endpoint_down"       // its health checks fail
	AlarmEndpointEjected   AlarmKind = "endpoint_ejected"    // connections to it have failed in a row
	AlarmEndpointUnknown   AlarmKind = "endpoint_unresolved" // its name has never been resolved
	AlarmEndpointFailing   AlarmKind = "endpoint_failing"    // its last connection has failed, and it is not yet ejected
	AlarmGatewayFull       AlarmKind = "gateway_full"        // connections_max are open
	AlarmRouteFull         AlarmKind = "route_full"          // limits.connections are open
	AlarmAcceptPaused      AlarmKind = "accept_paused"       // no file descriptor is left
	AlarmRefusals          AlarmKind = "refusals"            // clients were refused, the last of them within a minute
	AlarmFileRefused       AlarmKind = "file_refused"        // the policy file that was read last
	AlarmFileUnseen        AlarmKind = "file_unseen"         // edits of the policy file are not noticed
	AlarmFileNotInForce    AlarmKind = "file_not_in_force"   // an operator went back to the policy before
	AlarmPendingRestart    AlarmKind = "pending_restart"     // something in the file takes effect only at the next start
	AlarmCertificateEnds   AlarmKind = "certificate_ends"    // it is valid no longer, or not for long
	AlarmCertificateUnread AlarmKind = "certificate_unread"  // its file has changed and cannot be used
	AlarmLate              AlarmKind = "late"                // a timer was acted on late, within the last minute
	AlarmLogDropped        AlarmKind = "log_dropped"         // lines of the log were lost, within the last minute
	AlarmAdviceNotKept     AlarmKind = "advice_not_kept"     // what advise knows is not written to advise_file
	AlarmDraining          AlarmKind = "draining"            // the gateway is about to end
)

// AlarmKinds are all there are, the worst first.
func AlarmKinds() []AlarmKind {
	return []AlarmKind{
		AlarmDraining, AlarmUpstreamOut, AlarmGatewayFull, AlarmAcceptPaused, AlarmRouteFull, AlarmFileRefused, AlarmEndpointDown,
		AlarmEndpointEjected, AlarmEndpointUnknown, AlarmRefusals, AlarmCertificateEnds, AlarmCertificateUnread, AlarmLate,
		AlarmLogDropped, AlarmEndpointFailing, AlarmFileUnseen, AlarmFileNotInForce, AlarmPendingRestart, AlarmAdviceNotKept,
	}
}

// SortAlarms puts errors before warnings, then the worse kinds and the older ones first.
func SortAlarms(all []Alarm) {
	kinds := AlarmKinds()
	slices.SortStableFunc(all, func(a, b Alarm) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), // "error" is before "warning"
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), a.Since.Compare(b.Since))
	})
}
