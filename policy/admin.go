package policy

import "gopkg.in/yaml.v3"

// Admin says where the gateway answers its operator, and whom it takes for one. Nothing here reads the files it names.
type Admin struct {
	Listen    Address  // default 127.0.0.1:9180; others than loopback and unix come with a TokenFile or a TLS.ClientCA
	Hosts     []string // names, in small letters, by which Listen is called, beside those that it is always called by
	Metrics   Address  // only /metrics, /healthz and /readyz, which everybody may ask; zero: not served apart
	TokenFile File     // holds what callers of Listen must show; zero: none is demanded
	Viewer    File     // holds what callers of Listen may show who may look and change nothing; zero: there are none
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

func (a *Admin) keys() keys {
	return keys{
		{name: "listen", takes: listener(&a.Listen), standard: "127.0.0.1:9180",
			doc: "the address of the admin server: page, API, metrics. Any address but loopback and `unix:` needs `token_file`, or `tls` with `client_ca`"},
		{name: "hosts", takes: hostNames(&a.Hosts), without: "none",
			doc: "names by which callers may call `admin.listen`, as in `[gate.example]`, beside addresses, `localhost`, its own host and those in its certificate; any port will do"},
		{name: "metrics", takes: listener(&a.Metrics), without: "not served",
			doc: "a second address that serves only `/metrics`, `/healthz` and `/readyz`, without a token; any address is allowed"},
		{name: "token_file", takes: file(&a.TokenFile), without: "none",
			doc: "a file with the token that callers of `admin.listen` must send. Without `admin.tls` it is sent in clear text; `check` warns of that on an address that is not loopback"},
		{name: "viewer_token_file", takes: file(&a.Viewer), without: "none",
			doc: "a file with a token whose callers may look and change nothing; needs `token_file`"},
		{name: "tls", takes: a.TLS.value(), without: "plain HTTP",
			doc: "TLS of `admin.listen`, as in `{cert: admin.crt, key: admin.key}`"},
		{name: "pprof", takes: boolean(&a.Pprof), standard: "false",
			doc: "`true` serves `/debug/pprof/` at `admin.listen`"},
	}
}

func (c cursor) readAdmin(a *Admin) {
	if listen := c.child("listen"); !listen.written() {
		listen.claim(a.Listen, nil)
	}
	c.mapping(a.keys())
	if !a.Listen.IsZero() && !a.Listen.IsLoopback() && !a.Listen.IsUnix() {
		c.checkOpen()
	}
	if viewer := c.child("viewer_token_file"); viewer.written() && !c.child("token_file").written() {
		viewer.fail("needs token_file: without it every caller may change everything")
	}
}

func (t *AdminTLS) keys() keys {
	return keys{
		{name: "cert", takes: file(&t.Cert), example: "admin.crt", doc: "the certificate and the intermediate ones, in PEM"},
		{name: "key", takes: file(&t.Key), example: "admin.key", doc: "the key of the certificate, in PEM"},
		{name: "client_ca", takes: file(&t.ClientCA), without: "callers need no certificate",
			doc: "authorities, in PEM; callers must present a certificate that one of them has signed"},
	}
}

// value takes a mapping, which is not printed where there is no TLS, since an empty one is an error.
func (t *AdminTLS) value() value {
	list := t.keys()
	return mapping(list).printed(func() *yaml.Node {
		if *t == (AdminTLS{}) {
			return nil
		}
		return flow(list.pairs()...)
	})
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
