package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// runPostgresTLS starts a server that grants TLS at a TCP address and, as all of them, refuses it at a unix socket.
func runPostgresTLS(t *testing.T) (socket, address string) {
	t.Helper()
	postgresProgram(t, "initdb") // or there is no user postgres
	dir, _ := asUser(t, "postgres")
	address = freeAddress(t)
	pair := newAuthority(t, dir).issue(t, dir, "localhost")
	command(t, "chown", "postgres", pair.cert, pair.key)
	socket = runPostgres(t, portOf(address), "listen_addresses=127.0.0.1", "ssl=on", "ssl_cert_file="+pair.cert, "ssl_key_file="+pair.key)
	eventually(t, "the server has started", func() bool {
		return exec.CommandContext(t.Context(), "psql", "-h", filepath.Dir(socket), "-p", portOf(address), "-U", "postgres", "-c", "select 1").Run() == nil
	})
	return socket, address
}

// pgMessages lets pgx decode what was said.
func pgMessages(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	server := said[1]
	client := pgproto3.NewBackend(bytes.NewReader(said[0]), io.Discard)
	for begun := false; !begun; n.messages[0]++ {
		message, err := client.ReceiveStartupMessage()
		if errors.Is(err, io.EOF) && n.messages[0] > 0 {
			return n // refused, pgx comes again by another connection
		}
		must(t, err)
		switch message.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if server[0] != 'N' {
				t.Fatalf("encryption is not refused but %q", server[0])
			}
			server = server[1:]
			n.messages[1]++
		case *pgproto3.CancelRequest:
			n.messages[0]++
			return n
		default:
			begun = true
		}
	}
	count := func(n *uint64, receive func() error) {
		for {
			if err := receive(); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				return // pgx says so at any end
			} else if err != nil {
				t.Fatal(err)
			}
			*n++
		}
	}
	count(&n.messages[0], func() error { _, err := client.Receive(); return err })
	frontend := pgproto3.NewFrontend(bytes.NewReader(server), io.Discard)
	count(&n.messages[1], func() error { _, err := frontend.Receive(); return err })
	return n
}

func TestPGXThroughTheGateway(t *testing.T) {
	socket, address := runPostgresTLS(t)
	t.Run("TLS refused", func(t *testing.T) {
		w, g := tapped(t, "postgres", "unix:"+socket, "")
		pgxQueries(t, g, "prefer")
		pgxCopies(t, g)
		pgxNotified(t, g)
		pgxCancelled(t, g)
		w.agrees(t, g, pgMessages)
		for name, has := range map[string]string{"queries": "insert into numbers", "copy": "copy words", "notify": "NotificationNow"} {
			w.capture(t, "postgres_pgx_"+name, "PostgreSQL and pgx: "+name, pgMessages, func(said [2][]byte) bool {
				return bytes.Contains(said[0], []byte(has)) && len(said[0])+len(said[1]) < 10_000
			})
		}
	})
	t.Run("TLS granted, and not let through", func(t *testing.T) {
		_, g := tapped(t, "postgres", address, "opaque: close, policy: {long: {}}")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := pgx.Connect(ctx, "postgres://postgres@"+g.address()+"/postgres?sslmode=require"); err == nil {
			t.Error("pgx connects")
		}
		if line := g.ended("r", 1); line.Reason != "protocol_error" {
			t.Errorf("ended as %s", line.Reason)
		}
	})
	t.Run("goodbyes", func(t *testing.T) { pgxGoodbyes(t, "unix:"+socket) })
	t.Run("odd orders", func(t *testing.T) { pgOddOrders(t, "unix:"+socket) })
	t.Run("TLS granted", func(t *testing.T) {
		_, g := tapped(t, "postgres", address, "")
		pgxQueries(t, g, "require")
		output := command(t, "psql", "host=127.0.0.1 port="+g.port()+" user=postgres dbname=postgres sslmode=require", "-Atc", "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
		if output != "t\n" {
			t.Errorf("psql says %q", output)
		}
		g.settled(t)
		if r := g.route("r"); r.Opaque != 2 || r.Opened != 2 {
			t.Errorf("%d connections are opaque, want 2 of 2 (%d)", r.Opaque, r.Opened)
		}
	})
}

func pgxConnect(t *testing.T, g *running, mode string) (context.Context, *pgx.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	conn, err := pgx.Connect(ctx, "postgres://postgres@"+g.address()+"/postgres?sslmode="+mode)
	must(t, err)
	return ctx, conn
}

// pgxQueries are prepared statements, a batch, an error amid a transaction, and a slow result of many messages.
func pgxQueries(t *testing.T, g *running, mode string) {
	ctx, conn := pgxConnect(t, g, mode)
	_, err := conn.Exec(ctx, "create temporary table numbers (n int primary key, text text)")
	must(t, err)
	batch := &pgx.Batch{}
	for n := range 10 {
		batch.Queue("insert into numbers values ($1, $2)", n, strings.Repeat("x", n))
	}
	must(t, conn.SendBatch(ctx, batch).Close())
	tx, err := conn.Begin(ctx)
	must(t, err)
	var failure *pgconn.PgError
	if _, err := tx.Exec(ctx, "insert into numbers values (1, 'again')"); !errors.As(err, &failure) || failure.Code != "23505" {
		t.Errorf("a second 1: %v", err)
	}
	must(t, tx.Rollback(ctx))
	var sum int
	must(t, conn.QueryRow(ctx, "select sum(length(text)) from numbers where n < $1", 100).Scan(&sum))
	if sum != 45 {
		t.Errorf("sum %d", sum)
	}
	rows, err := conn.Query(ctx, "select n from numbers")
	must(t, err)
	if all, err := pgx.CollectRows(rows, pgx.RowTo[int]); err != nil || len(all) != 10 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	must(t, conn.Close(ctx))
}

func pgxCopies(t *testing.T, g *running) {
	for _, size := range []int{10, 100_000} {
		ctx, conn := pgxConnect(t, g, "disable")
		_, err := conn.Exec(ctx, "create temporary table words (word text)")
		must(t, err)
		in := strings.Repeat("word\n", size)
		_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader(in), "copy words from stdin")
		must(t, err)
		n, err := conn.CopyFrom(ctx, pgx.Identifier{"words"}, []string{"word"}, pgx.CopyFromRows([][]any{{"a"}, {"b"}}))
		if err != nil || n != 2 {
			t.Errorf("%d rows, %v", n, err)
		}
		var out bytes.Buffer
		if _, err := conn.PgConn().CopyTo(ctx, &out, "copy words to stdout"); err != nil || out.String() != in+"a\nb\n" {
			t.Errorf("%d bytes have come of %d: %v", out.Len(), len(in)+4, err)
		}
		_, err = conn.PgConn().CopyFrom(ctx, io.MultiReader(strings.NewReader("half"), failing{}), "copy words from stdin")
		if err == nil {
			t.Error("a copy that the client gives up succeeds")
		}
		must(t, conn.Close(ctx))
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the client gives up") }

// pgxNotified receives messages that it has not asked for.
func pgxNotified(t *testing.T, g *running) {
	ctx, listener := pgxConnect(t, g, "disable")
	_, err := listener.Exec(ctx, `listen "NotificationNow"`)
	must(t, err)
	_, conn := pgxConnect(t, g, "disable")
	for _, text := range []string{"one", "two"} {
		_, err := conn.Exec(ctx, "select pg_notify('NotificationNow', $1)", text)
		must(t, err)
		if got, err := listener.WaitForNotification(ctx); err != nil || got.Payload != text {
			t.Errorf("%+v, %v", got, err)
		}
	}
	must(t, conn.Close(ctx))
	must(t, listener.Close(ctx))
}

// pgxCancelled cancels a query, by a connection of its own.
func pgxCancelled(t *testing.T, g *running) {
	ctx, conn := pgxConnect(t, g, "disable")
	done := make(chan error)
	go func() {
		_, err := conn.Exec(ctx, "select pg_sleep(600)")
		done <- err
	}()
	var failure *pgconn.PgError
	for {
		must(t, conn.PgConn().CancelRequest(ctx)) // it may come before the query
		select {
		case err := <-done:
			if !errors.As(err, &failure) || failure.Code != "57014" {
				t.Errorf("the query ends with %v", err)
			}
			must(t, conn.Close(ctx))
			return
		default:
		}
	}
}
