package demo

import (
	"fmt"

	"idlegate/policy/units"
)

// policyText is the policy file of the demo, with the backend's address.
func policyText(p Pace, backend string) string {
	return fmt.Sprintf(`# Four routes to one echo backend. A message is the word Headers, four bytes of length, and that many bytes.
admin:
  listen: 127.0.0.1:0        # port 0: any free one

policies:
  patient:
    long: {idle_timeout: %s, message_timeout: %s}
  hasty:
    long: {idle_timeout: %s, message_timeout: none}
  brief:
    short: {deadline: %s}
  watched:
    long: {idle_timeout: %s, heartbeat: answer, heartbeat_only_timeout: %s}

upstreams:
  echo:
    endpoints: [%s]

routes:
  - name: patient
    listen: 127.0.0.1:0
    protocol: {length_field: {magic: {text: "Headers"}, offset: 7, size: 4}}
    upstream: echo
    policy: patient
  - name: hasty
    listen: 127.0.0.1:0
    protocol: {length_field: {magic: {text: "Headers"}, offset: 7, size: 4}}
    upstream: echo
    policy: hasty
  - name: brief
    listen: 127.0.0.1:0
    protocol: {length_field: {magic: {text: "Headers"}, offset: 7, size: 4}}
    upstream: echo
    policy: brief
  - name: watched
    listen: 127.0.0.1:0
    protocol:
      length_field: {magic: {text: "Headers"}, offset: 7, size: 4}
      heartbeat: {match: {text: ping}, answer: {text: pong}}
    upstream: echo
    policy: watched
`, units.FormatDuration(p.Patient), units.FormatDuration(p.Unbroken), units.FormatDuration(p.Hasty), units.FormatDuration(p.Deadline),
		units.FormatDuration(p.Patient), units.FormatDuration(p.Alone), backend)
}
