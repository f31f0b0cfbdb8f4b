package policy

import "gopkg.in/yaml.v3"

// Admin says where the gateway answers its operator, and whom it takes for one. Nothing here reads the files it names.
type Admin struct {
	Listen    Address // default 127.0.0.1:9180; others than loopback and unix come with a TokenFile or a TLS.ClientCA
	Metrics   Address // only /metrics, /healthz and /readyz, which everybody may ask; zero: not served apart
	TokenFile File    // holds what callers of Listen must show; zero: none is demanded
	TLS       AdminTLS
	Pprof     bool // Listen serves /debug/pprof/ as well
}

// AdminTLS is the TLS of Admin.Listen, by the paths of its files. It is zero where Listen speaks plain HTTP, and else has
// both Cert and Key.
type AdminTLS struct {
	Cert     File
	Key      File
	ClientCA File // who signs the certificates that callers must have; zero: they need none
}

func (c cursor) admin() Admin {
	a := Admin{Listen: Address{Host: "127.0.0.1", Port: 9180}}
	listen := c.child("listen")
	if !listen.written() {
		listen.claim(a.Listen, nil)
	}
	c.mapping(keys{
		"listen":     func(c cursor) { a.Listen = c.listener(nil) },
		"metrics":    func(c cursor) { a.Metrics = c.listener(nil) },
		"token_file": file(&a.TokenFile),
		"tls":        func(c cursor) { a.TLS = c.adminTLS() },
		"pprof":      boolean(&a.Pprof),
	})
	if !a.Listen.IsZero() && !a.Listen.IsLoopback() && !a.Listen.IsUnix() {
		c.checkOpen()
	}
	return a
}

func (c cursor) adminTLS() AdminTLS {
	var t AdminTLS
	c.mapping(keys{"cert": file(&t.Cert), "key": file(&t.Key), "client_ca": file(&t.ClientCA)})
	c.require("cert", "admin.crt")
	c.require("key", "admin.key")
	return t
}

// checkOpen reports an address that others can reach where anybody among them would be an operator. What is written but
// wrong counts as written: it has been reported.
func (c cursor) checkOpen() {
	token, tls := c.child("token_file"), c.child("tls")
	switch {
	case tls.child("client_ca").written():
	case !token.written():
		c.child("listen").fail("is neither loopback nor a unix socket, so callers must be known: set admin.token_file, " +
			"or admin.tls with client_ca; scrapers need only admin.metrics, which may be open")
	case !tls.written():
		token.warn("goes over the wire in clear, where others can read it; set admin.tls, or listen on loopback or a unix socket")
	}
}

func (a Admin) node() *yaml.Node {
	return block(
		pair{"listen", scalarNode(a.Listen.String())},
		pair{"metrics", optional(a.Metrics.String())},
		pair{"token_file", optional(a.TokenFile.String())},
		pair{"tls", a.TLS.node()},
		pair{"pprof", boolNode(a.Pprof)},
	)
}

// node is nil for no TLS, since an empty mapping is an error.
func (t AdminTLS) node() *yaml.Node {
	if t == (AdminTLS{}) {
		return nil
	}
	return flow(
		pair{"cert", scalarNode(t.Cert.String())},
		pair{"key", scalarNode(t.Key.String())},
		pair{"client_ca", optional(t.ClientCA.String())},
	)
}
