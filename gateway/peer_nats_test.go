package gateway_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// natsMessages counts lines, each with the payload that it announces. PING and PONG are heartbeats.
func natsMessages(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		for ; len(b) > 0; n.messages[from]++ {
			line, rest, _ := bytes.Cut(b, []byte("\r\n"))
			words := strings.Fields(string(line))
			switch words[0] {
			case "PUB", "HPUB", "MSG", "HMSG":
				size, err := strconv.Atoi(words[len(words)-1])
				must(t, err)
				rest = rest[size+2:]
			case "PING", "PONG":
				n.heartbeats[from]++
			}
			b = rest
		}
	}
	return n
}

func TestNATSClientThroughTheGateway(t *testing.T) {
	server := runNATS(t)
	for name, sizes := range map[string][]int{"small": {0, 10, 100}, "large": {1000, 500_000}} {
		t.Run(name, func(t *testing.T) {
			w, g := tapped(t, "nats", server, "")
			natsExchange(t, g, sizes)
			w.agrees(t, g, natsMessages)
			if name == "small" {
				w.capture(t, "nats_client", "nats-server and nats.go: requests, replies, headers, heartbeats", natsMessages, nil)
			}
		})
	}
}

// natsExchange asks itself for messages of some sizes, publishes one with headers, and sends heartbeats.
func natsExchange(t *testing.T, g *running, sizes []int) {
	t.Helper()
	client, err := nats.Connect("nats://"+g.address(), nats.PingInterval(100*time.Millisecond), nats.MaxPingsOutstanding(1000), nats.NoReconnect(), nats.Timeout(patience))
	must(t, err)
	_, err = client.Subscribe("ask", func(m *nats.Msg) { _ = m.Respond(append([]byte("re: "), m.Data...)) })
	must(t, err)
	for _, size := range sizes {
		answer, err := client.Request("ask", bytes.Repeat([]byte("\r\n"), size), patience)
		if err != nil || len(answer.Data) != 4+2*size {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	received, err := client.SubscribeSync("headers")
	must(t, err)
	must(t, client.PublishMsg(&nats.Msg{Subject: "headers", Header: nats.Header{"Key": {"value"}}, Data: []byte("data")}))
	if m, err := received.NextMsg(patience); err != nil || m.Header.Get("Key") != "value" {
		t.Errorf("%v, %v", m, err)
	}
	must(t, client.Flush())
	eventually(t, "heartbeats are answered", func() bool { return g.route("r").Heartbeats[1] >= 4 })
	client.Close()
}
