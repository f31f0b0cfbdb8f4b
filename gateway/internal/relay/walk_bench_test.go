package relay

import (
	"context"
	"testing"

	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
	"idlegate/metrics"
)

// BenchmarkWalk looks at more connections than any cache has room for. Its figure is that of one.
func BenchmarkWalk(b *testing.B) {
	const n = 100_000
	l, _ := lone(b)
	route := rawRoute()
	for i := range n {
		c := relayed(l, protocol.NewRaw(), session.Rules{})
		c.id, c.route = uint64(i+1), route
	}
	of := map[*RouteStats]*metrics.Histogram{route.RouteStats: new(metrics.Histogram)}
	for _, walk := range []struct {
		name string
		take func(done func())
	}{
		{"each", func(done func()) { l.Each(context.Background(), func(*View) {}, done) }},
		{"silences", func(done func()) { l.ObserveSilences(context.Background(), of, done) }},
	} {
		b.Run("what="+walk.name, func(b *testing.B) {
			b.ReportAllocs()
			for range (b.N + n - 1) / n {
				done := false
				for walk.take(func() { done = true }); !done; {
					l.readMail()
				}
			}
		})
	}
}
