package policy

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// TLSVersion is the least version of TLS that is spoken.
type TLSVersion uint8

const (
	TLS12 TLSVersion = iota
	TLS13
)

func (v TLSVersion) String() string { return wordOf(v) }

func (TLSVersion) words() []string { return []string{TLS12: "1.2", TLS13: "1.3"} }

// Certificate is a certificate and its key. Nothing here reads the files.
type Certificate struct {
	Cert File
	Key  File
}

// RouteTLS is the TLS that a route speaks with clients. It is zero where the route speaks none.
type RouteTLS struct {
	Certificate                // the first, and what is shown to clients that ask for no name or another; zero: the first of Certificates is
	Certificates []Certificate // others, by the names that they are valid for
	ClientCA     File          // who signs the certificates that clients must have; zero: they need none
	ALPN         []string      // by preference
	MinVersion   TLSVersion
}

// IsOn reports whether the route speaks TLS.
func (t *RouteTLS) IsOn() bool { return !t.Cert.IsZero() || len(t.Certificates) > 0 }

// All are the certificates in the order of the file.
func (t *RouteTLS) All() []Certificate {
	if t.Cert.IsZero() {
		return t.Certificates
	}
	return append([]Certificate{t.Certificate}, t.Certificates...)
}

// UpstreamTLS is the TLS that the gateway speaks with endpoints.
type UpstreamTLS struct {
	On         bool
	ServerName string // that their certificates must be valid for; "": the host of the endpoint's address
	CA         File   // who signs their certificates; zero: the authorities that the system trusts
	Certificate
	ALPN       []string
	MinVersion TLSVersion
}

func (p *Certificate) keys() keys {
	return keys{
		{name: "cert", takes: file(&p.Cert), example: "gate.pem", doc: "the certificate and the intermediate ones, in PEM"},
		{name: "key", takes: file(&p.Key), example: "gate.key", doc: "the key of the certificate, in PEM"},
	}
}

func alpnKey(to *[]string) key {
	return key{name: "alpn", takes: protocolNames(to), without: "none", doc: "protocols for ALPN, as in `[mqtt]`, the preferred one first. A peer that speaks ALPN and none of them is refused"}
}

func minVersionKey(to *TLSVersion) key {
	return key{name: "min_version", takes: tlsVersion(to), standard: "1.2", doc: "the least version of TLS: `1.2` or `1.3`"}
}

func (t *RouteTLS) keys() keys {
	own := t.Certificate.keys()
	for i := range own {
		own[i].example, own[i].without = "", "that of the first of `certificates`"
	}
	return append(own,
		key{name: "certificates", takes: t.certificates(), without: "none",
			doc: "a list of `{cert, key}`. A client is shown the one that is valid for the name that it asks for (SNI), an exact name before a wildcard; one that asks for none, or for another, is shown the first"},
		key{name: "client_ca", takes: file(&t.ClientCA), without: "clients need no certificate",
			doc: "authorities, in PEM; clients must present a certificate that one of them has signed"},
		alpnKey(&t.ALPN),
		minVersionKey(&t.MinVersion),
	)
}

func (t *RouteTLS) value() value {
	list := t.keys()
	v := mapping(list).printed(func() *yaml.Node {
		if !t.IsOn() {
			return nil
		}
		return flow(list.pairs()...)
	})
	return v.then(func(c cursor) {
		cert, key := c.child("cert"), c.child("key")
		switch {
		case cert.written() && !key.written():
			c.require("key", "gate.key")
		case key.written() && !cert.written():
			c.require("cert", "gate.pem")
		case !cert.written() && !c.child("certificates").written():
			c.fail("has no certificate; write it as in {cert: gate.pem, key: gate.key}")
		}
	})
}

// certificates takes a list of mappings with cert and key.
func (t *RouteTLS) certificates() value {
	var one Certificate
	return value{
		read: func(c cursor) {
			c.list(func(c cursor) {
				p := Certificate{}
				c.mapping(p.keys())
				if c.node.Kind != yaml.MappingNode {
					return
				}
				t.Certificates = append(t.Certificates, p)
			})
			c.refuseEmpty("a certificate, as in [{cert: gate.pem, key: gate.key}], or remove the key")
		},
		node: func() *yaml.Node {
			var items []*yaml.Node
			for i := range t.Certificates {
				items = append(items, flow(t.Certificates[i].keys().pairs()...))
			}
			if len(items) == 0 {
				return nil
			}
			return flowList(items...)
		},
		schema: func() schema { return listOf(one.keys().schema()) },
		below:  func() keys { return one.keys() },
		item:   "[]",
	}
}

func (t *UpstreamTLS) keys() keys {
	own := t.Certificate.keys()
	for i := range own {
		own[i].example, own[i].without = "", "the gateway shows no certificate"
	}
	list := keys{
		{name: "server_name", takes: hostName(&t.ServerName), without: "the host in the endpoint's address, or `dns.name`",
			doc: "the name that certificates of endpoints must be valid for, and that the gateway asks for (SNI)"},
		{name: "ca", takes: file(&t.CA), without: "the authorities that the system trusts",
			doc: "authorities, in PEM; endpoints must present a certificate that one of them has signed"},
	}
	return append(append(list, own...), alpnKey(&t.ALPN), minVersionKey(&t.MinVersion))
}

// value takes a mapping, which may be empty: what it leaves out has a default.
func (t *UpstreamTLS) value() value {
	list := t.keys()
	v := mapping(list).printed(func() *yaml.Node {
		if !t.On {
			return nil
		}
		return flow(list.pairs()...)
	})
	return v.then(func(c cursor) {
		t.On = c.node.Kind == yaml.MappingNode
		switch cert, key := c.child("cert"), c.child("key"); {
		case cert.written() && !key.written():
			c.require("key", "gate.key")
		case key.written() && !cert.written():
			c.require("cert", "gate.pem")
		}
	})
}

// checkTLS reports endpoints whose certificates could not be verified.
func (u *Upstream) checkTLS(c cursor) {
	if !u.TLS.On || u.TLS.ServerName != "" {
		return
	}
	if u.DNS.SRV != "" {
		c.child("tls").fail("needs server_name: the names of the targets of %s come from DNS, which anybody may have answered", u.DNS.SRV)
	}
	for _, e := range u.Endpoints {
		if e.Address.IsUnix() {
			c.child("tls").fail("needs server_name: %s has no host that a certificate could be valid for", e.Address)
			return
		}
	}
}

// tlsVersion takes the number of a version, which need not be quoted.
func tlsVersion(to *TLSVersion) value {
	v := word(to)
	v.schema = func() schema { return schema{"enum": []any{1.2, 1.3, "1.2", "1.3"}} }
	return v
}

// hostName takes the name of a host; it is left out of the effective file where it is empty.
func hostName(to *string) value {
	return value{
		read: func(c cursor) {
			s, ok := c.scalar()
			if !ok {
				return
			}
			name, err := parseHostName(s)
			if err != nil {
				c.fail("%s", err)
				return
			}
			*to = name
		},
		node:   func() *yaml.Node { return optional(*to) },
		schema: func() schema { return pattern(hostPattern) },
	}
}

const longestProtocol = 255 // bytes (RFC 7301, 3.1)

// protocolNames takes a list of names for ALPN; it is left out of the effective file where it is empty.
func protocolNames(to *[]string) value {
	return value{
		read: func(c cursor) {
			c.list(func(c cursor) {
				var name string
				readText(&name)(c)
				var err error
				switch {
				case name == "":
					return
				case len(name) > longestProtocol:
					err = fmt.Errorf("is a name of %d bytes; ALPN has %d at most", len(name), longestProtocol)
				case !printable(name):
					err = fmt.Errorf("%s has unprintable characters", quote(name))
				case slices.Contains(*to, name):
					err = fmt.Errorf("%s is listed twice", quote(name))
				}
				if err != nil {
					c.fail("%s", err)
					return
				}
				*to = append(*to, name)
			})
			c.refuseEmpty("a protocol, or remove the key")
		},
		node: func() *yaml.Node {
			var items []*yaml.Node
			for _, name := range *to {
				items = append(items, scalarNode(name))
			}
			if len(items) == 0 {
				return nil
			}
			return flowList(items...)
		},
		schema: func() schema { return listOf(schema{"type": "string", "minLength": 1, "maxLength": longestProtocol}) },
	}
}
