package tlsconf

import (
	"crypto/tls"
	"strings"
)

// chosen are several certificates by the names that they are valid for.
type chosen struct {
	first  *tls.Certificate
	byName map[string][]*tls.Certificate // in small letters, wildcards as "*.example"
}

func byName(pairs []*tls.Certificate) *chosen {
	c := &chosen{first: pairs[0], byName: map[string][]*tls.Certificate{}}
	for _, p := range pairs {
		for _, name := range p.Leaf.DNSNames {
			name = strings.ToLower(name)
			c.byName[name] = append(c.byName[name], p)
		}
	}
	return c
}

// choose returns the certificate to show to a client.
func (c *chosen) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	for _, key := range []string{name, wildcardOf(name)} {
		fitting := c.byName[key]
		for _, p := range fitting {
			if hello.SupportsCertificate(p) == nil {
				return p, nil
			}
		}
		if len(fitting) > 0 {
			return fitting[0], nil // the handshake says what they have not in common
		}
	}
	return c.first, nil
}

// wildcardOf returns the wildcard that stands for a name: it takes the place of one label.
func wildcardOf(name string) string {
	_, parent, found := strings.Cut(name, ".")
	if !found {
		return ""
	}
	return "*." + parent
}
