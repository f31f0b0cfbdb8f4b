package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// UnixHost is the host by which clients call a server that listens on a unix socket: http://idlegate/metrics.
const UnixHost = "idlegate"

// guard lets calls through that were meant for this server, and answers others with 403.
//
// A web page can have a browser on the operator's machine call any address that the browser reaches. If the page's own name
// was pointed at this server (DNS rebinding), the call carries that name as its Host, so only hosts that nobody else can
// point anywhere are let through: addresses, localhost, the placeholder on a unix socket and the name the operator chose. If
// the page calls across origins, the call carries an Origin, which must then be this server's own. Where a browser says by
// itself from what site a call comes, as all current ones do, a call that changes something must come from this one.
type guard struct {
	next http.Handler
	host string // of admin.listen; may be empty
	unix bool   // listens on a unix socket
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
		return fmt.Sprintf("host %q is not this server's: call it by its address, as localhost, or by the host in admin.listen", r.Host)
	}
	for _, origin := range r.Header.Values("Origin") {
		if !sameOrigin(origin, r.Host) {
			return fmt.Sprintf("origin %q is not this server's: pages of other sites may not call it", origin)
		}
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return fmt.Sprintf("the call is %s: pages of other sites may not change anything", site)
		}
	}
	return ""
}

func (g guard) isOwn(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if strings.EqualFold(host, "localhost") || g.unix && strings.EqualFold(host, UnixHost) {
		return true
	}
	return g.host != "" && strings.EqualFold(host, g.host)
}

// hostname is a Host header without its port and brackets. Any port will do: one that ssh forwards is another.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
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
