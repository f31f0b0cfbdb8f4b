// Package api is the JSON of the operator's API: what /api/v1 takes and gives.
//
// It is shared by the server, by the gateway that fills it in and by the commands that read it. Durations are seconds,
// in members that end in _seconds; one that is not known or runs for ever is null or left out, as its comment says.
// Instants are RFC 3339. Names of timers, reasons, causes and results are those of the policy file, the log and the
// metrics. openapi.json, which the server gives out at /api/v1/openapi.json, describes the calls.
package api

// Prefix is what the paths of all calls begin with.
const Prefix = "/api/v1"

// Error is the body of every answer that is not a success.
type Error struct {
	Error    string   `json:"error"`              // a sentence
	Problems []string `json:"problems,omitempty"` // of a policy file: file:line:column: key: what is wrong
}
