// Package admin is the HTTP server through which the gateway answers its operator.
//
// The operator's listener has the API under /api/v1, which openapi.json describes, the status page at /, which calls that
// API, the metrics, and Go's profiles if they are switched on. It is meant for this machine: all who reach it are trusted,
// so every call is checked for being meant for it, against web pages that send a browser here (see guard). Where the
// listener can be reached from elsewhere, the Config has a token (see lock) or TLS with client certificates.
//
// The listener for metrics may be open to scrapers and probes: it has three paths, only reads, and checks nothing.
//
//	server := admin.New(admin.Config{Listener: l, Gateway: gateway, Operated: gateway, Logger: logger, Version: version})
//	go server.Serve()
//	defer server.Shutdown(ctx)
//
// The caller binds, since listening sockets outlive a configuration; the server closes what it was given.
//
// A listener that breaks is logged and opened again. Neither listener takes more than 64 connections; while many are there, those
// that are idle are closed, and while all are, those that have brought no whole request within half a second.
//
// The API takes parameters strictly: one that is unknown, doubled, empty or out of range is a 400 that says what would be
// right. Each call is given 5 s, after which the gateway counts as busy: 503.
package admin

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"idlegate/metrics"
)

// A call is a small request from nearby. Metrics and the API wait for the gateway 5 s, a reload 20 s at most.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 30 * time.Second
	maxHeaderBytes    = 16 << 10
	maxStreams        = 16 // of HTTP/2, on one connection
)

// Gateway is what the server asks of the gateway it speaks for.
type Gateway interface {
	metrics.Source
	// Ready tells whether new connections are served and, if not, why in a word or two.
	Ready() (ready bool, reason string)
}

// Config says where the server answers and for whom.
type Config struct {
	Listener net.Listener // the operator's: TCP or unix
	Names    []string     // hosts by which the operator's listener may be called too; "" among them is none
	// TLS is of the operator's listener, and demands clients' certificates or not; nil: it speaks plain HTTP. It is copied, so
	// a certificate that may be replaced comes by its GetCertificate or GetConfigForClient.
	TLS *tls.Config
	// Certified reports whether the certificate of TLS is valid for a host, by which the listener may then be called; nil: for none.
	Certified func(host string) bool
	// Token gives what calls to the operator's listener must carry, and is asked at each of them; nil: none is demanded.
	Token func() (string, error)
	// Viewer gives the token of callers who may look and change nothing, beside Token; nil: there are none.
	Viewer   func() (string, error)
	Pprof    bool         // /debug/pprof/ is there
	Metrics  net.Listener // nil: the metrics are on the operator's listener only
	Gateway  Gateway
	Operated Operated
	Logger   *slog.Logger
	Audit    *slog.Logger // of who does what, whatever level Logger has; nil: Logger
	Version  string
	// Reopen opens a listener again after it has failed, which it may have to close; it returns it where it can be used on. nil: it
	// is used on.
	Reopen func(failed net.Listener) (net.Listener, error)
}

// Server answers on the listeners of its Config.
type Server struct {
	// Set once, then read only.
	endpoints []*endpoint
	stopped   chan struct{} // closed when Shutdown begins
	stop      func()        // closes it
}

// New makes a server that owns the listeners from now on. Serve or Shutdown must follow.
func New(c Config) *Server {
	answered := new(requests)
	s := &Server{stopped: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.stopped) })
	open := pages{gateway: c.Gateway, metrics: metrics.Handler(withRequests{c.Gateway, answered}, c.Version)}
	operator := newEndpoint(c, c.Listener, answered.counted(c.forOperator(open, s.stopped)))
	operator.http.TLSConfig, operator.secure = c.TLS, c.TLS != nil
	s.endpoints = []*endpoint{operator}
	if c.Metrics != nil {
		mux := http.NewServeMux()
		open.register(mux)
		s.endpoints = append(s.endpoints, newEndpoint(c, c.Metrics, answered.counted(mux)))
	}
	return s
}

// forOperator has all pages and calls, for those who may see them.
func (c Config) forOperator(open pages, stopped <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	open.register(mux)
	registerPage(mux)
	noted := audit{logger: cmp.Or(c.Audit, c.Logger), noted: c.Operated, token: c.Token != nil}
	calls{gateway: c.Operated, audit: noted, stopped: stopped}.register(mux)
	if c.Pprof {
		registerProfiles(mux)
	}
	var inner http.Handler = mux
	if c.Token != nil {
		inner = newLock(mux, c.Token, c.Viewer, noted)
	}
	return guard{next: inner, names: c.Names, certified: c.Certified, unix: c.Listener.Addr().Network() == "unix"}
}

// Serve answers until Shutdown begins.
func (s *Server) Serve() {
	var all sync.WaitGroup
	for _, e := range s.endpoints {
		all.Go(func() { e.serve(s.stopped) })
	}
	all.Wait()
}

// Shutdown stops accepting and waits for the calls in progress, but cuts them off when ctx ends, which is then the error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	var errs []error
	for _, e := range s.endpoints {
		if err := e.shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("end the calls on %s: %w", e.address, err))
		}
	}
	return errors.Join(errs...)
}
