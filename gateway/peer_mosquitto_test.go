package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	packets5 "github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	mqtt "github.com/eclipse/paho.mqtt.golang"
	packets3 "github.com/eclipse/paho.mqtt.golang/packets"
)

// mqttPackets lets Eclipse Paho's clients decode what was said.
func mqttPackets(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	read := mqttRead3
	if level := bytes.Index(said[0], []byte("MQTT")); level >= 0 && level < 8 && said[0][level+4] == 5 {
		read = mqttRead5
	}
	for from, b := range said {
		for r := bytes.NewReader(b); r.Len() > 0; n.messages[from]++ {
			ping, err := read(r)
			must(t, err)
			if ping {
				n.heartbeats[from]++
			}
		}
	}
	return n
}

func mqttRead3(r *bytes.Reader) (ping bool, err error) {
	packet, err := packets3.ReadPacket(r)
	switch packet.(type) {
	case *packets3.PingreqPacket, *packets3.PingrespPacket:
		ping = true
	}
	return ping, err
}

func mqttRead5(r *bytes.Reader) (ping bool, err error) {
	if first, _ := r.ReadByte(); first == 14<<4 && r.Len() == 1 { // Paho does not read a DISCONNECT without a reason
		_, err := r.ReadByte()
		return false, err
	}
	if err := r.UnreadByte(); err != nil {
		return false, err
	}
	packet, err := packets5.ReadPacket(r)
	return err == nil && (packet.Type == packets5.PINGREQ || packet.Type == packets5.PINGRESP), err
}

// runMosquitto starts a broker and returns its socket. Its log says when each client has sent what.
func runMosquitto(t *testing.T, more string) (socket, log string) {
	t.Helper()
	needs(t, "mosquitto", "mosquitto_pub", "mosquitto_sub")
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o777))
	socket, log = filepath.Join(dir, "socket"), filepath.Join(dir, "log")
	config := fmt.Sprintf("listener 0 %s\nallow_anonymous true\nuser root\nlog_type all\nlog_dest file %s\n%s", socket, log, more)
	must(t, os.WriteFile(filepath.Join(dir, "conf"), []byte(config), 0o644))
	launch(t, exec.Command("mosquitto", "-c", filepath.Join(dir, "conf")), listens("unix:"+socket))
	return "unix:" + socket, log
}

// TestMosquittoClientsKeepAlive keeps a subscriber of each version silent until it has sent a PINGREQ, and then receive a
// message.
func TestMosquittoClientsKeepAlive(t *testing.T) {
	server, _ := runMosquitto(t, "")
	w, g := tapped(t, "mqtt", server, "")
	versions := []string{"mqttv31", "mqttv311", "mqttv5"}
	client := func(program, version string, more ...string) *exec.Cmd {
		args := []string{"-h", "127.0.0.1", "-p", g.port(), "-V", version, "-t", "topic/" + version, "-q", "2"}
		return exec.CommandContext(t.Context(), program, append(args, more...)...)
	}
	var subscribers []*exec.Cmd
	var outputs [3]lockedBuffer
	for i, version := range versions {
		subscriber := client("mosquitto_sub", version, "-k", "5", "-C", "1")
		subscriber.Stdout, subscriber.Stderr = &outputs[i], &outputs[i]
		must(t, subscriber.Start())
		subscribers = append(subscribers, subscriber)
	}
	eventually(t, "each has sent a heartbeat, and the broker has answered", func() bool {
		return g.route("r").Heartbeats[0] >= 3 && g.route("r").Heartbeats[1] >= 3
	})
	for i, version := range versions {
		if output, err := client("mosquitto_pub", version, "-m", "hello "+version).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		if err := subscribers[i].Wait(); err != nil || outputs[i].String() != "hello "+version+"\n" {
			t.Errorf("the subscriber of %s says %v, %q", version, err, outputs[i].String())
		}
	}
	if n := w.agrees(t, g, mqttPackets); n.heartbeats[0] != n.heartbeats[1] || n.heartbeats[0] < 3 {
		t.Errorf("%v", n)
	}
	for _, version := range versions {
		w.capture(t, "mqtt_"+strings.TrimPrefix(version, "mqtt"), "mosquitto and mosquitto_sub, "+version, mqttPackets, func(said [2][]byte) bool {
			return bytes.Contains(said[1], []byte("topic/"+version))
		})
	}
}

func TestPahoThroughTheGateway(t *testing.T) {
	server, _ := runMosquitto(t, "")
	sizes := []int{0, 1, 127, 128, 16_383, 16_384, 3_000_000}
	t.Run("3.1.1", func(t *testing.T) {
		w, g := tapped(t, "mqtt", server, "")
		received := make(chan int, len(sizes))
		client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + g.address()).SetClientID("three").SetProtocolVersion(4).
			SetKeepAlive(time.Second).SetPingTimeout(patience).SetAutoReconnect(false))
		done := func(token mqtt.Token) {
			t.Helper()
			if !token.WaitTimeout(patience) || token.Error() != nil {
				t.Fatalf("%T: %v", token, token.Error())
			}
		}
		done(client.Connect())
		done(client.Subscribe("sizes/three", 2, func(_ mqtt.Client, m mqtt.Message) { received <- len(m.Payload()) }))
		for _, size := range sizes {
			done(client.Publish("sizes/three", 2, false, make([]byte, size)))
			if got := <-received; got != size {
				t.Errorf("%d bytes have come of %d", got, size)
			}
		}
		eventually(t, "a heartbeat is answered", func() bool { return g.route("r").Heartbeats[1] > 0 })
		done(client.Unsubscribe("sizes/three"))
		client.Disconnect(100)
		w.agrees(t, g, mqttPackets)
	})
	t.Run("5", func(t *testing.T) {
		w, g := tapped(t, "mqtt", server, "")
		received := make(chan int, len(sizes))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		client := connectMQTT5(ctx, t, g, 1, paho.ClientConfig{OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) {
				received <- len(p.Packet.Payload)
				return true, nil
			},
		}})
		_, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "sizes/five", QoS: 2}}})
		must(t, err)
		for _, size := range sizes {
			alias := uint16(1)
			_, err := client.Publish(ctx, &paho.Publish{Topic: "sizes/five", QoS: 2, Payload: make([]byte, size), Properties: &paho.PublishProperties{
				TopicAlias: &alias, User: paho.UserProperties{{Key: "key", Value: "value"}},
			}})
			must(t, err)
			if got := <-received; got != size {
				t.Errorf("%d bytes have come of %d", got, size)
			}
		}
		eventually(t, "a heartbeat is answered", func() bool { return g.route("r").Heartbeats[1] > 0 })
		must(t, client.Disconnect(&paho.Disconnect{}))
		w.agrees(t, g, mqttPackets)
	})
}

// connectMQTT5 connects a client of MQTT 5.
func connectMQTT5(ctx context.Context, t *testing.T, g *running, keepalive uint16, config paho.ClientConfig) *paho.Client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.address())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	config.Conn = conn
	client := paho.NewClient(config)
	if answer, err := client.Connect(ctx, &paho.Connect{ClientID: "five", KeepAlive: keepalive, CleanStart: true}); err != nil || answer.ReasonCode != 0 {
		t.Fatalf("%+v, %v", answer, err)
	}
	return client
}
