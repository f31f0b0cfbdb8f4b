package gateway

import (
	"context"
	"fmt"

	"idlegate/gateway/internal/relay"
)

// viewSlots is how many connections a loop copies before others have their turn: some 0.1 ms.
const viewSlots = 256

// onLoops calls see with each open connection, on the loop that has it, one loop after the other. The view is overwritten afterwards:
// what is kept of it is a Clone. see must be brief, for it is the loop that waits, and after an error what it uses is the loop's.
func (g *Gateway) onLoops(ctx context.Context, see func(*relay.View)) error {
	return g.walkLoops(ctx, func(l *relay.Loop, done func()) { l.Each(ctx, see, done) })
}

// walkLoops starts a walk on one loop after the other, and waits until each calls done. A loop that has ended has no connections.
func (g *Gateway) walkLoops(ctx context.Context, walk func(l *relay.Loop, done func())) error {
	for i, l := range g.loops {
		walked := make(chan struct{})
		if !l.Post(func() { walk(l, func() { close(walked) }) }) {
			continue
		}
		select {
		case <-walked:
		case <-ctx.Done():
			return fmt.Errorf("ask event loop %d for its connections: %w", i, ctx.Err())
		}
	}
	return nil
}

// eachView calls f with a copy of each open connection, which is overwritten afterwards. It is for what takes long: f does not run on
// the loops.
func (g *Gateway) eachView(ctx context.Context, f func(*relay.View)) error {
	room := make([]relay.View, 0, viewSlots) // made once: the loops shall only copy
	for i := range g.loops {
		for next, more := int32(0), true; more; {
			part, err := g.viewsOf(ctx, i, room, next)
			if err != nil {
				return err
			}
			for j := range part.views {
				f(&part.views[j])
			}
			next, more = part.next, part.more
		}
	}
	return nil
}

// partOfViews is what one loop has copied in one turn.
type partOfViews struct {
	views []relay.View
	next  int32 // slot to go on with
	more  bool
}

// viewsOf makes a loop copy the connections in its next slots into room. A loop that has ended has none. After an error room is the
// loop's, which may still be writing.
func (g *Gateway) viewsOf(ctx context.Context, loop int, room []relay.View, first int32) (partOfViews, error) {
	l, answer := g.loops[loop], make(chan partOfViews, 1)
	if !l.Post(func() {
		var p partOfViews
		p.views, p.next, p.more = l.Views(room, first, viewSlots)
		answer <- p
	}) {
		return partOfViews{}, nil
	}
	select {
	case part := <-answer:
		return part, nil
	case <-ctx.Done():
		return partOfViews{}, fmt.Errorf("ask event loop %d for its connections: %w", loop, ctx.Err())
	}
}

// seekSlots is how many connections a loop looks at before others have their turn, where it copies one of them at most.
const seekSlots = 2048

// find copies the connection with that id; false: there is none.
func (g *Gateway) find(ctx context.Context, id uint64) (relay.View, bool, error) {
	type part struct {
		view        relay.View
		next        int32
		found, more bool
	}
	for i, l := range g.loops {
		for last := (part{more: true}); last.more; {
			answer, first := make(chan part, 1), last.next
			if !l.Post(func() {
				var p part
				p.view, p.found, p.next, p.more = l.Find(id, first, seekSlots)
				answer <- p
			}) {
				break // it has ended, and so have its connections
			}
			select {
			case last = <-answer:
			case <-ctx.Done():
				return relay.View{}, false, fmt.Errorf("ask event loop %d for connection %d: %w", i, id, ctx.Err())
			}
			if last.found {
				return last.view, true, nil
			}
		}
	}
	return relay.View{}, false, nil
}
