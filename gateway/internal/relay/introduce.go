package relay

import (
	"net/netip"
	"strconv"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// introduce queues the PROXY header that the upstream gets before anything else: start writes it, and what waits behind it.
func (d *connector) introduce(c *conn) {
	header, err := c.introduction().Format()
	if err != nil { // of the addresses that there can be none is unwritable
		d.loop.end(c, session.InternalError)
		return
	}
	c.upstream.pending.prepend(d.loop.pool, header)
}

// proxyVersion is that of the PROXY header which the upstream gets by the attempt under way; 0: none.
func (c *conn) proxyVersion() int {
	switch {
	case c.marks.has(proxyV1):
		return 1
	case c.marks.has(proxyV2):
		return 2
	}
	return 0
}

// introduction is what a backend is told of a client: where it comes from, and where it wanted to go, as the header says in which a
// proxy has told the gateway, else as its socket does.
func (c *conn) introduction() *arrival.Passed {
	p := &arrival.Passed{Version: c.proxyVersion()}
	if c.route.checks { // the proxy speaks for itself, and not for a client
		return p
	}
	p.Source, p.Destination = c.clientAddr.address(), netip.AddrPort{}
	p.UniqueID = strconv.FormatUint(c.id, 10)
	o := c.origin()
	if o != nil {
		p.Destination, p.ServerName = o.Header.Destination, o.ServerName()
		if o.Hello != nil && len(o.Hello.ALPN) == 1 {
			p.ALPN = o.Hello.ALPN[0]
		}
	}
	if c.isTLS(session.Client) {
		f := c.secure(session.Client).facts
		p.ServerName, p.ALPN = f.ServerName, f.Protocol
		p.TLS = &arrival.TLS{
			Version: "TLSv" + f.VersionName(), Cipher: f.CipherName(), ClientCert: f.Subject != "", Resumed: f.Resumed, ClientSubject: f.CommonName,
		}
	}
	if !p.Destination.IsValid() && p.Source.IsValid() {
		p.Destination = reactor.LocalAddress(int(c.client.fd))
	}
	return p
}
