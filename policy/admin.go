package policy

import "gopkg.in/yaml.v3"

// Admin says where the gateway answers its operator.
type Admin struct {
	Listen  Address // loopback or unix; default 127.0.0.1:9180
	Metrics Address // only /metrics, /healthz and /readyz; zero: not served apart
}

func (c cursor) admin() Admin {
	a := Admin{Listen: Address{Host: "127.0.0.1", Port: 9180}}
	listen := c.child("listen")
	if !listen.written() {
		listen.claim(a.Listen, nil)
	}
	c.mapping(keys{
		"listen":  func(c cursor) { a.Listen = c.listener(nil) },
		"metrics": func(c cursor) { a.Metrics = c.listener(nil) },
	})
	if !a.Listen.IsZero() && !a.Listen.IsLoopback() && !a.Listen.IsUnix() {
		listen.fail("must be loopback or a unix socket; for scrapers use admin.metrics")
	}
	return a
}

func (a Admin) node() *yaml.Node {
	return block(
		pair{"listen", scalarNode(a.Listen.String())},
		pair{"metrics", optional(a.Metrics.String())},
	)
}
