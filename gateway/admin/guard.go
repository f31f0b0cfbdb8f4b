package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// UnixHost is the host by which clients call a server that listens on a unix socket: http://idlegate/metrics.
const UnixHost = "idlegate"

// guard lets calls through that were meant for this server, and answers others with 403.
//
// A web page can have a browser on the operator's machine call any address that the browser reaches. If the page's own name
// was pointed at this server (DNS rebinding), the call carries that name as its Host, so only hosts that nobody else can
// point anywhere are let through: addresses, localhost, the placeholder on a unix socket, the names that the operator chose and those
// for which this server has a certificate. If the page calls across origins, the call carries an Origin, which must then be this
// server's own. Where a browser says by itself from what site a call comes, as all current ones do, it must come from this one:
// what a page may not read can still cost something, as a profile does. Only a link may lead to the status page, which shows
// nothing by itself.
type guard struct {
	next      http.Handler
	names     []string
	certified func(host string) bool // nil: for none
	unix      bool                   // listens on a unix socket
}

// ServeHTTP implements http.Handler.
func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if sentence := g.objection(r); sentence != "" {
		refuse(w, r, http.StatusForbidden, sentence)
		return
	}
	g.next.ServeHTTP(w, r)
}

// objection says why a call is not let through; "": it is.
func (g guard) objection(r *http.Request) string {
	if !g.isOwn(hostname(r.Host)) {
		return fmt.Sprintf("host %q is not this server's: call it by its address, as localhost, by the host in admin.listen or one of admin.hosts, "+
			"or by a name that its certificate has", clip(r.Host))
	}
	for _, origin := range r.Header.Values("Origin") {
		if !sameOrigin(origin, r.Host) {
			return fmt.Sprintf("origin %q is not this server's: pages of other sites may not call it", clip(origin))
		}
	}
	if isLink(r) {
		return ""
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return fmt.Sprintf("the call is %s: pages of other sites may not call this server", clip(site))
		}
	}
	return ""
}

// isLink reports whether somebody has followed a link to the status page. A page in a frame is none.
func isLink(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/" &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

func (g guard) isOwn(host string) bool {
	if host == "" {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if strings.EqualFold(host, "localhost") || g.unix && strings.EqualFold(host, UnixHost) {
		return true
	}
	same := func(name string) bool { return strings.EqualFold(host, name) }
	return slices.ContainsFunc(g.names, same) || g.certified != nil && g.certified(host)
}

// hostname is a Host header without its port and brackets; "" where it is none. Any port will do: one that ssh forwards is another.
func hostname(host string) string {
	if name, port, err := net.SplitHostPort(host); err == nil {
		if strings.Trim(port, "0123456789") != "" {
			return ""
		}
		return name
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return strings.TrimSuffix(inner, "]")
	}
	return host
}

// sameOrigin tells whether an Origin header names host, port included. "null", which hides where a call is from, does not.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, host)
}
