package gateway

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// inForce is a handler that hands records to whichever is in force, so that loggers handed out once, and those derived
// from them, follow an edited log section.
type inForce struct {
	// Set once, then read only.
	style   *atomic.Pointer[slog.Handler]
	derived []func(slog.Handler) slog.Handler // what With and WithGroup have added, in order

	last atomic.Pointer[made]
}

// made is a handler that was derived from one in force.
type made struct {
	from    *slog.Handler
	handler slog.Handler
}

// now returns the handler in force, with what was added to it.
func (h *inForce) now() slog.Handler {
	from := h.style.Load()
	if last := h.last.Load(); last != nil && last.from == from {
		return last.handler
	}
	handler := *from
	for _, derive := range h.derived {
		handler = derive(handler)
	}
	h.last.Store(&made{from, handler})
	return handler
}

func (h *inForce) Enabled(ctx context.Context, level slog.Level) bool {
	return h.now().Enabled(ctx, level)
}

func (h *inForce) Handle(ctx context.Context, r slog.Record) error { return h.now().Handle(ctx, r) }

func (h *inForce) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

func (h *inForce) WithGroup(name string) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *inForce) with(derive func(slog.Handler) slog.Handler) slog.Handler {
	return &inForce{style: h.style, derived: append(slices.Clip(h.derived), derive)}
}
