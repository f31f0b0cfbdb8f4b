package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/internal/file"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/tlsconf"
	"idlegate/policy"
)

// bindAdmin binds the operator's addresses and makes their server.
func (g *Gateway) bindAdmin() error {
	cfg := g.cfg.Policy.Admin
	l, err := g.openAdmin(cfg.Listen)
	if err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	var open net.Listener
	if !cfg.Metrics.IsZero() {
		if open, err = g.openAdmin(cfg.Metrics); err != nil {
			return fmt.Errorf("admin.metrics: %w", err)
		}
	}
	served := admin.Config{
		Listener: l, Names: append([]string{cfg.Listen.Host}, cfg.Hosts...), Metrics: open, Pprof: cfg.Pprof,
		Gateway: g, Operated: g, Logger: g.log.logger, Audit: g.log.deeds, Version: g.cfg.Version, Reopen: g.reopenAdmin,
	}
	if !cfg.TLS.Cert.IsZero() {
		if g.certificates.admin, err = tlsconf.New(adminTLS(cfg.TLS)); err != nil {
			return err
		}
		served.TLS, served.Certified = serving(g.certificates.admin), g.certificates.admin.IsFor
	}
	if !cfg.TokenFile.IsZero() {
		tokens := file.New(cfg.TokenFile.Path)
		served.Token = func() (string, error) { return readToken(tokens) }
		if _, err := served.Token(); err != nil {
			return err
		}
	}
	if !cfg.Viewer.IsZero() {
		tokens := file.New(cfg.Viewer.Path)
		served.Viewer = func() (string, error) { return readTokenOf("admin.viewer_token_file", tokens) }
		if _, err := served.Viewer(); err != nil {
			return err
		}
	}
	g.admin = admin.New(served)
	return nil
}

// readToken reads the file again, so that a token can be exchanged at any time.
func readToken(from *file.File) (string, error) { return readTokenOf("admin.token_file", from) }

func readTokenOf(key string, from *file.File) (string, error) {
	data, err := readSecret(from)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", fmt.Errorf("%s: %s is empty", key, from.Name())
	}
	return token, nil
}

// secretTimeout bounds how long a token file may take to be read, and maxSecret its size.
const (
	secretTimeout = 4 * time.Second
	maxSecret     = 1 << 20
)

// readSecret reads a token. What is no regular file, is too large or does not answer is an error.
func readSecret(from *file.File) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretTimeout)
	defer cancel()
	data, _, err := from.Read(ctx)
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("read %s: it is larger than %d bytes", from.Name(), maxSecret)
	}
	return data, nil
}

// bindOperator binds an address of the operator through the reactor, which knows what to do about stale unix sockets, and
// hands the descriptor to Go's own network package.
func (g *Gateway) openAdmin(a policy.Address) (net.Listener, error) {
	l := &adminListener{address: a, resolver: g.resolver}
	if err := l.open(); err != nil {
		return nil, err
	}
	g.adminListeners = append(g.adminListeners, l)
	return l.listener, nil
}

// reopenAdmin binds the address of an admin listener again that listener has failed.
func (g *Gateway) reopenAdmin(failed net.Listener) (net.Listener, error) {
	for _, l := range g.adminListeners {
		if l.has(failed) {
			l.close()
			err := l.open()
			return l.listener, err
		}
	}
	return failed, nil
}

// operatorDoor is an address of the admin server. It is used by one goroutine at a time, but for text.
type adminListener struct {
	resolver resolver       // set once
	address  policy.Address // with the port that the kernel chose, once it is open
	text     string         // where it is, in the words of the policy file; set once
	listener net.Listener
	bound    *reactor.Listener // its descriptor has gone over to the listener, its path has not
}

func (d *adminListener) open() error {
	bound, err := d.resolver.listen(d.address, reactor.Options{})
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(bound.FD), bound.String())
	listener, err := net.FileListener(file)
	if err := errors.Join(err, file.Close()); err != nil {
		bound.Unlink()
		return fmt.Errorf("serve at %s: %w", bound, err)
	}
	d.listener, d.bound = listener, bound
	if at, ok := listener.Addr().(*net.TCPAddr); ok {
		d.address.Port = uint16(at.Port)
	}
	if d.text == "" {
		d.text = listenerText(listener)
	}
	return nil
}

func (d *adminListener) has(l net.Listener) bool { return d.listener == l }

// close closes it, also one that the admin server has closed already.
func (d *adminListener) close() {
	d.bound.Unlink()
	d.listener.Close()
}

// listenerText returns where l listens, in the words of the policy file.
func listenerText(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String()
	}
	return l.Addr().String()
}
