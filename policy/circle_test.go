package policy

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a file cannot tell, a machine may: its own addresses, and what names mean.
func TestCirclesThatAMachineSees(t *testing.T) {
	config := parse(t, []byte(`admin: {listen: "gate.example:9180", token_file: token}
upstreams:
  own_address: {endpoints: [192.0.2.7:7000]}
  own_name: {endpoints: [gate.example:7001]}
  another_address: {endpoints: [192.0.2.8:7000, gate.example:9000]}
  bound_elsewhere: {endpoints: [192.0.2.7:7003]}
  unknown: {endpoints: [nowhere.example:7004]}
  admin: {endpoints: [192.0.2.7:9180, 192.0.2.8:9180]}
routes:
  - {name: a, listen: ":7000", protocol: raw, upstream: own_address, policy: {long: {}}}
  - {name: b, listen: 192.0.2.7:7001, protocol: raw, upstream: own_name, policy: {long: {}}}
  - {name: c, listen: ":7002", protocol: raw, upstream: another_address, policy: {long: {}}}
  - {name: d, listen: 127.0.0.1:7003, protocol: raw, upstream: bound_elsewhere, policy: {long: {}}}
  - {name: e, listen: ":7004", protocol: raw, upstream: unknown, policy: {long: {}}}
  - {name: f, listen: ":7005", protocol: raw, upstream: admin, policy: {long: {}}}
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
		`3:29: upstreams.own_address.endpoints[0]: 192.0.2.7:7000 is a listener of route "a", which would connect to itself without end`,
		`4:26: upstreams.own_name.endpoints[0]: gate.example:7001 is a listener of route "b", which would connect to itself without end`,
		`8:23: upstreams.admin.endpoints[0]: 192.0.2.7:9180 is admin.listen of this gateway, which would take every client of route "f" for one on this machine`,
	}
	if diff := cmp.Diff(want, placed(config.Circles(hosts))); diff != "" {
		t.Errorf("circles (-want +got):\n%s", diff)
	}
}
