// Package client calls the operator's API of a running gateway.
//
// Its errors are sentences for somebody who is in a hurry: where was looked, what was found there, and which flag leads
// elsewhere. What the gateway itself refuses is a *Refusal.
//
//	c, err := client.New(client.Config{Address: "unix:/run/idlegate.sock"})
//	page, err := c.Connections(ctx, api.Filter{Route: "devices"}, api.Page{Sort: "-silence"})
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"idlegate/gateway/admin/api"
)

// DefaultAddress is where a gateway answers its operator unless its policy file says otherwise.
const DefaultAddress = "127.0.0.1:9180"

// DefaultTimeout is how long a call may take. A gateway gathers what its loops know within milliseconds.
const DefaultTimeout = 5 * time.Second

// maxAnswer bounds what is read of an answer: a page of 1,000 connections has half a megabyte.
const maxAnswer = 64 << 20

// Config says which gateway to call and how. What is "" is not used.
type Config struct {
	Address   string        // host:port, [v6]:port, :port, unix:/path, http://host:port or https://host:port; "" is DefaultAddress
	TokenFile string        // holds the token that the gateway demands
	CA        string        // file of the authorities to trust with https, in place of the system's
	Cert, Key string        // files of the certificate to show with https
	Timeout   time.Duration // 0 is DefaultTimeout
}

// Client calls one gateway. It may be used by several goroutines.
type Client struct {
	// Set once, then read only.
	address string // as it was given, for errors
	base    string // of the URLs
	token   string
	timeout time.Duration
	content []byte // a policy file that goes along with the call; nil: none
	http    *http.Client
}

// New makes a client. Nothing is called yet; an error is about the address, or about a file that cannot be read.
func New(c Config) (*Client, error) {
	if c.Address == "" {
		c.Address = DefaultAddress
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	target, err := parseTarget(c.Address)
	if err != nil {
		return nil, &AddressError{Address: c.Address, Err: err}
	}
	client := &Client{address: c.Address, base: target.base(), timeout: c.Timeout}
	if client.token, err = readToken(c.TokenFile); err != nil {
		return nil, err
	}
	transport, err := client.transport(target, c)
	if err != nil {
		return nil, err
	}
	client.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a gateway sends nobody elsewhere
	}}
	return client, nil
}

// transport connects to the target and nowhere else: a proxy of the environment is for the web.
func (c *Client) transport(to target, config Config) (*http.Transport, error) {
	secrets, err := tlsConfig(to, config)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: c.dialTimeout()}
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, to.network, to.dial)
		},
		TLSClientConfig:    secrets,
		DisableCompression: true,
		IdleConnTimeout:    time.Minute,
	}, nil
}

// Close ends the connections that are kept for further calls.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// dialTimeout is how long to wait for a connection. It is less than a call may take, so that it is known which of them it was
// that took too long, and more than a lost SYN costs (1 s, RFC 6298, 2.1) unless a call may not take that long.
func (c *Client) dialTimeout() time.Duration { return c.timeout / 2 }

// Address is where the gateway is looked for, as it was given.
func (c *Client) Address() string { return c.address }

// call asks for method and path below the prefix of the API, and decodes a success into answer.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, answer any) error {
	status, body, err := c.exchange(ctx, method, path, query)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return c.refusal(status, body)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("the gateway at %s answered %s %s with what is not understood: %w; is it of another version?", c.address, method, path, err)
	}
	return nil
}

// exchange makes one call and returns an answer that is JSON, as all of a gateway's are.
func (c *Client) exchange(ctx context.Context, method, path string, query url.Values) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	address := c.base + api.Prefix + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var content io.Reader
	if c.content != nil {
		content = bytes.NewReader(c.content)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return 0, nil, err
	}
	if c.content != nil {
		request.Header.Set("Content-Type", "application/yaml")
	}
	request.Header.Set("Accept", "application/json")
	status, header, body, err := c.send(request)
	if err != nil {
		return 0, nil, err
	}
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if kind != "application/json" {
		return 0, nil, c.stranger(status, kind, body)
	}
	return status, body, nil
}

// send shows the token and reads the whole answer.
func (c *Client) send(request *http.Request) (status int, header http.Header, body []byte, err error) {
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, nil, c.explain(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return 0, nil, nil, c.explain(err)
	}
	return response.StatusCode, response.Header, body, nil
}
