package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// readToken is "" where there is no file.
func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("read the token: %s must hold one word", file)
	}
	return token, nil
}

// tlsConfig is nil where the target is called without TLS, for which certificates are of no use.
func tlsConfig(to target, c Config) (*tls.Config, error) {
	given := c.CA != "" || c.Cert != "" || c.Key != ""
	switch {
	case !to.secure && given && to.network == "unix":
		return nil, &AddressError{Address: c.Address, Err: errors.New("a unix socket needs no certificates")}
	case !to.secure && given:
		return nil, &AddressError{Address: c.Address, Err: fmt.Errorf("certificates are for https; write https://%s", to.host)}
	case !to.secure:
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pool, err := readCA(c.CA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if c.Cert == "" && c.Key == "" {
		return config, nil
	}
	if c.Cert == "" || c.Key == "" {
		return nil, &AddressError{Address: c.Address, Err: errors.New("a certificate needs its key: give both --cert and --key")}
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func readCA(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("read the authorities: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}
