package relay

import (
	"crypto/tls"
	"sync"
	"sync/atomic"

	"idlegate/gateway/internal/upstream"
	"idlegate/metrics"
)

// Upstream is what is kept of an upstream over all edits: where to connect to now, and what was counted.
type Upstream struct {
	// Set once, then read only.
	Name     string
	connects []*metrics.Histogram // by loop, which alone writes its own

	contact atomic.Pointer[Contact]
	retries atomic.Uint64

	mu     sync.Mutex
	out    bool        // Guarded by mu: there was no healthy endpoint at the last Reconsider.
	lastID upstream.ID // Guarded by mu.
}

// NewUpstream returns an upstream for a number of loops. It has no endpoints before SetContact.
func NewUpstream(name string, loops int) *Upstream {
	u := &Upstream{Name: name, connects: make([]*metrics.Histogram, loops)}
	for i := range u.connects {
		u.connects[i] = new(metrics.Histogram)
	}
	return u
}

// TLSFor returns the configuration for the endpoint of a name, as it is now.
type TLSFor func(endpoint string) *tls.Config

// Contact is where an upstream is connected to, and how it is spoken to. It is exchanged whole, or what is to be encrypted could go in clear to
// an endpoint that comes or goes with TLS.
type Contact struct {
	Endpoints    *upstream.Set
	TLS          TLSFor // nil: in clear
	ProxyVersion int    // of the PROXY header that it gets; 0: none
}

// SetContact says what attempts to connect go by from now on.
func (u *Upstream) SetContact(c Contact) { u.contact.Store(&c) }

// Endpoints returns where it connects to; nil before SetContact.
func (u *Upstream) Endpoints() *upstream.Set {
	if c := u.contact.Load(); c != nil {
		return c.Endpoints
	}
	return nil
}

// NewEndpoint returns an endpoint of the upstream, without an address.
func (u *Upstream) NewEndpoint(name string) *upstream.Endpoint {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lastID = max(u.lastID+1, 1) // 0 is none
	return &upstream.Endpoint{Name: name, ID: u.lastID}
}

// Retries returns how many further attempts were made after others had failed.
func (u *Upstream) Retries() uint64 { return u.retries.Load() }

// Reconsider finds out whether it has a healthy endpoint, and reports whether that is news. It is called after anything
// that may have changed it.
func (u *Upstream) Reconsider() (news Health, changed bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := !u.Endpoints().Healthy()
	if out == u.out {
		return Health{}, false
	}
	u.out = out
	news = Health{Upstream: u.Name, Event: UpstreamBack}
	if out {
		news.Event = UpstreamOut
	}
	return news, true
}

// Health is what an operator should know of an endpoint, or of an upstream.
type Health struct {
	Upstream string
	Endpoint string // "" where it is about the upstream
	Event    HealthEvent
	Change   upstream.Change // of the endpoint
}

// HealthEvent is what has happened.
type HealthEvent uint8

const (
	EndpointEjected HealthEvent = iota
	EndpointBack
	UpstreamOut  // it has no healthy endpoint left
	UpstreamBack // it has one again
	EndpointDown // by its health checks
	EndpointUp
)
