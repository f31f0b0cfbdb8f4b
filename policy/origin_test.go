package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const written = `policies:
  chat:
    long:
      idle_timeout: 90s
      message_timeout:
        10s
      half_close_timeout: none
      dry_run:
        idle_timeout: 30s
  watched: {short: {dry_run: true}}
upstreams:
  near: {endpoints: [10.0.0.1:9000], connect_timeout: 5s}
  far: {endpoints: [10.0.0.2:9000]}
routes:
  - {name: shared, listen: 127.0.0.1:7000, protocol: raw, upstream: near, policy: chat}
  - {name: watched, listen: 127.0.0.1:7001, protocol: varint, upstream: far, policy: watched}
  - name: inline
    listen: 127.0.0.1:7002
    protocol: varint
    upstream: near
    policy:
      long:
        reset_on: either
    tcp:
      keepalive: {idle: 20s}
  - {name: by_hand, listen: 127.0.0.1:7003, protocol: raw, upstream: near, policy: chat, tcp: {keepalive: {}, user_timeout: 1m}}
  - {name: off, listen: 127.0.0.1:7004, protocol: raw, upstream: near, policy: chat, tcp: {keepalive: none}}
`

func TestOrigins(t *testing.T) {
	config, err := Parse("gate.yaml", []byte(written))
	if err != nil {
		t.Fatal(err)
	}
	shared, watched, inline := config.Routes[0], config.Routes[1], config.Routes[2]
	tests := []struct {
		rule   string
		origin Origin
		want   string
	}{
		{"what is written", shared.Policy.Origin(TimerIdleTimeout), "gate.yaml:4"},
		{"the line is that of the value", shared.Policy.Origin(TimerMessageTimeout), "gate.yaml:6"},
		{"what is switched off", shared.Policy.Origin(TimerHalfCloseTimeout), "gate.yaml:7"},
		{"what is not written", shared.Policy.Origin(TimerWriteTimeout), "default"},
		{"what the kind has not", shared.Policy.Origin(TimerDeadline), "default"},
		{"reset_on by protocol", shared.Policy.ResetOnOrigin(), "default"},
		{"reset_on", inline.Policy.ResetOnOrigin(), "gate.yaml:23"},
		{"a timer in a dry run", shared.Policy.DryRunOrigin(TimerIdleTimeout), "gate.yaml:9"},
		{"a timer in none", shared.Policy.DryRunOrigin(TimerMessageTimeout), "default"},
		{"all in a dry run", watched.Policy.DryRunOrigin(TimerDeadline), "gate.yaml:10"},
		{"but what is always enforced", watched.Policy.DryRunOrigin(TimerWriteTimeout), "default"},
		{"connect_timeout", shared.Upstream.ConnectTimeoutOrigin(), "gate.yaml:12"},
		{"connect_timeout by default", watched.Upstream.ConnectTimeoutOrigin(), "default"},
		{"user_timeout from keepalive", inline.UserTimeoutOrigin(), "gate.yaml:25, from keepalive"},
		{"user_timeout", config.Routes[3].UserTimeoutOrigin(), "gate.yaml:26"},
		{"user_timeout by default", shared.UserTimeoutOrigin(), "default"},
		{"user_timeout where keepalive is off", config.Routes[4].UserTimeoutOrigin(), "default"},
		{"a policy from no file", (&Policy{Kind: Long}).Origin(TimerIdleTimeout), "default"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			if got := test.origin.String(); got != test.want {
				t.Errorf("origin is %s, want %s", got, test.want)
			}
		})
	}
	if shared.Policy == config.Policies[0] {
		t.Error("the route has no policy of its own, so nothing here shows that a copy knows its origins")
	}
}

func TestTimersAreThoseOfTheKind(t *testing.T) {
	config := parse(t, []byte(written))
	want := [][]NamedTimer{
		{
			{TimerIdleTimeout, 90 * time.Second}, {TimerFirstMessageTimeout, 0}, {TimerMessageTimeout, 10 * time.Second},
			{TimerHeartbeatOnlyTimeout, 0}, {TimerProbe, 0}, {TimerReplyTimeout, 10 * time.Minute}, {TimerIdleInTransactionTimeout, 0},
			{TimerMaxLifetime, 0}, {TimerWriteTimeout, 30 * time.Second}, {TimerHalfCloseTimeout, 0}, {TimerTLSHandshakeTimeout, 10 * time.Second},
		},
		{
			{TimerDeadline, 10 * time.Second}, {TimerReadDeadline, 0}, {TimerWriteDeadline, 0}, {TimerFirstMessageTimeout, 0},
			{TimerMessageTimeout, 10 * time.Second}, {TimerReplyTimeout, 10 * time.Minute},
			{TimerWriteTimeout, 30 * time.Second}, {TimerHalfCloseTimeout, time.Minute}, {TimerTLSHandshakeTimeout, 10 * time.Second},
		},
	}
	got := [][]NamedTimer{config.Policies[0].Timers(), config.Policies[1].Timers()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timers (-want +got):\n%s", diff)
	}
}
