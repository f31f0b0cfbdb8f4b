package client

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Ready asks whether the gateway takes clients, and if not why. No token is needed for it. The error is that of who cannot be
// reached, or does not answer as a gateway.
func (c *Client) Ready(ctx context.Context) (ready bool, reason string, err error) {
	status, body, err := c.page(ctx, "/readyz")
	if err != nil {
		return false, "", err
	}
	said := strings.TrimSpace(string(body))
	switch status {
	case http.StatusOK:
		return true, said, nil
	case http.StatusServiceUnavailable:
		return false, clip(said), nil
	}
	return false, "", fmt.Errorf("what answers at %s is no gateway: GET /readyz gave %d %s", c.address, status, http.StatusText(status))
}

// Metrics are those that a scraper is given, as text.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) {
	status, body, err := c.page(ctx, "/metrics")
	if err == nil && status != http.StatusOK {
		err = c.refusal(status, body)
	}
	return body, err
}

// page asks for what is beside the API.
func (c *Client) page(ctx context.Context, path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return 0, nil, err
	}
	status, _, body, err = c.send(request)
	return status, body, err
}
