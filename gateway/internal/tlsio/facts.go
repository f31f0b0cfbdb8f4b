package tlsio

import "crypto/tls"

// Facts are what a handshake has settled.
type Facts struct {
	Version    uint16 // as crypto/tls has it
	Cipher     uint16
	Resumed    bool
	ServerName string // that the client asked for; "": none
	Protocol   string // by ALPN; "": none
	CommonName string // in Subject
	Subject    string // of the peer's certificate, as RFC 2253 has it; "": it showed none
}

// VersionName returns the version in the words of the policy, as "1.3".
func (f *Facts) VersionName() string {
	switch f.Version {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return tls.VersionName(f.Version)
}

// CipherName returns the name that IANA has given the cipher suite.
func (f *Facts) CipherName() string { return tls.CipherSuiteName(f.Cipher) }

// Facts returns what the handshake has settled.
func (c *Conn) Facts() Facts {
	s := c.tls.ConnectionState()
	f := Facts{Version: s.Version, Cipher: s.CipherSuite, Resumed: s.DidResume, ServerName: s.ServerName, Protocol: s.NegotiatedProtocol}
	if len(s.PeerCertificates) > 0 {
		f.Subject, f.CommonName = s.PeerCertificates[0].Subject.String(), s.PeerCertificates[0].Subject.CommonName
	}
	return f
}
