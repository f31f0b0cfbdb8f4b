package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"idlegate/gateway/admin/api"
)

// maxEvent bounds the line of one event: a reload may have many changes.
const maxEvent = 16 << 20

// Events calls heard for each event of the kinds, or of all where there are none, of one route or of all, until ctx ends or heard gives an
// error. That the gateway ends or drops the caller is an error.
func (c *Client) Events(ctx context.Context, kinds []string, route string, heard func(api.Event) error) error {
	query := only("route", route)
	if len(kinds) > 0 {
		query.Set("kind", strings.Join(kinds, ","))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+api.Prefix+"/events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.explain(err)
	}
	defer response.Body.Close()
	switch kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind {
	case "text/event-stream":
		return c.follow(ctx, response.Body, heard)
	case "application/json":
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		return c.refusal(response.StatusCode, body)
	default:
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxEvent))
		return c.stranger(response.StatusCode, kind, body)
	}
}

// follow reads a stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html): of each the line with its name comes
// first, then one with its data.
func (c *Client) follow(ctx context.Context, stream io.Reader, heard func(api.Event) error) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxEvent)
	name := ""
	for lines.Scan() {
		if after, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = after
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if name == api.EventDropped {
			var dropped api.Error
			_ = json.Unmarshal([]byte(data), &dropped) // what it says is only for people
			return fmt.Errorf("the gateway at %s dropped this listener: %s", c.address, dropped.Error)
		}
		var event api.Event
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return fmt.Errorf("the gateway at %s told an event that is not understood: %w; is it of another version?", c.address, err)
		}
		if err := heard(event); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return c.explain(err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the gateway at %s has ended the stream: it stops", c.address)
}
