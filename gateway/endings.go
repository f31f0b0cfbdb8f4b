package gateway

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
)

// Endings are the connections that ended last, the latest first.
func (g *Gateway) Endings(ctx context.Context, q api.EndedQuery) (api.Endings, error) {
	before, err := parseEndedCursor(q.Cursor)
	if err != nil {
		return api.Endings{}, err
	}
	byLoop, err := ask(ctx, g, "what ended", (*relay.Loop).Recent)
	if err != nil {
		return api.Endings{}, err
	}
	ended := slices.Concat(byLoop...)
	slices.SortFunc(ended, latestFirst)
	ended = slices.CompactFunc(ended, func(a, b ledger.Ended) bool { return a.ID == b.ID && a.At == b.At })
	of := func(e ledger.Ended) bool { return e.Route == q.Route }
	if err := g.known(q.Route); err != nil && !slices.ContainsFunc(ended, of) {
		return api.Endings{}, err
	}
	all := api.Endings{Ended: []api.Ended{}}
	var last ledger.Ended
	for _, e := range ended {
		if latestFirst(before, e) >= 0 || q.Route != "" && e.Route != q.Route || q.Reason != "" && e.Reason.String() != q.Reason || q.ID != 0 && e.ID != q.ID {
			continue
		}
		if len(all.Ended) == q.Limit {
			if q.Cursor != "" {
				all.Next = fmt.Sprintf("%d-%d", last.At, last.ID)
			}
			break
		}
		all.Ended, last = append(all.Ended, g.describeEnded(e)), e
	}
	return all, nil
}

// latestFirst is the order of connections that have ended.
func latestFirst(a, b ledger.Ended) int {
	return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.ID, a.ID))
}

// parseEndedCursor returns the end behind which a page begins: the last of the page before, or one that is later than all.
func parseEndedCursor(s string) (ledger.Ended, error) {
	if s == "" || s == api.FirstPage {
		return ledger.Ended{At: deadline.Never}, nil
	}
	at, id, _ := strings.Cut(s, "-")
	instant, wrong := strconv.ParseInt(at, 10, 64)
	number, wrongToo := strconv.ParseUint(id, 10, 64)
	if wrong != nil || wrongToo != nil || instant < 0 {
		return ledger.Ended{}, fmt.Errorf("cursor %q is %w: it is %s, or what a page said is next", s, admin.ErrUnknown, api.FirstPage)
	}
	return ledger.Ended{At: deadline.Instant(instant), ID: number}, nil
}

func (g *Gateway) describeEnded(e ledger.Ended) api.Ended {
	described := api.Ended{
		ID: e.ID, Route: e.Route, Client: clientText(e.Client), Proxy: proxyText(e.Proxy), ServerName: e.ServerName, Endpoint: e.Endpoint, Reason: e.Reason.String(),
		Error: e.Error, TLS: tlsOf(e.TLS),
		EndedAt: g.clock.Wall(int64(e.At)), DurationSeconds: e.Duration.Seconds(), LongestSilenceSeconds: e.Silence.Seconds(),
		ClientBytes: e.Bytes[session.Client], ClientMessages: e.Messages[session.Client],
		UpstreamBytes: e.Bytes[session.Upstream], UpstreamMessages: e.Messages[session.Upstream],
		ClientHeartbeats: e.Heartbeats[session.Client], UpstreamHeartbeats: e.Heartbeats[session.Upstream],
	}
	if b := e.Breach; b != nil {
		described.ProtocolError = &api.ProtocolError{
			Rule: b.Rule, From: b.From.String(), Offset: b.Offset, Bytes: hex.EncodeToString(b.Bytes),
		}
	}
	return described
}
