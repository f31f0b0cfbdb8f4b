package gateway

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/internal/protocol"
	"idlegate/policy"
)

// said is what one side says in a conversation.
type said struct {
	from  protocol.Direction
	bytes string
}

func client(b string) said { return said{protocol.FromClient, b} }
func server(b string) said { return said{protocol.FromUpstream, b} }

// protocolRow is what the reference says of a protocol, cell by cell, and what shows that it is so.
type protocolRow struct {
	cells string // heartbeat | answered | negotiated | probe | owed | farewell

	opens      []said        // until both sides have what they need
	heartbeats []said        // each a whole one
	answered   [2]string     // a heartbeat after opens, and the gateway's answer
	keepalive  time.Duration // agreed by opens
	asks       string        // the question of a probe after opens
	owes       [2]string     // a request after opens, and its reply
	farewells  [3]string     // after opens, by parting; where one is only a part of it, it ends with …
}

const framedCells = "`heartbeat.match` and `answer` of the route | yes | - | `heartbeat.match`, or `probe.send` | no | bytes"

func framedRow(message func(string) string) protocolRow {
	return protocolRow{cells: framedCells, heartbeats: []said{client(message("ping")), server(message("pong"))}, answered: [2]string{message("ping"), message("pong")}, asks: message("ping")}
}

// mysqlPacket is one packet of MySQL.
func mysqlPacket(sequence byte, body string) string {
	return string([]byte{byte(len(body)), 0, 0, sequence}) + body
}

// amqpFrame is a frame of AMQP on channel 0.
func amqpFrame(kind byte, body string) string {
	return string([]byte{kind, 0, 0}) + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body + "\xce"
}

func fixMessage(body string) string {
	return fmt.Sprintf("8=FIX.4.4\x019=%d\x01%s10=000\x01", len(body), body)
}

func protocolRows() map[string]protocolRow {
	kafka := "\x00\x00\x00\x0e\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff\x00\x00\x00\x00"
	mysqlGreeting := "\x0a8.0.30\x00\x01\x00\x00\x00abcdefgh\x00\x00\x82\x21\x02\x00\x08\x00\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00abcdefghijkl\x00mysql_native_password\x00"
	mysqlResponse := "\x00\x82\x08\x00\x00\x00\x00\x01\x21" + strings.Repeat("\x00", 23) + "me\x00\x00"
	mysqlOK := "\x00\x00\x00\x02\x00\x00\x00"
	return map[string]protocolRow{
		"raw":          {cells: "- | no | - | - | no | bytes"},
		"length_field": framedRow(func(body string) string { return string(rune(len(body))) + body }),
		"delimiter":    framedRow(func(body string) string { return body + "\n" }),
		"fixed":        framedRow(func(body string) string { return body }),
		"varint":       framedRow(func(body string) string { return string(rune(len(body))) + body }),
		"resp": {
			cells:      "PING, and what replies to it | yes | - | - | yes | `-ERR idle timeout`; `-ERR server is shutting down`",
			opens:      []said{client("*1\r\n$4\r\nTIME\r\n"), server("+now\r\n")},
			heartbeats: []said{client("*1\r\n$4\r\nPING\r\n"), server("+PONG\r\n")},
			answered:   [2]string{"*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
			owes:       [2]string{"*1\r\n$4\r\nTIME\r\n", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"},
			farewells:  [3]string{"-ERR idle timeout\r\n", "-ERR server is shutting down\r\n", "-ERR idle timeout\r\n"},
		},
		"mqtt": {
			cells:      "PINGREQ, PINGRESP | yes | CONNECT, CONNACK of MQTT 5; × 1.5 | - | no | in MQTT 5 DISCONNECT, 8D; 8B",
			opens:      []said{client("\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01c"), server("\x20\x06\x00\x00\x03\x13\x00\x14")},
			heartbeats: []said{client("\xc0\x00"), server("\xd0\x00")},
			keepalive:  30 * time.Second,
			farewells:  [3]string{"\xe0\x02\x8d\x00", "\xe0\x02\x8b\x00", "\xe0\x02\x8d\x00"},
		},
		"postgres": {
			cells:     "- | no: it has no heartbeats | - | - | yes | FATAL, 57P05; 57P01; 25P03",
			opens:     []said{client("\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00"), server("R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I")},
			owes:      [2]string{"Q\x00\x00\x00\x06x\x00", "C\x00\x00\x00\x05\x00Z\x00\x00\x00\x05I"},
			farewells: [3]string{"E…SFATAL\x00VFATAL\x00C57P05\x00…", "E…C57P01\x00…", "E…C25P03\x00…"},
		},
		"mysql": {
			cells:      "COM_PING, and what replies to it | no: its packets are numbered | - | - | yes | ERR, 4031; 1053",
			opens:      []said{server(mysqlPacket(0, mysqlGreeting)), client(mysqlPacket(1, mysqlResponse)), server(mysqlPacket(2, mysqlOK))},
			heartbeats: []said{client(mysqlPacket(0, "\x0e")), server(mysqlPacket(1, mysqlOK))},
			owes:       [2]string{mysqlPacket(0, "\x02db"), mysqlPacket(1, mysqlOK)},
			farewells:  [3]string{"…\xff\xbf\x0f#HY000…", "…\xff\x1d\x04#08S01…", "…\xff\xbf\x0f#HY000…"},
		},
		"websocket": {
			cells:      "ping, pong | yes | - | ping | no | Close, 1001; 1012",
			opens:      []said{client("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")},
			heartbeats: []said{client("\x89\x80mask"), server("\x89\x00"), client("\x8a\x80mask"), server("\x8a\x00")},
			answered:   [2]string{"\x89\x80mask", "\x8a\x00"},
			asks:       "\x89…",
			farewells:  [3]string{"\x88…\x03\xe9…", "\x88…\x03\xf4…", "\x88…\x03\xe9…"},
		},
		"amqp": {
			cells: "frames of type 8 | no: each side watches the other, and would end it | Tune-Ok; × 2 | - | no | Connection.Close, 320",
			opens: []said{
				client("AMQP\x00\x00\x09\x01"), server(amqpFrame(1, "\x00\x0a\x00\x1e\x00\x00\x00\x02\x00\x00\x00\x3c")),
				client(amqpFrame(1, "\x00\x0a\x00\x1f\x00\x00\x00\x02\x00\x00\x00\x3c")),
			},
			heartbeats: []said{client("\x08\x00\x00\x00\x00\x00\x00\xce"), server("\x08\x00\x00\x00\x00\x00\x00\xce")},
			keepalive:  120 * time.Second,
			farewells:  [3]string{"\x01…\x00\x0a\x00\x32\x01\x40…\xce", "\x01…\x00\x0a\x00\x32\x01\x40…\xce", "\x01…\x00\x0a\x00\x32\x01\x40…\xce"},
		},
		"stomp": {
			cells:      "a line end between two frames | no: each side watches the other, and would end it | `heart-beat`; × 2 | - | no | ERROR",
			opens:      []said{client("CONNECT\nheart-beat:1000,0\n\n\x00"), server("CONNECTED\nheart-beat:0,3000\n\n\x00")},
			heartbeats: []said{client("\n"), server("\n")},
			keepalive:  6 * time.Second,
			farewells:  [3]string{"ERROR\n…\x00", "ERROR\n…\x00", "ERROR\n…\x00"},
		},
		"fix": {
			cells:      "35=0, 35=1 | no: its messages are numbered | Logon, 108; × 2.4 | - | no | bytes",
			opens:      []said{client(fixMessage("35=A\x01108=30\x01"))},
			heartbeats: []said{client(fixMessage("35=0\x01")), server(fixMessage("35=1\x01"))},
			keepalive:  72 * time.Second,
		},
		"nats": {
			cells:      "PING, PONG | yes | - | PING | no | `-ERR 'Stale Connection'`",
			opens:      []said{server("INFO {}\r\n")},
			heartbeats: []said{client("PING\r\n"), server("PONG\r\n"), server("PING\r\n"), client("PONG\r\n")},
			answered:   [2]string{"PING\r\n", "PONG\r\n"},
			asks:       "PING\r\n",
			farewells:  [3]string{"-ERR 'Stale Connection'\r\n", "-ERR 'Stale Connection'\r\n", "-ERR 'Stale Connection'\r\n"},
		},
		"memcached": {
			cells:      "`mn`, binary no-op, and what replies to them | yes | - | - | yes | in text `SERVER_ERROR`",
			opens:      []said{client("get a\r\n"), server("END\r\n")},
			heartbeats: []said{client("mn\r\n"), server("MN\r\n")},
			answered:   [2]string{"mn\r\n", "MN\r\n"},
			owes:       [2]string{"get a\r\n", "VALUE a 0 1\r\nb\r\nEND\r\n"},
			farewells:  [3]string{"SERVER_ERROR idle timeout\r\n", "SERVER_ERROR shutting down\r\n", "SERVER_ERROR idle timeout\r\n"},
		},
		"kafka": {
			cells: "- | no: it has no heartbeats | - | - | yes | bytes",
			owes:  [2]string{kafka, "\x00\x00\x00\x06\x00\x00\x00\x07ab"},
		},
		"modbus": {
			cells: "- | no: it has no heartbeats | - | - | yes | bytes",
			owes:  [2]string{"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01", "\x00\x01\x00\x00\x00\x05\x01\x03\x02\x00\x2a"},
		},
	}
}

// TestTheTableOfProtocolsIsTrue holds each line of the table in the reference to what the protocol does.
func TestTheTableOfProtocolsIsTrue(t *testing.T) {
	rows := protocolRows()
	for line := range strings.Lines(policy.Reference()["protocols"]) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		name := strings.Trim(strings.SplitN(cells[0], ",", 2)[0], "`{:. }")
		row, known := rows[name]
		switch {
		case name == "protocol" || name == "---":
			continue
		case !known:
			t.Errorf("nothing here shows that the line of %s is true", name)
			continue
		}
		delete(rows, name)
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(cells[2:], " | "); got != row.cells {
				t.Errorf("the reference says %s, want %s", got, row.cells)
			}
			row.hold(t, name)
		})
	}
	for name := range rows {
		t.Errorf("the reference has no line of %s", name)
	}
}

// hold shows that a row is true.
func (row protocolRow) hold(t *testing.T, name string) {
	known := knownProtocol(t, name)
	forwarding, answering := known.of(policy.HeartbeatForward), known.of(policy.HeartbeatAnswer)
	traits := traitsOf(name)
	d := row.opened(t, forwarding)
	if got := d.Keepalive(); got != row.keepalive || traits.Negotiates != (got > 0) {
		t.Errorf("a keepalive of %v was agreed, want %v", got, row.keepalive)
	}
	for _, beat := range row.heartbeats {
		if event := say(t, forwarding, d, beat); event != protocol.Heartbeat {
			t.Errorf("%q is a %v", beat.bytes, event)
		}
	}
	if traits.Heartbeats != (len(row.heartbeats) > 0) {
		t.Errorf("its heartbeats: %v", traits.Heartbeats)
	}
	if row.answered[0] != "" {
		if event := say(t, answering, row.opened(t, answering), client(row.answered[0])); event != protocol.Answer {
			t.Errorf("%q is a %v where the gateway answers", row.answered[0], event)
		}
		if got := answering.(protocol.Answerer).Answer(nil, []byte(row.answered[0])); string(got) != row.answered[1] {
			t.Errorf("it answers %q", got)
		}
	}
	row.holdProbe(t, forwarding, traits)
	row.holdOwed(t, forwarding, traits)
	row.holdFarewell(t, forwarding, traits)
}

func (row protocolRow) holdProbe(t *testing.T, rule protocol.Protocol, traits policy.Traits) {
	prober, ok := rule.(protocol.Prober)
	if !traits.Probeable {
		if ok && protocol.Asks(rule) {
			t.Error("it can be asked")
		}
		return
	}
	if got := prober.Probe(row.opened(t, rule), nil); !matches(string(got), row.asks) {
		t.Errorf("the client is asked %q", got)
	}
}

func (row protocolRow) holdOwed(t *testing.T, rule protocol.Protocol, traits policy.Traits) {
	if traits.PairsReplies != (row.owes[0] != "") {
		t.Fatalf("it pairs replies: %v", traits.PairsReplies)
	}
	if !traits.PairsReplies {
		return
	}
	d := row.opened(t, rule)
	if protocol.Owes(rule, d) {
		t.Error("something is owed at first")
	}
	if say(t, rule, d, client(row.owes[0])); !protocol.Owes(rule, d) {
		t.Error("nothing is owed after a request")
	}
	if say(t, rule, d, server(row.owes[1])); protocol.Owes(rule, d) {
		t.Error("something is owed after the reply")
	}
}

func (row protocolRow) holdFarewell(t *testing.T, rule protocol.Protocol, traits policy.Traits) {
	of, ok := rule.(protocol.Farewell)
	if ok != traits.Farewell || ok != (row.farewells[0] != "") {
		t.Fatalf("it says goodbye: %v", ok)
	}
	if !ok {
		return
	}
	for why, want := range row.farewells {
		if got := of.Farewell(row.opened(t, rule), protocol.Parting(why), nil); !matches(string(got), want) {
			t.Errorf("its farewell %d is %q, want %q", why, got, want)
		}
	}
}

// matches compares with a text in which … stands for anything.
func matches(got, want string) bool {
	parts := strings.Split(want, "…")
	if !strings.HasPrefix(got, parts[0]) || !strings.HasSuffix(got, parts[len(parts)-1]) {
		return false
	}
	for _, part := range parts {
		i := strings.Index(got, part)
		if i < 0 {
			return false
		}
		got = got[i+len(part):]
	}
	return want != ""
}

// opened returns a conversation in which the opening has been said.
func (row protocolRow) opened(t *testing.T, rule protocol.Protocol) *protocol.Dialogue {
	t.Helper()
	d := new(protocol.Dialogue)
	for _, turn := range row.opens {
		say(t, rule, d, turn)
	}
	return d
}

// say scans whole messages, and returns what the last of them was.
func say(t *testing.T, rule protocol.Protocol, d *protocol.Dialogue, turn said) (last protocol.Event) {
	t.Helper()
	for b := []byte(turn.bytes); len(b) > 0; {
		n, event := rule.Scan(d, turn.from, b)
		if event.Broken() || n == 0 {
			t.Fatalf("%q from the %v is a %v: %v", b, turn.from, event, d.Fault(turn.from))
		}
		b, last = b[n:], event
	}
	return last
}

func knownProtocol(t *testing.T, name string) protocols {
	t.Helper()
	form := name
	if traits := traitsOf(name); !traits.Named && !traits.NoMessages {
		inside := map[string]string{"length_field": "{size: 1}", "delimiter": `{text: "\n"}`, "fixed": "{size: 4}", "varint": "{}"}[name]
		form = "{" + name + ": " + inside + ", heartbeat: {match: {text: ping}, answer: {text: pong}}}"
	}
	cfg := parsed(t, `
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+form+`, upstream: u, policy: {long: {}}}]`)
	known, err := compileProtocols(cfg.Routes[0])
	must(t, err)
	return known
}

func traitsOf(name string) policy.Traits {
	for _, traits := range policy.Protocols() {
		if traits.Name == name {
			return traits
		}
	}
	return policy.Traits{}
}
