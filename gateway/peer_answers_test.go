package gateway_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	packets3 "github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/nats-io/nats.go"
	goredis "github.com/redis/go-redis/v9"
)

// answering is a policy by which the gateway answers heartbeats itself.
const answering = "policy: {long: {heartbeat: answer}}"

// answered wants the gateway to have counted some heartbeats of clients, of which the wire carried none.
func answered(t *testing.T, w *wire, g *running, count decoder, least uint64) {
	t.Helper()
	g.settled(t)
	figures, carried := g.route("r"), w.tally(t, count)
	if figures.Heartbeats[0] < least || carried.heartbeats != [2]uint64{} {
		t.Errorf("%d heartbeats, want %d; the wire carried %d", figures.Heartbeats, least, carried.heartbeats)
	}
	if got, want := figures.Messages[0]-figures.Heartbeats[0], carried.messages[0]; got != want {
		t.Errorf("%d messages beside heartbeats, but the wire carried %d", got, want)
	}
	if figures.Messages[1] != carried.messages[1] {
		t.Errorf("%d messages to clients, but the wire carried %d", figures.Messages[1], carried.messages[1])
	}
}

func TestRedisDoesNotSeeThePINGsThatTheGatewayAnswers(t *testing.T) {
	server := runRedis(t)
	w, g := tapped(t, "resp", server.address(), answering)
	client := goredis.NewClient(&goredis.Options{Addr: g.address(), ReadTimeout: patience})
	must(t, client.Set(t.Context(), "key", "value", 0).Err()) // the server has replied to something
	for range 10 {
		if got, err := client.Ping(t.Context()).Result(); err != nil || got != "PONG" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if got, err := client.Get(t.Context(), "key").Result(); err != nil || got != "value" {
		t.Errorf("%q, %v", got, err)
	}
	must(t, client.Close())
	answered(t, w, g, respValues, 10)
	stats := command(t, "redis-cli", "-s", server.path, "info", "commandstats")
	if strings.Contains(stats, "cmdstat_ping") || !strings.Contains(stats, "cmdstat_set:calls=1") {
		t.Errorf("redis says\n%s", stats)
	}
}

// TestMosquittoDoesNotSeeThePINGREQsThatTheGatewayAnswers has a client whose keepalive is 0, as the broker would end any other.
func TestMosquittoDoesNotSeeThePINGREQsThatTheGatewayAnswers(t *testing.T) {
	server, log := runMosquitto(t, "")
	w, g := tapped(t, "mqtt", server, answering)
	c := g.dial("r")
	connect := packets3.NewControlPacket(packets3.Connect).(*packets3.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion, connect.ClientIdentifier, connect.CleanSession = "MQTT", 4, "pings", true
	must(t, connect.Write(c))
	receive := func(want any) {
		t.Helper()
		got, err := packets3.ReadPacket(c)
		if must(t, err); got.String() == "" || got.Details() != want.(packets3.ControlPacket).Details() {
			t.Errorf("received %v, want %v", got, want)
		}
	}
	receive(packets3.NewControlPacket(packets3.Connack))
	for range 10 {
		must(t, packets3.NewControlPacket(packets3.Pingreq).Write(c))
		receive(packets3.NewControlPacket(packets3.Pingresp))
	}
	must(t, packets3.NewControlPacket(packets3.Disconnect).Write(c))
	c.drained()
	must(t, c.Close())
	answered(t, w, g, mqttPackets, 10)
	text, err := os.ReadFile(log)
	must(t, err)
	if bytes.Contains(text, []byte("Received PINGREQ")) || !bytes.Contains(text, []byte("Received DISCONNECT from pings")) {
		t.Errorf("mosquitto says\n%s", text)
	}
}

func TestAWebSocketServerDoesNotSeeThePingsThatTheGatewayAnswers(t *testing.T) {
	w, g := tapped(t, "websocket", runWebSocket(t, websocket.CompressionDisabled), answering)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := dialWebSocket(ctx, t, g, nil)
	must(t, c.Write(ctx, websocket.MessageText, []byte("hello")))
	_, got, err := c.Read(ctx)
	if err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	ctx = c.CloseRead(ctx)
	for range 10 {
		must(t, c.Ping(ctx)) // waits for a pong with what it has sent
	}
	must(t, c.Close(websocket.StatusNormalClosure, ""))
	answered(t, w, g, wsFrames, 10)
}

// TestNATSDoesNotSeeThePINGsThatTheGatewayAnswers leaves to the server those that ask whether it has taken what came before.
func TestNATSDoesNotSeeThePINGsThatTheGatewayAnswers(t *testing.T) {
	w, g := tapped(t, "nats", runNATS(t), answering)
	client, err := nats.Connect("nats://"+g.address(), nats.PingInterval(20*time.Millisecond), nats.MaxPingsOutstanding(1000), nats.NoReconnect())
	must(t, err)
	eventually(t, "heartbeats are answered", func() bool { return g.route("r").Heartbeats[0] >= 10 })
	if rtt, err := client.RTT(); err != nil {
		t.Errorf("%v, %v", rtt, err)
	}
	client.Close()
	g.settled(t)
	if got, carried := g.route("r").Heartbeats, w.tally(t, natsMessages).heartbeats; got[0] < 10 || carried != [2]uint64{1, 1} {
		t.Errorf("%d heartbeats, the wire carried %d, want only the first of CONNECT", got, carried)
	}
}
