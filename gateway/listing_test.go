package gateway_test

import (
	"context"
	"io"
	"net"
	"reflect"
	"slices"
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
	const long = 2 * time.Second // in which the other is to speak and the silent one to be closed, on a machine that has other work
	eventually(t, "both are silent for long", func() bool { return len(r.list(api.Filter{Idle: long})) == 2 })
	other.echo(framed("I speak"))
	ctx := context.Background()
	closed, err := r.g.CloseAll(ctx, api.Filter{Idle: long, Route: "r"})
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
	endings, err := r.g.Endings(ctx, api.EndedQuery{Route: "r", Reason: "killed", Limit: 10})
	if err != nil || len(endings.Ended) != 2 || endings.Ended[0].ID != id {
		t.Errorf("ended last are %+v, %v", endings, err)
	}
}

func TestClosingMatchesAddressesWhole(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, editable, "none", at, "", "")
	first := r.dialFrom("127.0.0.1", "r")
	second := r.dialFrom("127.0.0.12", "r")
	first.echo(framed("a"))
	second.echo(framed("b"))
	ctx := context.Background()
	for _, part := range []api.Filter{{Client: "127.0.0"}, {Search: "127"}, {Client: "127.0.0.1", Search: "127"}} {
		if closed, err := r.g.CloseAll(ctx, part); err == nil {
			t.Errorf("%+v closes %d connections", part, closed.Closed)
		}
	}
	closed, err := r.g.CloseAll(ctx, api.Filter{Client: "127.0.0.1"})
	if err != nil || closed.Closed != 1 {
		t.Fatalf("closed %+v, %v; want one", closed, err)
	}
	first.receiveFIN()
	second.echo(framed("still here"))
	if n := len(r.list(api.Filter{Client: "127.0.0.0/8"})); n != 1 {
		t.Errorf("%d are listed in the network, want 1", n)
	}
	if n := len(r.list(api.Filter{Client: "0.0.12:"})); n != 1 {
		t.Errorf("%d are listed by part of the address, want 1", n)
	}
}

// dialFrom connects a client that has an address of its own to a route.
func (r *running) dialFrom(address, route string) *client {
	r.t.Helper()
	dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := dialer.Dial("tcp", r.g.Addresses(route)[0])
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &client{t: r.t, Conn: conn}
}

func TestAWalkMeetsEachConnectionOnce(t *testing.T) {
	r := start(t, editable, "none", backend(t, echoes), "", "")
	const open = 40
	for range open {
		r.dial("r").echo(framed("here"))
	}
	ctx := context.Background()
	for _, limit := range []int{1, 7, open - 1, open, 1000} {
		seen, pages := map[uint64]int{}, 0
		for cursor := api.FirstPage; cursor != ""; pages++ {
			page, err := r.g.List(ctx, api.Filter{Route: "r"}, api.Page{Cursor: cursor, Limit: limit})
			if err != nil || len(page.Connections) > limit || page.Total != len(page.Connections) {
				t.Fatalf("at %s: %d of %d, %v; the limit is %d", cursor, len(page.Connections), page.Total, err, limit)
			}
			for _, c := range page.Connections {
				seen[c.ID]++
			}
			cursor = page.Next
		}
		if len(seen) != open || pages != (open+limit-1)/limit {
			t.Errorf("by %d at a time: %d of %d in %d pages", limit, len(seen), open, pages)
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("by %d at a time: %d is met %d times", limit, id, times)
			}
		}
	}
	for _, cursor := range []string{"last", "1", "-1-2", "0-99999999999"} {
		if _, err := r.g.List(ctx, api.Filter{}, api.Page{Cursor: cursor, Limit: 1}); err == nil {
			t.Errorf("the cursor %s is taken", cursor)
		}
	}
	for _, cursor := range []string{"0-2147483647", "999-0"} { // as of a gateway that was stopped meanwhile
		if _, err := r.g.List(ctx, api.Filter{}, api.Page{Cursor: cursor, Limit: 1}); err != nil {
			t.Errorf("at the cursor %s: %v", cursor, err)
		}
	}
}

func TestASortedPageIsThatOfTheWholeListing(t *testing.T) {
	r := start(t, editable, "none", backend(t, echoes), "", "")
	const open = 30
	for range open {
		r.dial("r").echo(framed("here"))
	}
	for _, sort := range []string{"id", "-id", "client", "-client"} {
		whole, err := r.g.List(t.Context(), api.Filter{}, api.Page{Sort: sort, Limit: api.MaxLimit})
		if err != nil || len(whole.Connections) != open {
			t.Fatalf("%d are listed, %v", len(whole.Connections), err)
		}
		for offset := range open + 2 {
			page, err := r.g.List(t.Context(), api.Filter{}, api.Page{Sort: sort, Offset: offset, Limit: 3})
			want := whole.Connections[min(offset, open):min(offset+3, open)]
			same := func(a, b api.Connection) bool { return a.ID == b.ID }
			if err != nil || page.Total != open || !slices.EqualFunc(page.Connections, want, same) {
				t.Errorf("%s from %d: %d of %d, %v", sort, offset, len(page.Connections), page.Total, err)
			}
		}
	}
}

// TestEndedConnectionsAreListedPageByPage walks through those of several loops while more end.
func TestEndedConnectionsAreListedPageByPage(t *testing.T) {
	r := start(t, "gateway: {loops: 2}\n"+"upstreams: {u: {endpoints: [\"%s\"]}}\nroutes: [{name: r, listen: \"127.0.0.1:0\", protocol: raw, upstream: u, policy: {long: {}}}]", backend(t, echoes))
	const many = 25
	end := func() {
		c := r.dial("r")
		c.echo("x")
		c.finish()
		r.endOf(c)
	}
	for range many {
		end()
	}
	ctx := context.Background()
	whole, err := r.g.Endings(ctx, api.EndedQuery{Limit: 100})
	must(t, err)
	if len(whole.Ended) != many || whole.Next != "" {
		t.Fatalf("%d have ended, and next is %q", len(whole.Ended), whole.Next)
	}
	var walked []api.Ended
	for cursor := api.FirstPage; cursor != ""; {
		page, err := r.g.Endings(ctx, api.EndedQuery{Limit: 10, Cursor: cursor})
		must(t, err)
		walked, cursor = append(walked, page.Ended...), page.Next
		end() // is on no later page
	}
	if !reflect.DeepEqual(walked, whole.Ended) {
		t.Errorf("page by page there are %d, at once %d", len(walked), len(whole.Ended))
	}
	if page, err := r.g.Endings(ctx, api.EndedQuery{Limit: 10, Cursor: api.FirstPage, Reason: "killed"}); err != nil || len(page.Ended) != 0 || page.Next != "" {
		t.Errorf("of none: %+v, %v", page, err)
	}
	for _, wrong := range []string{"second", "1", "-1-2", "1-x", "1-2-3"} {
		if _, err := r.g.Endings(ctx, api.EndedQuery{Limit: 10, Cursor: wrong}); err == nil {
			t.Errorf("cursor %q is taken", wrong)
		}
	}
}
