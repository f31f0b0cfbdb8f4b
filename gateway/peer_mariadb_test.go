package gateway_test

import (
	"context"
	"database/sql"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the driver
)

// runMariaDB starts a server as the user mysql, with a user u whose password is p, and returns its socket.
func runMariaDB(t *testing.T) (socket string) {
	t.Helper()
	needs(t, "mariadbd", "mariadb-install-db", "mariadb")
	dir, as := asUser(t, "mysql")
	data, socket := filepath.Join(dir, "data"), filepath.Join(dir, "socket")
	command(t, "setpriv", append(as, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	launch(t, exec.Command("setpriv", append(as, "mariadbd", "--no-defaults", "--datadir="+data, "--socket="+socket, "--skip-networking",
		"--pid-file="+filepath.Join(dir, "pid"), "--max-allowed-packet=64M", "--local-infile=1", "--innodb-flush-method=fsync",
		"--innodb-buffer-pool-size=16M", "--innodb-log-file-size=64M", "--innodb-flush-log-at-trx-commit=0")...), listens("unix:"+socket))
	command(t, "mariadb", "--no-defaults", "-S", socket, "-u", "root", "-e", "create user u identified by 'p'; grant all on *.* to u; create database d")
	return "unix:" + socket
}

// mysqlPackets counts messages: packets, of which a full one is continued by the next (MySQL internals, "Protocol::Packet"). A
// COM_PING (0e) is a heartbeat, and the server's one reply to it.
func mysqlPackets(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		for len(b) > 0 {
			size := int(b[0]) + int(b[1])<<8 + int(b[2])<<16
			if size < 0xffffff {
				n.messages[from]++
			}
			if from == 0 && string(b[:5]) == "\x01\x00\x00\x00\x0e" {
				n.heartbeats[0]++
				n.heartbeats[1]++
			}
			b = b[4+size:]
		}
	}
	return n
}

func TestMariaDBThroughTheGateway(t *testing.T) {
	server := runMariaDB(t)
	const large = "policy: {long: {}}, limits: {message_size: 64MiB}"
	t.Run("its own client", func(t *testing.T) {
		w, g := tapped(t, "mysql", server, large)
		script := exec.CommandContext(t.Context(), "mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", g.port(), "-u", "u", "-pp", "--max-allowed-packet=64M", "-N", "d")
		script.Stdin = strings.NewReader(`create table t (id int auto_increment primary key, text longtext);
insert into t (text) values ('a'), (null), (repeat('x', 20000000));
select id, length(text) from t;
select length(concat('` + strings.Repeat("y", 17_000_000) + `', ''));
prepare s from 'select ? + 1'; set @a = 41; execute s using @a;
start transaction; delete from t where id = 1; rollback;
select count(*) from t;
select length(text) from t where text = (select text from t where id = 3);
`)
		output, err := script.CombinedOutput()
		if want := "1\t1\n2\tNULL\n3\t20000000\n17000000\n42\n3\n20000000\n"; err != nil || string(output) != want {
			t.Errorf("mariadb says %v, %.300q, want %q", err, output, want)
		}
		if got := command(t, "mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", g.port(), "-u", "u", "-pp", "--max-allowed-packet=64M", "-N", "--quick", "d", "-e", "select text from t where id = 3"); strings.Count(got, "x") != 20_000_000 {
			t.Errorf("%d bytes of the large text", len(got))
		}
		w.agrees(t, g, mysqlPackets)
	})
	t.Run("go-sql-driver", func(t *testing.T) {
		w, g := tapped(t, "mysql", server, large)
		mysqlDriver(t, "u:p@tcp("+g.address()+")/d?maxAllowedPacket=67108864&interpolateParams=false", 1, 1<<24-20, 1<<24-1, 20_000_000)
		w.agrees(t, g, mysqlPackets)
	})
	t.Run("go-sql-driver, compressed", func(t *testing.T) {
		_, g := tapped(t, "mysql", server, large)
		mysqlDriver(t, "u:p@tcp("+g.address()+")/d?maxAllowedPacket=67108864&compress=true", 1, 100_000)
		g.settled(t)
		if opaque := g.route("r").Opaque; opaque != 1 {
			t.Errorf("%d connections are opaque, want 1", opaque)
		}
	})
	t.Run("goodbyes", func(t *testing.T) { mariaGoodbyes(t, server) })
}

// mysqlDriver prepares and executes a statement, reads rows, and sends a transaction and values that are larger than a packet.
func mysqlDriver(t *testing.T, dsn string, sizes ...int) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	must(t, db.PingContext(ctx))
	_, err = db.ExecContext(ctx, "create or replace table n (n int, text longtext)")
	must(t, err)
	insert, err := db.PrepareContext(ctx, "insert into n values (?, ?)")
	must(t, err)
	for n, size := range sizes {
		_, err := insert.ExecContext(ctx, n, strings.Repeat("z", size))
		must(t, err)
		var got string
		must(t, db.QueryRowContext(ctx, "select text from n where n = ?", n).Scan(&got))
		if len(got) != size {
			t.Errorf("%d bytes have come of %d", len(got), size)
		}
	}
	must(t, insert.Close())
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	_, err = tx.ExecContext(ctx, "delete from n where n > 0")
	must(t, err)
	must(t, tx.Rollback())
	rows, err := db.QueryContext(ctx, "select a.column_id from (select 1 column_id union select 2 union select 3 union select 4) a, (select 1 x union select 2 union select 3 union select 4) b, (select 1 y union select 2) c")
	must(t, err)
	count := 0
	for rows.Next() {
		count++
	}
	must(t, rows.Close())
	if count != 32 {
		t.Errorf("%d rows, want 32", count)
	}
	if _, err := db.ExecContext(ctx, "select from nothing"); err == nil {
		t.Error("a wrong statement gives no error")
	}
}

// mysqlSlowResults has several results take longer than idle_timeout; the client is ended when all have come.
func mysqlSlowResults(t *testing.T, server string) {
	_, g := tapped(t, "mysql", server, "policy: {long: {idle_timeout: 700ms, farewell: protocol}}")
	db, err := sql.Open("mysql", "u:p@tcp("+g.address()+")/d?checkConnLiveness=false&multiStatements=true")
	must(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "create or replace procedure slowly() begin select 1; select sleep(1); select 2, 3; select sleep(1); end")
	must(t, err)
	for query, want := range map[string]int{
		"select 1; select sleep(1); do sleep(1); select 2 from dual where false; select 3": 4, // results with columns
		"call slowly()": 4,
	} {
		rows, err := conn.QueryContext(t.Context(), query)
		must(t, err)
		results := 0
		for more := true; more; more = rows.NextResultSet() {
			if columns, err := rows.Columns(); err == nil && len(columns) > 0 {
				results++
			}
			for rows.Next() {
			}
		}
		if must(t, rows.Err()); results != want {
			t.Errorf("%s: %d results, want %d", query, results, want)
		}
		must(t, rows.Close())
	}
	g.parted(t)
	if _, err := conn.ExecContext(t.Context(), "select 1"); err == nil || !strings.Contains(err.Error(), "4031") {
		t.Errorf("the driver says %v", err)
	}
}
