package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A connection costs a descriptor, of which clients need all there are. Beyond maxConnections they wait in the backlog, where they
// cost none. While crowded ones are there none is kept after its call, and those that are idle are closed, so that who calls is
// served though others hold connections that they do not use.
const (
	maxConnections = 64 // of one listener
	crowded        = maxConnections / 2
)

// newcomerPatience is how long a connection may take to bring a whole request while others wait for a place. Otherwise a caller who opens
// many and finishes no request would keep a probe waiting until its gateway counts as dead, and clients end with it.
const newcomerPatience = 500 * time.Millisecond

// A listener that has failed is opened again after retryAfter, then after twice that, at most after retryAtLast.
const (
	retryAfter  = 100 * time.Millisecond
	retryAtLast = 30 * time.Second
)

// endpoint is one listener and what answers on it.
type endpoint struct {
	// Set once, then read only.
	address string
	http    *http.Server
	secure  bool // the listener speaks TLS; net/http gives each server a TLSConfig, so that says nothing
	reopen  func(failed net.Listener) (net.Listener, error)
	logger  *slog.Logger

	open      atomic.Int64 // connections
	newcomers newcomers

	mu       sync.Mutex
	listener net.Listener // Guarded by mu.
}

func newEndpoint(c Config, l net.Listener, h http.Handler) *endpoint {
	e := &endpoint{address: l.Addr().String(), listener: l, reopen: c.Reopen, logger: c.Logger.With("listener", l.Addr().String())}
	if e.reopen == nil {
		e.reopen = func(failed net.Listener) (net.Listener, error) { return failed, nil }
	}
	e.http = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ConnState:         e.onConnState,

		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * before the guard
		ErrorLog:                     slog.NewLogLogger(e.logger.Handler(), slog.LevelWarn),
	}
	return e
}

func (e *endpoint) onConnState(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		e.open.Add(1)
		e.newcomers.add(conn)
	case http.StateClosed, http.StateHijacked:
		e.open.Add(-1)
		e.newcomers.remove(conn)
	case http.StateActive, http.StateIdle:
		e.newcomers.remove(conn)
	}
	e.http.SetKeepAlivesEnabled(e.open.Load() < crowded)
}

// serve answers until stopped is closed and the server shut down. A listener that fails is no reason to end: clients of the gateway
// do not need it.
func (e *endpoint) serve(stopped <-chan struct{}) {
	for wait := retryAfter; ; wait = min(2*wait, retryAtLast) {
		began := time.Now()
		err := e.serveOn(e.current())
		if errors.Is(err, http.ErrServerClosed) {
			return
		}
		if time.Since(began) > retryAtLast {
			wait = retryAfter // it was well in between
		}
		for {
			e.logger.Error("the admin server does not answer", "error", err, "again_in", wait)
			if !sleep(wait, stopped) {
				return
			}
			if err = e.renew(); err == nil {
				e.logger.Info("the admin server answers again")
				break
			}
			wait = min(2*wait, retryAtLast)
		}
	}
}

// sleep waits, and reports false where it was stopped meanwhile.
func sleep(d time.Duration, stopped <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stopped:
		return false
	}
}

func (e *endpoint) current() net.Listener {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.listener
}

// renew opens the listener again.
func (e *endpoint) renew() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	again, err := e.reopen(e.listener)
	if err == nil {
		e.listener = again
	}
	return err
}

func (e *endpoint) serveOn(l net.Listener) error {
	bounded := newBoundedListener(l, maxConnections, func() { e.newcomers.closeOld(newcomerPatience) })
	if e.secure {
		return e.http.ServeTLS(bounded, "", "")
	}
	return e.http.Serve(bounded)
}

func (e *endpoint) shutdown(ctx context.Context) error {
	err := e.http.Shutdown(ctx)
	e.current().Close() // in case it was never served; else it is closed already and says so
	if ctx.Err() != nil {
		e.http.Close()
	}
	return err
}
