// Package policy turns the operator's YAML file into an immutable Config.
//
// Parse is strict and complete: it reports every problem of a file at once, each with its position and the path of the
// key, and where it reports none every default has been filled in, so that the rest of the program never asks whether a
// value was given. Config.YAML writes the effective file, which parses to the same Config again. Diff says in the words of
// the file what an edit changes, and an Origin where a value in force was written.
//
//	cfg, err := policy.Parse("idlegate.yaml", data)
//	if err != nil {
//		fmt.Fprintln(os.Stderr, err) // one line a problem: file:line:column: key.path: what is wrong
//	}
//
// What the file can say is a list of keys (key.go): each has a name, a kind of value (value.go, scalar.go), a default and a
// description, and stands with the type that it fills, as in route.go. Parse, Config.YAML, Diff, README.md and the JSON
// Schema go by that list. The protocols are rows of one table (protocols.go). Rules that join keys stand in files of their own:
// circle.go, never.go, warnings.go, connect_on.go, tcp.go.
//
// The package knows no sockets and reads no files. A Config is never changed after Parse returned it, so any number of
// goroutines may read it.
package policy

import "gopkg.in/yaml.v3"

// Config is one whole policy file with every default filled in.
type Config struct {
	Admin     Admin
	Log       Log
	Metrics   Metrics
	Gateway   Gateway
	Advise    File        // where what is known for advice survives a restart; zero: it does not
	Policies  []*Policy   // the named ones, in the order of the file; ResetOn 0: left to each route
	Upstreams []*Upstream // in the order of the file
	Routes    []*Route    // in the order of the file

	name     string // of the file
	marks    map[string]position
	warnings Problems
}

// keys are the sections of the file, in the order in which they need each other and are printed.
func (c *Config) keys() keys {
	in := &shared{}
	return keys{
		{name: "admin", takes: section(c.Admin.keys()).reading(func(at cursor) { at.readAdmin(&c.Admin) }), doc: "where the operator is answered"},
		{name: "log", takes: section(c.Log.keys()), doc: "what is logged, and where to"},
		{name: "metrics", takes: section(c.Metrics.keys()), doc: "how figures are published"},
		{name: "gateway", takes: section(c.Gateway.keys()).then(func(cursor) { in.memory = c.Gateway.BufferMemory }), doc: "the process as a whole"},
		{name: "advise_file", takes: fileOrNone(&c.Advise), standard: none,
			doc: "where what `advise` knows of the routes survives a restart: a small file that is written every few minutes and at the end, in a folder in which the gateway may make files; `none`: nothing is known after a start"},
		{name: "policies", takes: c.policies(in), doc: "policies for routes to share, by name"},
		{name: "upstreams", takes: c.upstreams(in), doc: "sets of endpoints, by name"},
		{name: "routes", takes: c.routes(in), example: "[...]", doc: "what is served, at least one route"},
	}
}

func (c *Config) policies(in *shared) value {
	return value{
		read: func(at cursor) {
			in.policies = declare(at, kindOfName[Policy]{
				what: "policy", example: "devices: {long: {}}", read: cursor.policy, nameless: isNamelessPolicy,
			})
			c.Policies = in.policies.values()
		},
		node: func() *yaml.Node {
			var pairs []pair
			for _, p := range c.Policies {
				pairs = append(pairs, pair{p.Name, p.node()})
			}
			return block(pairs...)
		},
		schema: func() schema { return namedSchema(new(Policy).value().schema()) },
		below:  func() keys { return new(Policy).value().below() },
		item:   ".NAME",
	}
}

func (c *Config) upstreams(in *shared) value {
	return value{
		read: func(at cursor) {
			in.upstreams = declare(at, kindOfName[Upstream]{
				what: "upstream", example: "device_servers: {endpoints: [10.0.0.11:9000]}", read: cursor.upstream, nameless: isNamelessUpstream,
			})
			c.Upstreams = in.upstreams.values()
		},
		node: func() *yaml.Node {
			var pairs []pair
			for _, u := range c.Upstreams {
				pairs = append(pairs, pair{u.Name, block(u.keys().pairs()...)})
			}
			return block(pairs...)
		},
		schema: func() schema { return namedSchema(upstreamSchema()) },
		below:  func() keys { return new(Upstream).keys() },
		item:   ".NAME",
	}
}

func (c *Config) routes(in *shared) value {
	return value{
		read: func(at cursor) { c.Routes = at.routes(*in) },
		node: func() *yaml.Node {
			var items []*yaml.Node
			for _, r := range c.Routes {
				items = append(items, block(r.keys(*in).pairs()...))
			}
			return blockList(items...)
		},
		schema: func() schema { return listOf(new(Route).keys(shared{}).schema()) },
		below:  func() keys { return new(Route).keys(shared{}) },
		item:   "[]",
	}
}
