package policy

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a file cannot tell, a machine may: its own addresses, and what names mean.
func TestCirclesThatAMachineSees(t *testing.T) {
	config := parse(t, []byte(`upstreams:
  own_address: {endpoints: [192.0.2.7:7000]}
  own_name: {endpoints: [gate.example:7001]}
  another_address: {endpoints: [192.0.2.8:7000, gate.example:9000]}
  bound_elsewhere: {endpoints: [192.0.2.7:7003]}
  unknown: {endpoints: [nowhere.example:7004]}
routes:
  - {name: a, listen: ":7000", protocol: raw, upstream: own_address, policy: {long: {}}}
  - {name: b, listen: 192.0.2.7:7001, protocol: raw, upstream: own_name, policy: {long: {}}}
  - {name: c, listen: ":7002", protocol: raw, upstream: another_address, policy: {long: {}}}
  - {name: d, listen: 127.0.0.1:7003, protocol: raw, upstream: bound_elsewhere, policy: {long: {}}}
  - {name: e, listen: ":7004", protocol: raw, upstream: unknown, policy: {long: {}}}
`))
	own := netip.MustParseAddr("192.0.2.7")
	hosts := Hosts{
		Local: func(ip netip.Addr) bool { return ip == own || ip.IsLoopback() },
		Lookup: func(host string) []netip.Addr {
			if host == "gate.example" {
				return []netip.Addr{own}
			}
			if ip, err := netip.ParseAddr(host); err == nil {
				return []netip.Addr{ip}
			}
			return nil
		},
	}
	want := []string{
		`2:29: upstreams.own_address.endpoints[0]: 192.0.2.7:7000 is a listener of route "a", which would connect to itself without end`,
		`3:26: upstreams.own_name.endpoints[0]: gate.example:7001 is a listener of route "b", which would connect to itself without end`,
	}
	if diff := cmp.Diff(want, placed(config.Circles(hosts))); diff != "" {
		t.Errorf("circles (-want +got):\n%s", diff)
	}
}
