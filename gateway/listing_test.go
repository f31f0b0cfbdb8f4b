package gateway_test

import (
	"context"
	"io"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// list returns the open connections that filter lets through.
func (r *running) list(filter api.Filter) []api.Connection {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	listed, err := r.g.List(ctx, filter, api.Page{Limit: api.MaxLimit})
	if err != nil {
		r.t.Fatal(err)
	}
	return listed.Connections
}

func TestConnectionsAreClosedByHand(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, editable, "none", at, "", "")
	silent, other := r.dial("r"), r.dial("r")
	silent.echo(framed("hello"))
	eventually(t, "both are silent for 100 ms", func() bool { return len(r.list(api.Filter{Idle: 100 * time.Millisecond})) == 2 })
	other.echo(framed("I speak"))
	ctx := context.Background()
	closed, err := r.g.CloseAll(ctx, api.Filter{Idle: 100 * time.Millisecond, Route: "r"})
	if err != nil || closed.Closed != 1 {
		t.Fatalf("closed %+v, %v; want the silent one", closed, err)
	}
	if line := r.endOf(silent); line.Reason != "killed" || line.ID != closed.IDs[0] {
		t.Errorf("it ended so: %+v", line)
	}
	silent.receiveFIN()
	id := r.list(api.Filter{})[0].ID
	if err := r.g.CloseID(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(other); err != nil {
		t.Error(err)
	}
	if err := r.g.CloseID(ctx, id); err == nil {
		t.Error("a connection that has ended is closed again")
	}
	endings, err := r.g.Endings(ctx, "r", "killed", 10)
	if err != nil || len(endings.Ended) != 2 || endings.Ended[0].ID != id {
		t.Errorf("ended last are %+v, %v", endings, err)
	}
}
