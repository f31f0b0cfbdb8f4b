package policy

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// leaf is a value of a file with no key below it.
type leaf struct {
	path string // as a Change has it
	key  string // the last one in path
	node *yaml.Node
}

// TestEveryKeyIsAChange alters each value of a file that has every key, one at a time.
func TestEveryKeyIsAChange(t *testing.T) {
	before := parse(t, read(t, "testdata/good/everything.yaml"))
	consequence := map[string]string{ // raw has no limits of messages
		"routes.plain.protocol":          "routes.plain.limits.",
		"routes.plain.upstream_protocol": "routes.plain.limits.",
	}
	impossible := map[string]bool{ // in the protocol of the route, or at all
		"policies.devices.long.idle_in_transaction_timeout": true, "policies.brokers.long.idle_in_transaction_timeout": true,
		"policies.databases.long.heartbeat_only_timeout": true, "policies.databases.long.heartbeat": true,
		"policies.databases.long.close": true, "policies.brokers.long.close": true,
		"policies.databases.long.probe": true, "policies.brokers.long.probe": true,
		"policies.devices.long.farewell": true, "policies.watched.short.farewell": true, "policies.one_shot.short.farewell": true,
		"policies.brokers.long.idle_timeout.negotiated": true, "routes.databases.protocol": true, "routes.brokers.protocol": true,
	}
	for i, at := range leaves(document(t, before.YAML()), "", "") {
		if impossible[at.path] {
			continue
		}
		t.Run(at.path, func(t *testing.T) {
			root := document(t, before.YAML())
			alter(t, leaves(root, "", "")[i])
			data, err := yaml.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range Diff(before, parse(t, data)) {
				if of := consequence[at.path]; of == "" || !strings.HasPrefix(change.Path, of) {
					got = append(got, change.Path)
				}
			}
			want := at.path
			if at.key == "certificates" {
				want += ".other" // the item that was added, by its first value
			}
			if diff := cmp.Diff([]string{want}, got); diff != "" {
				t.Errorf("paths of the changes (-want +got):\n%s", diff)
			}
		})
	}
}

// leaves lists the values at and below n but the names of routes, which tell them apart.
func leaves(n *yaml.Node, path, key string) []leaf {
	var all []leaf
	switch {
	case path == ".routes":
		for _, route := range n.Content {
			rest := yaml.Node{Kind: yaml.MappingNode, Content: route.Content[2:]}
			all = append(all, leaves(&rest, path+"."+route.Content[1].Value, "")...)
		}
	case n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			below := n.Content[i].Value
			all = append(all, leaves(n.Content[i+1], path+"."+below, below)...)
		}
	default:
		all = append(all, leaf{strings.TrimPrefix(path, "."), key, n})
	}
	return all
}

// alter makes another value of a leaf, or adds an item to a list.
func alter(t *testing.T, at leaf) {
	t.Helper()
	choices := map[string][]string{
		"listen": {"127.0.0.1:7999"}, "metrics": {"0.0.0.0:9999"}, "token_file": {"other"}, "viewer_token_file": {"other"}, "cert": {"other"}, "key": {"other"},
		"client_ca": {"other"}, "ca": {"other"}, "server_name": {"other"}, "alpn": {"other"}, "min_version": {"1.2"}, "level": {"info"}, "format": {"text"}, "histograms": {"both"}, "advise_file": {"other"}, "connections": {"all"}, "file": {"other"},
		"on_full": {"wait"}, "reset_on": {"client"}, "close": {"fin", "rst"}, "heartbeat": {"forward", "answer"}, "endpoints": {"127.0.0.1:9999"},
		"balance": {"round_robin", "least_connections"}, "allow": {"198.51.100.0/24"}, "deny": {"198.51.100.0/24"},
		"over": {"close", "delay"}, "bytes_per_second": {"2MiB", "3MiB"}, "proxy_protocol": {"v1", "v2"}, "sni": {"other.example"}, "source": {"198.51.100.0/24"}, "from": {"198.51.100.0/24"},
		"opaque": {"forward"}, "farewell": {"none", "protocol"},
		"text": {"another", "\n"}, "byte_order": {"big"}, "protocol": {"varint"}, "upstream_protocol": {"raw", "varint"},
		"upstream": {"spare", "device_servers"}, "hosts": {"other"}, "source_addresses": {"10.0.9.9"}, "name": {"other.example"}, "srv": {"other.example"}, "connect_on": {"accept", "first_message"}, "policy": {"watched", "one_shot"},
	}
	n := at.node
	if at.key == "certificates" {
		n.Content = append(n.Content, flow(pair{"cert", scalarNode("other")}, pair{"key", scalarNode("other")}))
		return
	}
	if n.Kind == yaml.SequenceNode {
		n.Content = append(n.Content, scalarNode(choices[at.key][0]))
		return
	}
	was := n.Value
	switch {
	case n.ShortTag() == "!!int":
		number, _ := strconv.Atoi(was)
		n.Value = strconv.Itoa(number + 1)
	case n.ShortTag() == "!!bool":
		n.Value = strconv.FormatBool(was != "true")
	case strings.HasSuffix(at.path, "limits.connections"), at.key == "connections_per_source", at.key == "accepts_per_second", at.key == "messages_per_second", strings.HasSuffix(at.path, "max_connections"):
		n.Value, n.Tag = "7", "!!int"
	case strings.HasSuffix(at.path, "min_rate.over"):
		n.Value = "2m"
	case at.key == "min_rate":
		*n = *flow(pair{"bytes", scalarNode("1KiB")}, pair{"over", scalarNode("1m")})
	case at.key == "eject":
		*n = *flow(pair{"for", scalarNode("1m")})
	case was == none && choices[at.key] == nil:
		n.Value = "1s"
	case choices[at.key] != nil:
		n.Value = choices[at.key][0]
		if n.Value == was {
			n.Value = choices[at.key][1]
		}
	default:
		n.Value = next(t, at)
	}
}

// next is an amount a little greater.
func next(t *testing.T, at leaf) string {
	t.Helper()
	if d, err := units.ParseDuration(at.node.Value); err == nil {
		return units.FormatDuration(d + time.Second)
	}
	if n, err := units.ParseSize(at.node.Value); err == nil {
		return units.FormatSize(n + 1)
	}
	share, err := units.ParsePercent(at.node.Value)
	if err != nil {
		t.Fatalf("%s: nothing is known that could stand here instead of %s", at.path, at.node.Value)
	}
	if share == 1 {
		return "99%"
	}
	return units.FormatPercent(share + 0.01)
}

const edited = `
admin: {listen: 127.0.0.1:9180}
policies:
  devices: {long: {idle_timeout: 90s, dry_run: {idle_timeout: 30s}}}
  mobile: {long: {message_timeout: 5s}}
  mixed: {long: {}}
  spare: {short: {}}
upstreams:
  servers: {endpoints: [10.0.0.1:9000, 10.0.0.2:9000]}
routes:
  - {name: devices, listen: 127.0.0.1:7000, protocol: delimiter, upstream: servers, policy: devices}
  - name: own
    listen: [127.0.0.1:7001, 127.0.0.1:7002]
    allow: [10.0.0.0/8, 192.0.2.0/24, 192.0.2.0/24]
    protocol: {length_field: {size: 4}}
    upstream: servers
    policy: {long: {idle_timeout: 2m}}
` + firstRoute + secondRoute

const (
	firstRoute  = "  - {name: first, listen: 127.0.0.1:7003, protocol: raw, upstream: servers, policy: mixed}\n"
	secondRoute = "  - {name: second, listen: 127.0.0.1:7004, protocol: varint, upstream: servers, policy: mixed}\n"
)

// edits are in place of a piece of the file above.
func edits() []edit {
	return []edit{
		{"a value", "90s", "45s", "policies.devices.long.idle_timeout: 1m30s -> 45s"},
		{"the same value in other words", "90s", "1m30s", ""},
		{"a comment", "admin:", "# hello\nadmin:", ""},
		{"a timer is switched off", "idle_timeout: 90s", "idle_timeout: none", "policies.devices.long.idle_timeout: 1m30s -> none"},
		{"a default is written down", "message_timeout: 5s", "message_timeout: 5s, write_timeout: 30s", ""},
		{"a default is written down that depends on the protocol", "90s,", "90s, reset_on: client,", ""},
		{"a word is written down that some routes have by default", "mixed: {long: {}}", "mixed: {long: {reset_on: client}}",
			"policies.mixed.long.reset_on: added client"},
		{"a word is written down that the first route has by default", "mixed: {long: {}}", "mixed: {long: {reset_on: either}}",
			"policies.mixed.long.reset_on: added either"},
		{"a default of an inline policy is written down", "2m", "2m, reset_on: client", ""},
		{"an inline policy", "2m", "3m", "routes.own.policy.long.idle_timeout: 2m -> 3m"},
		{"a limit", "protocol: delimiter", "protocol: delimiter, limits: {connections: 100}", "routes.devices.limits.connections: none -> 100"},
		{"another policy", "policy: devices", "policy: mobile", "routes.devices.policy: devices -> mobile"},
		{"a policy of its own", "policy: devices", "policy: {short: {}}", "routes.devices.policy: devices -> inline (short)"},
		{"another kind: only what both have is compared", "mobile: {long: {message_timeout: 5s}}", "mobile: {short: {message_timeout: 6s, jitter: 5%}}",
			"policies.mobile: long -> short\npolicies.mobile.short.message_timeout: 5s -> 6s\npolicies.mobile.short.jitter: 0% -> 5%"},
		{"another kind inline", "{long: {idle_timeout: 2m}}", "{short: {}}", "routes.own.policy: long -> short"},
		{"a dry run", "dry_run: {idle_timeout: 30s}", "dry_run: {idle_timeout: 20s, max_lifetime: 1h}",
			"policies.devices.long.dry_run.idle_timeout: 30s -> 20s\npolicies.devices.long.dry_run.max_lifetime: added 1h"},
		{"a dry run of all", "dry_run: {idle_timeout: 30s}", "dry_run: true", "policies.devices.long.dry_run: {idle_timeout: 30s} -> true"},
		{"endpoints in another order", "10.0.0.1:9000, 10.0.0.2:9000", "10.0.0.2:9000, {address: 10.0.0.1:9000}", ""},
		{"endpoints", "10.0.0.2:9000", "10.0.0.3:9000",
			"upstreams.servers.endpoints: added 10.0.0.3:9000\nupstreams.servers.endpoints: removed 10.0.0.2:9000"},
		{"a weight", "10.0.0.2:9000", "{address: 10.0.0.2:9000, weight: 2}", "upstreams.servers.endpoints.10.0.0.2:9000: {} -> {weight: 2}"},
		{"what an endpoint has by default", "10.0.0.2:9000", "{address: 10.0.0.2:9000, weight: 1, backup: false}", ""},
		{"an endpoint with more", "10.0.0.2:9000]", "10.0.0.2:9000, {address: 10.0.0.3:9000, backup: true}]",
			"upstreams.servers.endpoints.10.0.0.3:9000: added {backup: true}"},
		{"no ejection", "10.0.0.2:9000]", "10.0.0.2:9000], eject: none", "upstreams.servers.eject: {failures: 3, for: 10s} -> none"},
		{"another ejection", "10.0.0.2:9000]", "10.0.0.2:9000], eject: {for: 1m}", "upstreams.servers.eject.for: 10s -> 1m"},
		{"one listener", "127.0.0.1:7000", "127.0.0.1:7009", "routes.devices.listen: 127.0.0.1:7000 -> 127.0.0.1:7009"},
		{"one listener of two", "[127.0.0.1:7001, 127.0.0.1:7002]", "127.0.0.1:7002", "routes.own.listen: removed 127.0.0.1:7001"},
		{"a network that was there twice", "192.0.2.0/24, 192.0.2.0/24", "192.0.2.0/24", ""},
		{"networks", ", 192.0.2.0/24, 192.0.2.0/24", ", 10.0.0.0/8]\n    deny: [10.1.0.0/16",
			"routes.own.allow: removed 192.0.2.0/24\nroutes.own.deny: added 10.1.0.0/16"},
		{"no list any more", "    allow: [10.0.0.0/8, 192.0.2.0/24, 192.0.2.0/24]\n", "",
			"routes.own.allow: removed 10.0.0.0/8\nroutes.own.allow: removed 192.0.2.0/24"},
		{"a framing of both sides", "protocol: delimiter", "protocol: {fixed: {size: 8}}",
			`routes.devices.protocol: {delimiter: {text: "\n"}} -> {fixed: {size: 8}}`},
		{"a protocol upstream only", "protocol: delimiter", "protocol: delimiter, upstream_protocol: varint",
			`routes.devices.upstream_protocol: {delimiter: {text: "\n"}} -> varint`},
		{"a field of a framing", "{size: 4}", "{size: 4, magic: {hex: cafe}, offset: 2}", "routes.own.protocol.length_field.magic: added {hex: \"cafe\"}\n" +
			"routes.own.protocol.length_field.offset: 0 -> 2"},
		{"a socket option", "protocol: delimiter", "protocol: delimiter, tcp: {keepalive: none}",
			"routes.devices.tcp.keepalive: {idle: 1m, interval: 15s, count: 4} -> none"},
		{"what stays until the next start", "listen: 127.0.0.1:9180}", "pprof: true, metrics: 0.0.0.0:9181}\ngateway: {loops: 2, edit_grace: none}",
			"admin.metrics: added 0.0.0.0:9181 (restart)\nadmin.pprof: false -> true (restart)\n" +
				"gateway.loops: 0 -> 2 (restart)\ngateway.edit_grace: 2s -> none"},
		{"a file for advice", "policies:\n", "advise_file: advice\npolicies:\n", "advise_file: none -> advice"},
		{"what has a name comes", "  spare:", "  beta: {short: {}}\n  spare:", "policies.beta: added (short)"},
		{"what has a name goes", "  spare: {short: {}}\n", "", "policies.spare: removed"},
		{"an upstream with many endpoints", "  servers:", "  more: {endpoints: [a:1, b:2, c:3, d:4, e:5]}\n  servers:",
			"upstreams.more: added (a:1, b:2, c:3 and 2 more)"},
		{"a route has another name", "name: devices, listen: 127.0.0.1:7000", "name: beta, listen: [127.0.0.1:7000, 127.0.0.1:7009]",
			"routes.beta: added (listens on 127.0.0.1:7000, 127.0.0.1:7009)\nroutes.devices: removed"},
		{"routes in another order", firstRoute + secondRoute, secondRoute + firstRoute, ""},
	}
}

type edit struct{ rule, piece, instead, want string }

func TestDiff(t *testing.T) {
	before := parse(t, []byte(edited))
	for _, e := range edits() {
		t.Run(e.rule, func(t *testing.T) {
			if !strings.Contains(edited, e.piece) {
				t.Fatalf("the file has no %q", e.piece)
			}
			after := parse(t, []byte(strings.Replace(edited, e.piece, e.instead, 1)))
			var got []string
			for _, change := range Diff(before, after) {
				line := change.String()
				if change.Restart {
					line += " (restart)"
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(e.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if back := Diff(after, before); len(back) != len(got) {
				t.Errorf("the way back has %d changes, the way there %d", len(back), len(got))
			}
		})
	}
}

// TestDiffOfAnyTwoFiles checks what holds however much has changed.
func TestDiffOfAnyTwoFiles(t *testing.T) {
	var all []*Config
	for _, file := range append(glob(t, "testdata/good/*.yaml"), "../cmd/idlegate/testdata/every_key.yaml") {
		all = append(all, parse(t, read(t, file)))
	}
	for i, before := range all {
		for j, after := range all {
			there, back := Diff(before, after), Diff(after, before)
			if len(there) != len(back) || (i == j) != (len(there) == 0) {
				t.Errorf("from file %d to file %d there are %d changes, back %d", i, j, len(there), len(back))
			}
			seen := map[Change]bool{}
			for _, change := range there {
				if text := change.String(); seen[change] || len(text) > longest || change.From == change.To && change.To != "" {
					t.Errorf("twice, too long or no change: %s", text)
				}
				seen[change] = true
			}
		}
	}
}
