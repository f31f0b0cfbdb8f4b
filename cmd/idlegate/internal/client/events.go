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
	"strconv"
	"strings"

	"idlegate/gateway/admin/api"
)

// maxEvent bounds the line of one event: a reload may have many changes.
const maxEvent = 16 << 20

// EventsQuery says which events to listen to.
type EventsQuery struct {
	Kinds []string // none: all
	Route string   // "": all
	Last  int      // how many of the past to begin with, at most api.MaxLast; ends are not among them
}

// Listener is who listens to events. Its error ends that.
type Listener struct {
	Ready func() error // called when those of the past have been heard, and none is missed any more; nil: nothing
	Heard func(api.Event) error
}

// DroppedError says that the gateway told more than was read, and ended the stream.
type DroppedError struct{ address, sentence string }

func (e *DroppedError) Error() string {
	return fmt.Sprintf("the gateway at %s dropped this listener: %s", e.address, e.sentence)
}

// Events listens until ctx ends or the listener gives an error. That the gateway ends the stream is an error, a *DroppedError where the
// caller was too slow.
func (c *Client) Events(ctx context.Context, q EventsQuery, listener Listener) error {
	query := only("route", q.Route)
	if len(q.Kinds) > 0 {
		query.Set("kind", strings.Join(q.Kinds, ","))
	}
	if q.Last > 0 {
		query.Set("last", strconv.Itoa(q.Last))
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
		return c.follow(ctx, response.Body, listener)
	case "application/json":
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		return c.refusal(response.StatusCode, body)
	default:
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxEvent))
		return c.stranger(response.StatusCode, kind, body)
	}
}

// listening is the comment behind the events of the past.
const listening = ": listening"

// follow reads a stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html): of each the line with its name comes
// first, then one with its data.
func (c *Client) follow(ctx context.Context, stream io.Reader, to Listener) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxEvent)
	name := ""
	for lines.Scan() {
		if lines.Text() == listening && to.Ready != nil {
			if err := to.Ready(); err != nil {
				return err
			}
		}
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
			return &DroppedError{c.address, dropped.Error}
		}
		var event api.Event
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return fmt.Errorf("the gateway at %s told an event that is not understood: %w; is it of another version?", c.address, err)
		}
		if err := to.Heard(event); err != nil {
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
