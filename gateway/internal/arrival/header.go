package arrival

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

// Header is what a PROXY header says of the client behind a proxy. Addresses are those of TCP; a header that has none, or others,
// leaves both invalid, and then those of the connection itself count (as the specification has it for UNKNOWN and UNSPEC).
type Header struct {
	Version     int
	Source      netip.AddrPort
	Destination netip.AddrPort
	Local       bool // the proxy speaks for itself, as in a health check
}

const (
	// maxV1 is how long a header of version 1 can be (2.1 of the specification).
	maxV1 = 107
	// MaxHeader is how long a header may be, with all that proxies add to it. The library knows no longer ones.
	MaxHeader = v2Fixed + 4096
	v2Fixed   = 16 // signature, command, family, length

	shortestV1 = "PROXY UNKNOWN\r\n"
)

// ParseHeader looks for a PROXY header, of version 1 or 2, at the start of b.
//
//	version 1   PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 CR LF
//	version 2   signature 12 B | version, command 1 B | family 1 B | length 2 B | addresses | TLVs
func ParseHeader(b []byte) (Header, Position) {
	at := headerEnd(b)
	if at.Stage != Complete {
		return Header{}, at
	}
	read := bufio.NewReaderSize(bytes.NewReader(b[:at.Length]), at.Length)
	parsed, err := proxyproto.Read(read)
	if err != nil || read.Buffered() > 0 {
		return Header{}, malformed
	}
	h := Header{Version: int(parsed.Version), Local: parsed.Command.IsLocal() && parsed.Version == 2}
	// An unspecified source is nobody's (RFC 4291 section 2.5.2): as with UNKNOWN, the proxy's own address counts.
	if source, destination, ok := parsed.TCPAddrs(); ok && !h.Local && !source.IP.IsUnspecified() {
		h.Source, h.Destination = addrPort(source), addrPort(destination)
	}
	return h, at
}

// headerEnd finds where a header ends, without a look at what is in it.
func headerEnd(b []byte) Position {
	switch {
	case len(b) == 0:
		return needs(len(shortestV1))
	case startsLike(b, proxyproto.SIGV2):
		return v2End(b)
	case startsLike(b, []byte("PROXY ")):
		return v1End(b)
	}
	return malformed
}

// startsLike reports whether b begins with signature, or is its beginning.
func startsLike(b, signature []byte) bool {
	n := min(len(b), len(signature))
	return bytes.Equal(b[:n], signature[:n])
}

func v1End(b []byte) Position {
	end := bytes.IndexByte(b[:min(len(b), maxV1)], '\n')
	switch {
	case end > 0 && b[end-1] == '\r':
		return Position{Stage: Complete, Length: end + 1}
	case end >= 0 || len(b) >= maxV1:
		return malformed
	}
	return needs(max(len(shortestV1), len(b)+1))
}

func v2End(b []byte) Position {
	if len(b) < v2Fixed {
		return needs(v2Fixed)
	}
	length := v2Fixed + int(binary.BigEndian.Uint16(b[v2Fixed-2:]))
	switch {
	case length > MaxHeader:
		return malformed
	case len(b) < length:
		return needs(length)
	}
	return Position{Stage: Complete, Length: length}
}

func addrPort(a *net.TCPAddr) netip.AddrPort {
	ip := a.AddrPort()
	return netip.AddrPortFrom(ip.Addr().Unmap(), ip.Port())
}

// Passed is what a PROXY header tells a backend of a client.
type Passed struct {
	Version     int            // 1 or 2
	Source      netip.AddrPort // invalid for a client of a unix socket
	Destination netip.AddrPort // where it was accepted
	ServerName  string         // version 2 has these beside
	ALPN        string         // that was agreed on, or the only one on offer
	UniqueID    string
	TLS         *TLS // nil: the client speaks none to the gateway
}

// TLS is what a PROXY header says about the TLS connection that ends at the gateway.
type TLS struct {
	Version       string // "TLSv1.3"
	Cipher        string
	ClientCert    bool   // the client has shown a certificate, which was verified
	Resumed       bool   // it was shown in an earlier connection of the session
	ClientSubject string // its common name
}

// Format writes the header. The error is that of an address that cannot be written.
func (p *Passed) Format() ([]byte, error) {
	h := &proxyproto.Header{Version: byte(p.Version), Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	if p.Source.IsValid() && p.Destination.IsValid() {
		h = proxyproto.HeaderProxyFromAddrs(byte(p.Version), net.TCPAddrFromAddrPort(p.Source), net.TCPAddrFromAddrPort(p.Destination))
	}
	if p.Version == 2 {
		if err := h.SetTLVs(p.tlvs()); err != nil {
			return nil, fmt.Errorf("write PROXY header: %w", err)
		}
	}
	b, err := h.Format()
	if err != nil {
		return nil, fmt.Errorf("write PROXY header: %w", err)
	}
	return b, nil
}

func (p *Passed) tlvs() (all []proxyproto.TLV) {
	for _, one := range []struct {
		kind proxyproto.PP2Type
		text string
	}{
		{proxyproto.PP2_TYPE_ALPN, p.ALPN},
		{proxyproto.PP2_TYPE_AUTHORITY, p.ServerName},
		{proxyproto.PP2_TYPE_UNIQUE_ID, p.UniqueID},
	} {
		if one.text != "" {
			all = append(all, proxyproto.TLV{Type: one.kind, Value: []byte(one.text)})
		}
	}
	if p.TLS != nil {
		all = append(all, proxyproto.TLV{Type: proxyproto.PP2_TYPE_SSL, Value: p.TLS.value()})
	}
	return all
}

// value is client 1 B | verify 4 B | TLVs (2.2.6 of the specification). verify is 0 for a certificate that was verified.
func (t *TLS) value() []byte {
	const (
		clientSSL      = 1
		clientCertConn = 2
		clientCertSess = 4
	)
	client, verify := byte(clientSSL), uint32(1)
	if t.ClientCert {
		client, verify = client|clientCertSess, 0
		if !t.Resumed {
			client |= clientCertConn
		}
	}
	b := binary.BigEndian.AppendUint32([]byte{client}, verify)
	for _, sub := range []struct {
		kind proxyproto.PP2Type
		text string
	}{
		{proxyproto.PP2_SUBTYPE_SSL_VERSION, t.Version},
		{proxyproto.PP2_SUBTYPE_SSL_CIPHER, t.Cipher},
		{proxyproto.PP2_SUBTYPE_SSL_CN, t.ClientSubject},
	} {
		if sub.text != "" {
			b = append(b, byte(sub.kind))
			b = binary.BigEndian.AppendUint16(b, uint16(len(sub.text)))
			b = append(b, sub.text...)
		}
	}
	return b
}
