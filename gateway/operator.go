package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/internal/file"
	"idlegate/gateway/internal/reactor"
	"idlegate/policy"
)

// bindAdmin binds the operator's addresses and makes their server.
func (g *Gateway) bindAdmin() error {
	cfg := g.cfg.Policy.Admin
	door, err := g.openDoor(cfg.Listen)
	if err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	var open net.Listener
	if !cfg.Metrics.IsZero() {
		if open, err = g.openDoor(cfg.Metrics); err != nil {
			return fmt.Errorf("admin.metrics: %w", err)
		}
	}
	served := admin.Config{
		Listener: door, Host: cfg.Listen.Host, Metrics: open, Pprof: cfg.Pprof,
		Gateway: g, Operated: g, Logger: g.log.logger, Version: g.cfg.Version,
	}
	if served.TLS, err = operatorTLS(cfg.TLS); err != nil {
		return err
	}
	if !cfg.TokenFile.IsZero() {
		tokens := file.New(cfg.TokenFile.Path)
		served.Token = func() (string, error) { return readToken(tokens) }
		if _, err := served.Token(); err != nil {
			return err
		}
	}
	g.admin = admin.New(served)
	return nil
}

// readToken reads the file anew, so that a token can be exchanged at any time.
func readToken(from *file.File) (string, error) {
	data, err := readBounded(from)
	if err != nil {
		return "", fmt.Errorf("admin.token_file: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", fmt.Errorf("admin.token_file: %s is empty", from.Name())
	}
	return token, nil
}

// secretTimeout bounds how long a token file or a certificate may take to be read.
const secretTimeout = 4 * time.Second

func readBounded(from *file.File) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretTimeout)
	defer cancel()
	data, _, err := from.Read(ctx)
	return data, err
}

// loadPair is tls.LoadX509KeyPair for files that may be anything.
func loadPair(files policy.AdminTLS) (tls.Certificate, error) {
	cert, err := readBounded(file.New(files.Cert.Path))
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readBounded(file.New(files.Key.Path))
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// operatorTLS returns nil where the operator's address speaks plain HTTP.
func operatorTLS(files policy.AdminTLS) (*tls.Config, error) {
	if files.Cert.IsZero() {
		return nil, nil
	}
	cert, err := loadPair(files)
	if err != nil {
		return nil, fmt.Errorf("admin.tls: %w", err)
	}
	served := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if files.ClientCA.IsZero() {
		return served, nil
	}
	authority, err := readBounded(file.New(files.ClientCA.Path))
	if err != nil {
		return nil, fmt.Errorf("admin.tls.client_ca: %w", err)
	}
	served.ClientAuth, served.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !served.ClientCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("admin.tls.client_ca: %s has no certificate", files.ClientCA.Path)
	}
	return served, nil
}

// openDoor binds an address of the operator by way of the reactor, which knows what to do about stale unix sockets, and
// hands the descriptor to Go's own network package.
func (g *Gateway) openDoor(a policy.Address) (net.Listener, error) {
	bound, err := system.listen(a, reactor.Options{})
	if err != nil {
		return nil, err
	}
	descriptor := os.NewFile(uintptr(bound.FD), bound.String())
	door, err := net.FileListener(descriptor)
	if err := errors.Join(err, descriptor.Close()); err != nil {
		return nil, fmt.Errorf("serve at %s: %w", bound, err)
	}
	g.doors = append(g.doors, operatorDoor{door, bound})
	return door, nil
}

// operatorDoor is a listener of the admin server and the socket that it was made from.
type operatorDoor struct {
	net.Listener
	bound *reactor.Listener // its descriptor has gone over to the Listener, its path has not
}

// close closes a door, also one that the admin server has closed already.
func (d operatorDoor) close() {
	d.bound.Unlink()
	d.Close()
}

// doorText returns where a door is, in the words of the policy file.
func doorText(door net.Listener) string {
	if door.Addr().Network() == "unix" {
		return "unix:" + door.Addr().String()
	}
	return door.Addr().String()
}
