// Package admin is the HTTP server through which the gateway answers its operator.
//
// The operator's listener has the API under /api/v1, which openapi.json describes, the status page at /, which calls that
// API, the metrics, and Go's profiles if they are switched on. It is meant for this machine: whoever reaches it is trusted,
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
// The API takes parameters strictly: one that is unknown, doubled, empty or out of range is a 400 that says what would be
// right. Each call is given 5 s, after which the gateway counts as busy: 503.
package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"idlegate/metrics"
)

// A call is a small request from nearby. Metrics and the API wait for the gateway 5 s, a reload 20 s at most.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute // longer than between two scrapes
	maxHeaderBytes    = 16 << 10
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
	Host     string       // of admin.listen, by which the operator's listener may be called too; may be empty
	// TLS is of the operator's listener, and demands clients' certificates or not; nil: it speaks plain HTTP. It is copied, so
	// a certificate that may be replaced comes by its GetCertificate or GetConfigForClient.
	TLS *tls.Config
	// Token gives what calls to the operator's listener must carry, and is asked at each of them; nil: none is demanded.
	Token    func() (string, error)
	Pprof    bool         // /debug/pprof/ is there
	Metrics  net.Listener // nil: the metrics are on the operator's listener only
	Gateway  Gateway
	Operated Operated
	Logger   *slog.Logger
	Version  string
}

// Server answers on the listeners of its Config.
type Server struct {
	endpoints []endpoint // set once, then read only
}

// endpoint is one listener and what answers on it.
type endpoint struct {
	listener net.Listener
	http     *http.Server // with a TLSConfig where the listener speaks TLS
}

// New makes a server that owns the listeners from now on. Serve or Shutdown must follow.
func New(c Config) *Server {
	open := pages{gateway: c.Gateway, metrics: metrics.Handler(c.Gateway, c.Version)}
	operator := newEndpoint(c.Listener, c.forOperator(open), c.Logger)
	operator.http.TLSConfig = c.TLS
	s := &Server{endpoints: []endpoint{operator}}
	if c.Metrics != nil {
		mux := http.NewServeMux()
		open.register(mux)
		s.endpoints = append(s.endpoints, newEndpoint(c.Metrics, mux, c.Logger))
	}
	return s
}

// forOperator has all pages and calls, for those who may see them.
func (c Config) forOperator(open pages) http.Handler {
	mux := http.NewServeMux()
	open.register(mux)
	registerPage(mux)
	calls{c.Operated}.register(mux)
	if c.Pprof {
		registerProfiles(mux)
	}
	var inner http.Handler = mux
	if c.Token != nil {
		inner = newLock(mux, c.Token)
	}
	return guard{next: inner, host: c.Host, unix: c.Listener.Addr().Network() == "unix"}
}

func newEndpoint(l net.Listener, h http.Handler, logger *slog.Logger) endpoint {
	return endpoint{listener: l, http: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,

		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * before the guard
		ErrorLog:                     slog.NewLogLogger(logger.With("listener", l.Addr().String()).Handler(), slog.LevelWarn),
	}}
}

// Serve answers until Shutdown begins, then gives nil. If a listener breaks, it stops answering on all and gives that error.
func (s *Server) Serve() error {
	broken := make(chan error, len(s.endpoints))
	for _, e := range s.endpoints {
		go func() { broken <- e.serve() }()
	}
	var errs []error
	for range s.endpoints {
		err := <-broken
		if err == nil {
			continue
		}
		errs = append(errs, err)
		for _, e := range s.endpoints {
			_ = e.http.Close() // its error is of the listener that broke
		}
	}
	return errors.Join(errs...)
}

// Shutdown stops accepting and waits for the calls in progress, but cuts them off when ctx ends, which is then the error.
func (s *Server) Shutdown(ctx context.Context) error {
	var errs []error
	for _, e := range s.endpoints {
		if err := e.shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("end the calls on %s: %w", e.listener.Addr(), err))
		}
	}
	return errors.Join(errs...)
}

func (e endpoint) serve() error {
	serve := e.http.Serve
	if e.http.TLSConfig != nil {
		serve = func(l net.Listener) error { return e.http.ServeTLS(l, "", "") }
	}
	err := serve(e.listener)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", e.listener.Addr(), err)
}

func (e endpoint) shutdown(ctx context.Context) error {
	err := e.http.Shutdown(ctx)
	e.listener.Close() // in case it was never served; else it is closed already and says so
	if ctx.Err() != nil {
		e.http.Close()
	}
	return err
}
