package gateway

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatAnEditBindsWhileTheGatewayDrainsIsClosed makes a drain come between the two halves of an edit.
func TestWhatAnEditBindsWhileTheGatewayDrainsIsClosed(t *testing.T) {
	const yaml = `
upstreams: {u: {endpoints: ["127.0.0.1:1"]}}
routes: [{name: r, listen: ["127.0.0.1:0"MORE], protocol: delimiter, upstream: u, connect_on: first_message, policy: {long: {}}}]`
	for name, stays := range map[string]bool{"it has ended": false, "a connection is still open": true} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			plain, more := parsed(t, strings.Replace(yaml, "MORE", "", 1)), parsed(t, strings.Replace(yaml, "MORE", `, "unix:`+path+`"`, 1))
			g, err := New(Config{Policy: plain, Logger: slog.New(slog.DiscardHandler)})
			must(t, err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- g.Run(ctx) }()
			if stays {
				conn, err := net.Dial("tcp", g.Addresses("r")[0])
				must(t, err)
				defer conn.Close()
				for open := int64(0); open == 0; {
					s, err := g.Status(ctx)
					must(t, err)
					open = s.Connections
				}
			}
			e := &edit{gateway: g, old: g.current()}
			must(t, e.prepare(ctx, more))
			g.Drain()
			if stays {
				for refused := false; !refused; {
					_, err := net.Dial("tcp", g.Addresses("r")[0])
					refused = err != nil
				}
			} else {
				must(t, <-ended)
			}
			e.takeOver()
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("the unix socket is still there: %v", err)
			}
			stop()
			if stays {
				must(t, <-ended)
			}
		})
	}
}

func TestARefusedStartHasNoListeners(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	cfg := parsed(t, `
upstreams: {u: {endpoints: ["127.0.0.1:1"]}}
routes: [{name: r, listen: ["127.0.0.1:0", "`+taken.Addr().String()+`"], protocol: raw, upstream: u, policy: {long: {}}}]`)
	g, err := compile(cfg, nil, 1, book{})
	must(t, err)
	if _, err := g.listen(nil, system); err == nil {
		t.Fatal("an address that is taken could be bound")
	}
	if doors := g.bindings(); len(doors) > 0 {
		t.Errorf("%d listeners that are closed already would be closed again", len(doors))
	}
}
