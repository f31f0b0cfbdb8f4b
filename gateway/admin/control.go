package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"idlegate/gateway/admin/api"
)

// maxPolicy is the size of the largest policy file, in bytes.
const maxPolicy = 16 << 20

// plan takes a policy file, or none for the gateway's own.
func (c calls) plan(ctx context.Context, a *ask) (int, any, error) {
	var text []byte
	if a.ContentLength != 0 {
		read, err := io.ReadAll(io.LimitReader(a.Body, maxPolicy+1))
		switch {
		case err != nil:
			return 0, nil, wrong("the policy file cannot be read: %v", err)
		case len(read) > maxPolicy:
			return 0, nil, wrong("the policy file has more than %d MiB", maxPolicy>>20)
		}
		text = read
	}
	plan, err := c.gateway.Plan(ctx, text)
	if err != nil {
		return 0, nil, conflict(err)
	}
	if !plan.OK {
		return http.StatusUnprocessableEntity, plan, nil
	}
	return http.StatusOK, plan, nil
}

func (c calls) reload(ctx context.Context, a *ask) (int, any, error) {
	to := a.oneOf("to", []string{"previous"})
	if a.err != nil {
		return 0, nil, a.err
	}
	load := c.gateway.Reload
	if to != "" {
		load = c.gateway.Previous
	}
	reload, err := load(ctx)
	if err != nil {
		return 0, nil, conflict(err)
	}
	if !reload.OK {
		return http.StatusUnprocessableEntity, reload, nil
	}
	return http.StatusOK, reload, nil
}

func (c calls) drain(ctx context.Context, _ *ask) (int, any, error) {
	c.gateway.Drain()
	status, err := c.gateway.Status(ctx)
	if err != nil {
		err = done("the gateway is being drained", err)
	}
	return http.StatusAccepted, status, err
}

func (c calls) drainEndpoint(ctx context.Context, a *ask) (int, any, error) {
	return c.setDrained(ctx, a, "drained", c.gateway.DrainEndpoint)
}

func (c calls) undrainEndpoint(ctx context.Context, a *ask) (int, any, error) {
	return c.setDrained(ctx, a, "no longer drained", c.gateway.UndrainEndpoint)
}

func (c calls) setEndpoint(ctx context.Context, a *ask) (int, any, error) {
	set := api.Setting{State: a.oneOf("state", api.ByHandStates())}
	if a.text("weight") == "file" {
		set.FileWeight = true
	} else {
		set.Weight = a.number("weight", 1, mostWeight, 0)
	}
	switch {
	case a.err != nil:
		return 0, nil, a.err
	case set == api.Setting{}:
		return 0, nil, wrong("nothing to set: say weight, as in weight=10 or weight=file, or state, one of %s", strings.Join(api.ByHandStates(), ", "))
	}
	return c.setDrained(ctx, a, "set", func(upstream, endpoint string) error { return c.gateway.SetEndpoint(upstream, endpoint, set) })
}

const mostWeight = 100 // as in the policy file

// setDrained changes an endpoint and shows all upstreams as they are then.
func (c calls) setDrained(ctx context.Context, a *ask, becomes string, set func(upstream, endpoint string) error) (int, any, error) {
	endpoint := a.text("endpoint")
	if endpoint == "" {
		return 0, nil, wrong("endpoint is missing: say which one, as in ?endpoint=10.0.0.11:9000, as the policy file has it")
	}
	if err := set(a.PathValue("name"), endpoint); err != nil {
		return 0, nil, conflict(err)
	}
	upstreams, err := c.gateway.Upstreams(ctx)
	if err != nil {
		err = done(fmt.Sprintf("the endpoint is %s", becomes), err)
	}
	return ok(upstreams, err)
}

// routeOrder does something to a route by hand, and shows how the gateway stands then.
func (c calls) routeOrder(order func(of Operated, name string) error) func(context.Context, *ask) (int, any, error) {
	return func(ctx context.Context, a *ask) (int, any, error) {
		return c.byHand(ctx, order(c.gateway, a.PathValue("name")))
	}
}

func (c calls) logLevel(ctx context.Context, a *ask) (int, any, error) {
	level := a.oneOf("level", []string{"debug", "info", "warn", "error"})
	switch {
	case a.err != nil:
		return 0, nil, a.err
	case level == "":
		return 0, nil, wrong("level is missing: say which one, as in ?level=debug")
	}
	return c.byHand(ctx, c.gateway.LogLevel(level))
}

func (c calls) logAsFile(ctx context.Context, _ *ask) (int, any, error) {
	return c.byHand(ctx, c.gateway.LogLevel(""))
}

// byHand answers what was set by hand with how the gateway stands.
func (c calls) byHand(ctx context.Context, err error) (int, any, error) {
	if err != nil {
		return 0, nil, conflict(err)
	}
	status, err := c.gateway.Status(ctx)
	if err != nil {
		err = done("it is set", err)
	}
	return ok(status, err)
}

// conflict is the answer where the gateway, as it stands, cannot do what was asked.
func conflict(err error) error {
	if errors.Is(err, ErrUnknown) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	return refusal{http.StatusConflict, err.Error()}
}

// done is the answer where something was done, but the gateway does not say how it stands afterwards.
func done(what string, err error) error {
	return refusal{http.StatusServiceUnavailable, fmt.Sprintf("%s, but how it stands now is not known: %v", what, err)}
}
