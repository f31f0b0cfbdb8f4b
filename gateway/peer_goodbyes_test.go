package gateway_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/coder/websocket"
	packets5 "github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/eclipse/paho.golang/paho/log"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/nats-io/nats.go"
	amqp "github.com/rabbitmq/amqp091-go"
	goredis "github.com/redis/go-redis/v9"
)

// Clients that fall silent, and whose own libraries then say what the protocol's goodbye says.

// parting is a policy that ends a silent client with the protocol's goodbye.
const parting = "policy: {long: {idle_timeout: 1200ms, farewell: protocol}}"

// parted waits for the silent client to have been ended.
func (g *running) parted(t *testing.T) {
	t.Helper()
	eventually(t, "the silent client is ended", func() bool { return g.route("r").Closed["idle_timeout"] > 0 })
}

func pgxGoodbyes(t *testing.T, server string) {
	for _, row := range []struct{ name, policy, reason, before, code string }{
		// Nothing is idle that awaits its reply.
		{"idle", "idle_timeout: 1200ms", "idle_timeout", "select pg_sleep(2)", "57P05"},
		{"idle in a transaction", "idle_in_transaction_timeout: 1200ms", "idle_in_transaction", "begin; select pg_sleep(2)", "25P03"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, g := tapped(t, "postgres", server, "policy: {long: {"+row.policy+", farewell: protocol}}")
			ctx, conn := pgxConnect(t, g, "disable")
			_, err := conn.Exec(ctx, row.before)
			must(t, err)
			eventually(t, "the client is ended", func() bool { return g.route("r").Closed[row.reason] > 0 })
			var failure *pgconn.PgError
			if _, err := conn.Exec(ctx, "select 1"); !errors.As(err, &failure) || failure.Code != row.code || failure.Severity != "FATAL" {
				t.Errorf("pgx says %v", err)
			}
		})
	}
	toldOfAShutdown(t, "postgres", server, func(t *testing.T, g *running, end func()) {
		ctx, conn := pgxConnect(t, g, "disable")
		end()
		var failure *pgconn.PgError
		if _, err := conn.WaitForNotification(ctx); !errors.As(err, &failure) || failure.Code != "57P01" {
			t.Errorf("pgx says %v", err)
		}
	})
}

func TestGoRedisIsToldThatItWasIdle(t *testing.T) {
	_, g := tapped(t, "resp", runRedis(t).address(), parting)
	client := goredis.NewClient(&goredis.Options{Addr: g.address(), ReadTimeout: patience, MaxRetries: -1})
	conn := client.Conn()                                                                 // keeps its connection, where the pool would come again unnoticed
	if err := conn.BLPop(t.Context(), 2*time.Second, "queue").Err(); err != goredis.Nil { //nolint:errorlint // the library returns it so
		t.Errorf("a request that takes longer than idle_timeout: %v", err)
	}
	g.parted(t)
	if err := conn.Get(t.Context(), "key").Err(); err == nil || !strings.Contains(err.Error(), "idle timeout") {
		t.Errorf("go-redis says %v", err)
	}
	must(t, conn.Close())
	must(t, client.Close())
}

func TestPahoIsToldThatItWasIdle(t *testing.T) {
	server, _ := runMosquitto(t, "")
	_, g := tapped(t, "mqtt", server, parting)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	told := make(chan *paho.Disconnect, 1)
	connectMQTT5(ctx, t, g, 60, paho.ClientConfig{OnServerDisconnect: func(d *paho.Disconnect) { told <- d }})
	select {
	case d := <-told:
		if d.ReasonCode != 0x8d { // Keep Alive timeout
			t.Errorf("Paho says %+v", d)
		}
	case <-ctx.Done():
		t.Error("Paho is told nothing")
	}
	g.parted(t)
}

func TestAWebSocketClientIsToldThatItWasIdle(t *testing.T) {
	_, g := tapped(t, "websocket", runWebSocket(t, websocket.CompressionDisabled), parting)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := dialWebSocket(ctx, t, g, nil)
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the client says %v", err)
	}
	g.parted(t)
}

func TestGomemcacheIsToldThatItWasIdle(t *testing.T) {
	_, g := tapped(t, "memcached", runMemcached(t), parting)
	client := memcache.New(g.address())
	client.Timeout = patience
	must(t, client.Set(&memcache.Item{Key: "key", Value: []byte("value")}))
	g.parted(t)
	if _, err := client.Get("key"); err == nil || !strings.Contains(err.Error(), "idle timeout") {
		t.Errorf("gomemcache says %v", err)
	}
}

func TestNATSClientIsToldThatItIsStale(t *testing.T) {
	_, g := tapped(t, "nats", runNATS(t), parting)
	told := make(chan error, 1)
	client, err := nats.Connect("nats://"+g.address(), nats.NoReconnect(), nats.ClosedHandler(func(c *nats.Conn) { told <- c.LastError() }))
	must(t, err)
	defer client.Close()
	select {
	case err := <-told:
		if !errors.Is(err, nats.ErrStaleConnection) {
			t.Errorf("nats.go says %v", err)
		}
	case <-time.After(patience):
		t.Error("nats.go is told nothing")
	}
	g.parted(t)
}

func mariaGoodbyes(t *testing.T, server string) {
	toldOfAShutdown(t, "mysql", server, mysqlShutdown)
	t.Run("its own client", func(t *testing.T) {
		_, g := tapped(t, "mysql", server, parting)
		client := exec.CommandContext(t.Context(), "mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", g.port(), "-u", "u", "-pp", "-n", "--skip-reconnect")
		input, err := client.StdinPipe()
		must(t, err)
		var output lockedBuffer
		client.Stdout, client.Stderr = &output, &output
		must(t, client.Start())
		_, err = io.WriteString(input, "select sleep(2) + 41;\n")
		must(t, err)
		eventually(t, "the slow query is replied to", func() bool { return strings.Contains(output.String(), "41") })
		g.parted(t)
		_, err = io.WriteString(input, "select 43;\n")
		must(t, err)
		input.Close()
		if err := client.Wait(); err == nil || !strings.Contains(output.String(), "4031") {
			t.Errorf("mariadb says %v, %s", err, output.String())
		}
	})
	t.Run("slow results of one query, and of a procedure", func(t *testing.T) { mysqlSlowResults(t, server) })
	t.Run("go-sql-driver", func(t *testing.T) {
		_, g := tapped(t, "mysql", server, parting)
		db, err := sql.Open("mysql", "u:p@tcp("+g.address()+")/?checkConnLiveness=false")
		must(t, err)
		defer db.Close()
		conn, err := db.Conn(t.Context())
		must(t, err)
		g.parted(t)
		if _, err := conn.ExecContext(t.Context(), "select 1"); err == nil || !strings.Contains(err.Error(), "4031") {
			t.Errorf("the driver says %v", err)
		}
	})
}

// muted is a connection whose writes stop to arrive: the client believes that it speaks.
type muted struct {
	net.Conn
	mute *atomic.Bool
}

func (m muted) Write(b []byte) (int, error) {
	if m.mute.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// negotiating is a policy whose idle_timeout is what the two ends have agreed on.
const negotiating = "policy: {long: {idle_timeout: {negotiated: true, otherwise: 10m}, farewell: protocol}}"

// timely plays a scene that ends with a client's silence, and wants it to have been ended after so long, by the gateway's own clock:
// never before, and within 100 ms. A machine that has other work is given another chance to be in time, but none to be early.
func timely(t *testing.T, want time.Duration, scene func() *running) {
	t.Helper()
	for try := 1; ; try++ {
		line := scene().ended("r", 1)
		late := line.LongestSilence - want
		switch {
		case line.Reason != "idle_timeout" || late < 0:
			t.Fatalf("ended as %s after a silence of %v, want %v", line.Reason, line.LongestSilence, want)
		case late <= 100*time.Millisecond:
			return
		case try == 3:
			t.Skipf("%v late, three times: the machine has too much other work", late)
		}
		t.Logf("%v late", late)
	}
}

// agreed wants what the two ends have agreed on to be the idle_timeout of the only connection.
func (g *running) agreed(t *testing.T, want time.Duration) {
	t.Helper()
	timer := timerOf(t, g.onlyConnection(), "idle_timeout")
	if timer.ValueSeconds == nil || *timer.ValueSeconds != want.Seconds() || timer.Negotiated != "agreed" {
		t.Errorf("explain says %+v, want %v, agreed", timer, want)
	}
}

func rabbitGoodbyes(t *testing.T, server rabbit) {
	toldOfAShutdown(t, "amqp", server.amqp, amqpShutdown)
	toldOfAShutdown(t, "stomp", server.stomp, stompShutdown)
	t.Run("amqp091-go is told, after two heartbeats that it has missed", func(t *testing.T) {
		timely(t, 2*time.Second, func() *running {
			_, g := tapped(t, "amqp", server.amqp, negotiating)
			var mute atomic.Bool
			conn, err := amqp.DialConfig("amqp://guest:guest@"+g.address()+"/", amqp.Config{Heartbeat: time.Second, Dial: func(network, address string) (net.Conn, error) {
				c, err := net.Dial(network, address)
				return muted{c, &mute}, err
			}})
			must(t, err)
			told := conn.NotifyClose(make(chan *amqp.Error, 1))
			eventually(t, "it has sent a heartbeat", func() bool { return g.route("r").Heartbeats[0] > 0 })
			g.agreed(t, 2*time.Second)
			mute.Store(true)
			if failure := <-told; failure == nil || failure.Code != 320 || !failure.Server {
				t.Errorf("amqp091-go says %v", failure)
			}
			return g
		})
	})
	t.Run("python3-stomp is told, after two heartbeats that it has missed", func(t *testing.T) {
		needsStomp(t)
		timely(t, 2*time.Second, func() *running {
			_, g := tapped(t, "stomp", server.stomp, negotiating)
			client := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", stompListener, g.port())
			var output lockedBuffer
			client.Stdout, client.Stderr = &output, &output
			must(t, client.Start())
			eventually(t, "it has sent a heartbeat", func() bool { return g.route("r").Heartbeats[0] > 0 })
			g.agreed(t, 2*time.Second)
			must(t, client.Process.Signal(syscall.SIGSTOP))
			g.parted(t)
			must(t, client.Process.Signal(syscall.SIGCONT))
			if err := client.Wait(); err != nil || !strings.Contains(output.String(), "error: idle timeout") {
				t.Errorf("the client says %v, %s", err, output.String())
			}
			return g
		})
	})
}

// stompListener is a program that connects, and says which error the server sends.
const stompListener = `
import sys, threading, stomp
done = threading.Event()

class Listener(stomp.ConnectionListener):
    def on_error(self, frame):
        print("error:", frame.headers.get("message"))
    def on_disconnected(self): done.set()

c = stomp.Connection12([("127.0.0.1", int(sys.argv[1]))], reconnect_attempts_max=1, heartbeats=(1000, 0), vhost="/")
c.set_listener("", Listener())
c.connect("guest", "guest", wait=True)
done.wait(60)
`

func TestPahoKeepsWhatItHasAgreedOn(t *testing.T) {
	t.Run("keepalive of 1 s", func(t *testing.T) {
		server, _ := runMosquitto(t, "")
		timely(t, 1500*time.Millisecond, func() *running {
			_, g := tapped(t, "mqtt", server, negotiating)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			told := make(chan *paho.Disconnect, 1)
			connectMQTT5(ctx, t, g, 1, paho.ClientConfig{PingHandler: noPings{}, OnServerDisconnect: func(d *paho.Disconnect) { told <- d }})
			if d := <-told; d.ReasonCode != 0x8d {
				t.Errorf("Paho says %+v", d)
			}
			return g
		})
	})
	t.Run("a server's keepalive of 1 s", func(t *testing.T) {
		server := backend(t, func(c *client) {
			if _, err := packets5.ReadPacket(c); err != nil {
				return
			}
			keepalive := uint16(1)
			ack := &packets5.Connack{Properties: &packets5.Properties{ServerKeepAlive: &keepalive}}
			if _, err := ack.WriteTo(c); err == nil {
				_, _ = io.Copy(io.Discard, c)
			}
		})
		timely(t, 1500*time.Millisecond, func() *running {
			g := start(t, speaks("mqtt", "idle_timeout: {negotiated: true, otherwise: 10m}, farewell: protocol", ""), server)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			told := make(chan *paho.Disconnect, 1)
			connectMQTT5(ctx, t, g, 60, paho.ClientConfig{PingHandler: noPings{}, OnServerDisconnect: func(d *paho.Disconnect) { told <- d }})
			g.agreed(t, 1500*time.Millisecond)
			if d := <-told; d.ReasonCode != 0x8d {
				t.Errorf("Paho says %+v", d)
			}
			return g
		})
	})
	t.Run("the server's keepalive", func(t *testing.T) {
		server, _ := runMosquitto(t, "max_keepalive 10\n")
		_, g := tapped(t, "mqtt", server, negotiating)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		client := connectMQTT5(ctx, t, g, 60, paho.ClientConfig{})
		g.agreed(t, 15*time.Second)
		must(t, client.Disconnect(&paho.Disconnect{}))
	})
}

// noPings sends none.
type noPings struct{}

func (noPings) Run(ctx context.Context, _ net.Conn, _ uint16) error {
	<-ctx.Done()
	return nil
}
func (noPings) PacketSent()         {}
func (noPings) PacketReceived()     {}
func (noPings) PingResp()           {}
func (noPings) SetDebug(log.Logger) {}

// asking is a policy that asks silent clients soon.
const asking = "policy: {long: {idle_timeout: 10m, probe: {after: 50ms, timeout: 20s}}}"

// asked waits until a client has answered three probes, of which the wire carries nothing.
func (g *running) asked(t *testing.T) {
	t.Helper()
	eventually(t, "probes are answered", func() bool { return g.route("r").Probes["answered"] >= 3 })
	if r := g.route("r"); r.Probe.Count() < 3 || r.Probes["unanswered"] > 0 {
		t.Errorf("%v probes, %d times", r.Probes, r.Probe.Count())
	}
}

func TestRealClientsAnswerProbes(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		w, g := tapped(t, "websocket", runWebSocket(t, websocket.CompressionDisabled), asking)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c := dialWebSocket(ctx, t, g, nil)
		c.CloseRead(ctx)
		g.asked(t)
		must(t, c.Close(websocket.StatusNormalClosure, ""))
		answered(t, w, g, wsFrames, 3)
	})
	t.Run("nats", func(t *testing.T) {
		w, g := tapped(t, "nats", runNATS(t), asking)
		client, err := nats.Connect("nats://"+g.address(), nats.NoReconnect())
		must(t, err)
		g.asked(t)
		client.Close()
		g.settled(t)
		if got, carried := g.route("r").Heartbeats, w.tally(t, natsMessages).heartbeats; got[0] < 4 || carried != [2]uint64{1, 1} {
			t.Errorf("%d heartbeats, the wire carried %d, want only the first of CONNECT", got, carried)
		}
	})
}
