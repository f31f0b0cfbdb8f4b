package gateway_test

import (
	"context"
	"database/sql"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/coder/websocket"
	"github.com/eclipse/paho.golang/paho"
	"github.com/nats-io/nats.go"
	amqp "github.com/rabbitmq/amqp091-go"
	goredis "github.com/redis/go-redis/v9"
)

// Clients whose gateway goes, and whose own libraries then say what the protocol's goodbye says.

// toldOfAShutdown plays a scene with a gateway that is stopped, and with one that drains, when the scene calls end.
func toldOfAShutdown(t *testing.T, protocol, server string, scene func(t *testing.T, g *running, end func())) {
	for how, end := range map[string]func(*running){
		"stopped": func(g *running) { g.stop() },
		"drained": func(g *running) { g.g.Drain() },
	} {
		t.Run(protocol+", the gateway is "+how, func(t *testing.T) {
			_, g := tapped(t, protocol, server, "policy: {long: {farewell: protocol}}")
			scene(t, g, func() { end(g) })
		})
	}
}

// cut waits until the gateway has ended a connection.
func (g *running) cut(t *testing.T) {
	t.Helper()
	eventually(t, "the client is ended", func() bool { return len(g.log.ended()) > 0 })
}

func TestRealClientsAreToldOfAShutdown(t *testing.T) {
	toldOfAShutdown(t, "websocket", runWebSocket(t, websocket.CompressionDisabled), func(t *testing.T, g *running, end func()) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c := dialWebSocket(ctx, t, g, nil)
		end()
		if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
			t.Errorf("the client says %v", err)
		}
	})
}

func TestPahoIsToldOfAShutdown(t *testing.T) {
	server, _ := runMosquitto(t, "")
	toldOfAShutdown(t, "mqtt", server, func(t *testing.T, g *running, end func()) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		told := make(chan *paho.Disconnect, 1)
		connectMQTT5(ctx, t, g, 60, paho.ClientConfig{OnServerDisconnect: func(d *paho.Disconnect) { told <- d }})
		end()
		select {
		case d := <-told:
			if d.ReasonCode != 0x8b { // Server shutting down
				t.Errorf("Paho says %+v", d)
			}
		case <-ctx.Done():
			t.Error("Paho is told nothing")
		}
	})
}

func TestGoRedisIsToldOfAShutdown(t *testing.T) {
	toldOfAShutdown(t, "resp", runRedis(t).address(), func(t *testing.T, g *running, end func()) {
		client := goredis.NewClient(&goredis.Options{Addr: g.address(), ReadTimeout: patience, MaxRetries: -1})
		conn := client.Conn() // keeps its connection, where the pool would come again
		must(t, conn.Set(t.Context(), "key", "value", 0).Err())
		end()
		g.cut(t)
		if err := conn.Get(t.Context(), "key").Err(); err == nil || !strings.Contains(err.Error(), "server is shutting down") {
			t.Errorf("go-redis says %v", err)
		}
		must(t, conn.Close())
		must(t, client.Close())
	})
}

func TestNATSClientIsToldOfAShutdown(t *testing.T) {
	toldOfAShutdown(t, "nats", runNATS(t), func(t *testing.T, g *running, end func()) {
		told := make(chan error, 1)
		client, err := nats.Connect("nats://"+g.address(), nats.NoReconnect(), nats.ClosedHandler(func(c *nats.Conn) { told <- c.LastError() }))
		must(t, err)
		defer client.Close()
		end()
		select {
		case err := <-told:
			if !errors.Is(err, nats.ErrStaleConnection) {
				t.Errorf("nats.go says %v", err)
			}
		case <-time.After(patience):
			t.Error("nats.go is told nothing")
		}
	})
}

func TestGomemcacheIsToldOfAShutdown(t *testing.T) {
	toldOfAShutdown(t, "memcached", runMemcached(t), func(t *testing.T, g *running, end func()) {
		client := memcache.New(g.address())
		client.Timeout = patience
		must(t, client.Set(&memcache.Item{Key: "key", Value: []byte("value")}))
		end()
		g.cut(t)
		if _, err := client.Get("key"); err == nil || !strings.Contains(err.Error(), "shutting down") {
			t.Errorf("gomemcache says %v", err)
		}
	})
}

func amqpShutdown(t *testing.T, g *running, end func()) {
	conn, err := amqp.Dial("amqp://guest:guest@" + g.address() + "/")
	must(t, err)
	told := conn.NotifyClose(make(chan *amqp.Error, 1))
	end()
	if failure := <-told; failure == nil || failure.Code != amqp.ConnectionForced || failure.Reason != "shutdown" || !failure.Server {
		t.Errorf("amqp091-go says %v", failure)
	}
}

func stompShutdown(t *testing.T, g *running, end func()) {
	needsStomp(t)
	client := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", stompListener, g.port())
	var output lockedBuffer
	client.Stdout, client.Stderr = &output, &output
	must(t, client.Start())
	eventually(t, "it has sent a heartbeat", func() bool { return g.route("r").Heartbeats[0] > 0 })
	end()
	if err := client.Wait(); err != nil || !strings.Contains(output.String(), "error: shutdown") {
		t.Errorf("the client says %v, %s", err, output.String())
	}
}

func mysqlShutdown(t *testing.T, g *running, end func()) {
	db, err := sql.Open("mysql", "u:p@tcp("+g.address()+")/?checkConnLiveness=false")
	must(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	end()
	g.cut(t)
	if _, err := conn.ExecContext(t.Context(), "select 1"); err == nil || !strings.Contains(err.Error(), "1053") {
		t.Errorf("the driver says %v", err)
	}
}
