package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/relay"
)

// CloseID ends one connection. The error wraps admin.ErrUnknown where none is open with that id, or is that of ctx.
func (g *Gateway) CloseID(ctx context.Context, id uint64) error {
	v, found, err := g.find(ctx, id)
	if err != nil {
		return err
	}
	var killed []uint64
	if found {
		killed, err = g.kill(ctx, v.Loop, []relay.View{v}, func(*relay.View) bool { return true })
	}
	if err == nil && len(killed) == 0 {
		return fmt.Errorf("connection %d is %w", id, admin.ErrUnknown)
	}
	return err
}

// CloseAll ends the connections that filter lets through. Each is looked at once more in the instant in which it is ended.
func (g *Gateway) CloseAll(ctx context.Context, by api.Filter) (api.Closed, error) {
	if err := g.known(by.Route); err != nil {
		return api.Closed{}, err
	}
	if by.Search != "" {
		return api.Closed{}, errors.New("connections are closed by what names them whole, not by a search")
	}
	if _, err := api.ParseClients(by.Client); by.Client != "" && err != nil {
		return api.Closed{}, err
	}
	chosen := newFilter(by)
	byLoop := make([][]relay.View, len(g.loops))
	err := g.eachView(ctx, func(v *relay.View) {
		if chosen.passes(v) {
			byLoop[v.Loop] = append(byLoop[v.Loop], *v)
		}
	})
	var killed []uint64
	for loop, views := range byLoop {
		for part := range slices.Chunk(views, viewSlots) {
			if err != nil {
				return api.Closed{}, err
			}
			var ids []uint64
			ids, err = g.kill(ctx, loop, part, chosen.passes)
			killed = append(killed, ids...)
		}
	}
	if err != nil {
		return api.Closed{}, err
	}
	slices.Sort(killed)
	return api.Closed{Closed: len(killed), IDs: append([]uint64{}, killed[:min(len(killed), api.MaxLimit)]...)}, nil
}

// kill makes a loop end those of its connections for which still holds. One that has ended has none.
func (g *Gateway) kill(ctx context.Context, loop int, views []relay.View, still func(*relay.View) bool) ([]uint64, error) {
	l, answer := g.loops[loop], make(chan []uint64, 1)
	if !l.Post(func() { answer <- l.Kill(views, still) }) {
		return nil, nil
	}
	select {
	case killed := <-answer:
		return killed, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("ask event loop %d to close connections: %w", loop, ctx.Err())
	}
}
