package demo

import (
	"fmt"
	"time"
)

// policyText is the policy file of the demo, with the backend's address.
func policyText(p Pace, backend string) string {
	return fmt.Sprintf(`# Three routes to one echo backend. A message is the word Headers, four bytes of length, and that many bytes.
admin:
  listen: 127.0.0.1:0        # port 0: any free one

policies:
  patient:
    long: {idle_timeout: %s, message_timeout: %s}
  hasty:
    long: {idle_timeout: %s, message_timeout: none}
  brief:
    short: {deadline: %s}

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
`, text(p.Patient), text(p.Unbroken), text(p.Hasty), text(p.Deadline), backend)
}

// text writes d as a policy file has it.
func text(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}
