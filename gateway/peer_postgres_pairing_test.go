package gateway_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// pgOddOrders are messages that are sent at once, and what PostgreSQL replies, by the types of its messages. What takes 1.2 s is not
// cut by an idle_timeout of 700 ms, since it is owed; what the server skips is owed nothing, so that idle_timeout ends the client.
func pgOddOrders(t *testing.T, server string) {
	parse := func(query string) pgproto3.FrontendMessage { return &pgproto3.Parse{Query: query} }
	query := func(text string) pgproto3.FrontendMessage { return &pgproto3.Query{String: text} }
	bind, execute, sync, flush := &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{}, &pgproto3.Flush{}
	describe := &pgproto3.Describe{ObjectType: 'S'}
	data, done := &pgproto3.CopyData{Data: []byte("1\n")}, &pgproto3.CopyDone{}
	const sleep, wrong = "select pg_sleep(1.2)", "select nothing from nowhere"
	const table, fill = "create temporary table numbers (n int)", "copy numbers from stdin"
	type messages = []pgproto3.FrontendMessage
	for _, row := range []struct {
		name    string
		said    messages
		then    messages // sent when the server awaits COPY data
		replies string
	}{
		{"an Execute without Sync behind the Sync of another batch",
			messages{parse(sleep), bind, execute, sync, bind, execute, flush}, nil, "12DCZ2DC"},
		{"an Execute without Sync behind a Query", messages{query(sleep), parse(sleep), bind, execute, flush}, nil, "TDCZ12DC"},
		{"batches, the first of which fails", messages{parse(wrong), bind, execute, sync, parse(sleep), bind, execute, sync}, nil, "EZ12DCZ"},
		{"a Query behind a failed Parse, which is skipped", messages{parse(wrong), query(sleep), flush}, nil, "E"},
		{"Queries behind a failed Parse, and a Sync", messages{parse(wrong), query(sleep), query(sleep), sync, query(sleep)}, nil, "EZTDCZ"},
		{"a Query that fails behind a Parse and its Describe, and another", messages{parse(sleep), describe, query(wrong), query(sleep)}, nil, "1tTEZTDCZ"},
		{"a Query behind a failed Parse behind a batch", messages{parse(sleep), bind, execute, sync, parse(wrong), query(sleep), flush}, nil, "12DCZE"},
		{"an Execute behind an error, before the Sync", messages{parse(wrong), bind, execute, flush, bind, execute, flush}, nil, "E"},
		{"COPY data that does not await the server", messages{parse(table), bind, execute, parse(fill), bind, execute, data, done, parse(sleep), bind, execute, sync}, nil,
			"12C12GC12DCZ"},
		{"COPY by an Execute whose Syncs come before its data, which PostgreSQL ignores",
			messages{parse(table), bind, execute, sync, parse(fill), bind, execute, sync, sync}, messages{sync, data, done, parse(sleep), bind, execute, sync}, "12CZ12GC12DCZ"},
		{"COPY by a Query", messages{query(table + ";" + fill)}, messages{data, sync, data, done, query(sleep)}, "CGCZTDCZ"},
		{"COPY by an Execute that fails behind its Sync", messages{query(table), parse(fill), bind, execute, sync},
			messages{&pgproto3.CopyData{Data: []byte("x\n")}, done, sync, query(sleep)}, "CZ12GEZTDCZ"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, g := tapped(t, "postgres", server, "policy: {long: {idle_timeout: 700ms, farewell: protocol}}")
			_, conn := pgxConnect(t, g, "disable")
			hijacked, err := conn.PgConn().Hijack()
			must(t, err)
			defer hijacked.Conn.Close()
			must(t, hijacked.Conn.SetDeadline(time.Now().Add(patience)))
			send := func(all messages) {
				for _, message := range all {
					hijacked.Frontend.Send(message)
				}
				must(t, hijacked.Frontend.Flush())
			}
			send(row.said)
			var got strings.Builder
			for {
				message, err := hijacked.Frontend.Receive()
				if errors.Is(err, io.ErrUnexpectedEOF) {
					break
				}
				must(t, err)
				if failure, ok := message.(*pgproto3.ErrorResponse); ok && failure.Severity == "FATAL" {
					got.WriteString(" " + failure.Code)
					continue
				}
				got.WriteByte(pgType(t, message))
				if _, copies := message.(*pgproto3.CopyInResponse); copies {
					send(row.then)
				}
			}
			if want := row.replies + " 57P05"; got.String() != want {
				t.Errorf("received %s, want %s", got.String(), want)
			}
			g.parted(t)
		})
	}
}

// pgType is the type of a message of the server.
func pgType(t *testing.T, message pgproto3.BackendMessage) byte {
	t.Helper()
	encoded, err := message.Encode(nil)
	must(t, err)
	return encoded[0]
}
