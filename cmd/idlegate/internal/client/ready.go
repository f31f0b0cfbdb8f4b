package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Ready asks whether the gateway takes clients, and if not why. No token is needed for it. The error is that of who cannot be
// reached, or does not answer as a gateway.
func (c *Client) Ready(ctx context.Context) (ready bool, reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/readyz", nil)
	if err != nil {
		return false, "", err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false, "", c.explain(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return false, "", c.explain(err)
	}
	said := strings.TrimSpace(string(body))
	switch response.StatusCode {
	case http.StatusOK:
		return true, said, nil
	case http.StatusServiceUnavailable:
		return false, clip(said), nil
	}
	return false, "", fmt.Errorf("what answers at %s is no gateway: GET /readyz gave %s", c.address, response.Status)
}
