package gateway_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"idlegate/gateway/admin/api"
)

// spokenTo is how a backend wants to be spoken to.
type spokenTo struct {
	server *tls.Config // nil: in clear
	header string      // how the PROXY header begins; "": there is none
	source string      // the address of who connects; "": any
}

// echo serves a client as it wants to be spoken to.
func (s *spokenTo) echo(c *client) {
	if from, _, _ := net.SplitHostPort(c.RemoteAddr().String()); s.source != "" && from != s.source {
		c.t.Errorf("connected from %s, want %s", from, s.source)
	}
	if s.header != "" {
		line, b := "", make([]byte, 1)
		for !strings.HasSuffix(line, "\r\n") {
			if _, err := io.ReadFull(c, b); err != nil {
				c.t.Errorf("%v behind %q, want a header", err, line)
				return
			}
			line += string(b)
		}
		if !strings.HasPrefix(line, s.header) {
			c.t.Errorf("the header is %q, want %q", line, s.header)
		}
	}
	if s.server != nil {
		c.Conn = tls.Server(c.Conn, s.server)
	}
	echoes(c)
}

// TestARetryGoesByThePolicyInForce makes an edit change how an upstream is connected to while an attempt is under way: the next one must go
// by the edit.
func TestARetryGoesByThePolicyInForce(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := &tls.Config{Certificates: []tls.Certificate{a.issue(t, dir, "server").pair(t)}}
	const header, yaml = "PROXY TCP4 127.0.0.1 ", `
upstreams: {echo: {endpoints: ["%s"], connect_timeout: 20s%s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: echo, policy: {long: {}}}]`
	spoken, proxied := ", tls: {ca: "+a.file+"}", ", proxy_protocol: v1"
	for name, row := range map[string]struct {
		before, after string
		want          spokenTo
	}{
		"TLS is taken away":              {spoken, "", spokenTo{}},
		"TLS is added":                   {"", spoken, spokenTo{server: server}},
		"a PROXY header is taken away":   {proxied, "", spokenTo{}},
		"a PROXY header is added":        {"", proxied, spokenTo{header: header}},
		"a PROXY header is added to TLS": {spoken, proxied + spoken, spokenTo{server: server, header: header}},
		"both are added":                 {"", proxied + spoken, spokenTo{server: server, header: header}},
		"source_addresses are added":     {"", ", source_addresses: [127.0.0.9]", spokenTo{source: "127.0.0.9"}},
	} {
		t.Run(name, func(t *testing.T) {
			fd, dead := deaf(t)
			r := start(t, yaml, dead, row.before)
			c := r.dial("r")
			r.awaitConnecting()
			r.edit(yaml, backend(t, row.want.echo), row.after)
			must(t, syscall.Close(fd)) // the next SYN is refused
			c.echo("secret")
			if all := r.list(api.Filter{}); len(all) != 1 || (all[0].UpstreamTLS != nil) != (row.want.server != nil) {
				t.Errorf("%+v", all)
			}
		})
	}
}
