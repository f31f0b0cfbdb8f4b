package protocol

import (
	"strings"
	"testing"
)

const (
	wsUpgrade = "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhl\r\n\r\n"
	wsGrant   = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: s3pP\r\n\r\n"
)

// masked returns a client's frame.
func masked(first byte, payload string) string {
	const key = "\x01\x02\x03\x04"
	b := []byte(payload)
	for i := range b {
		b[i] ^= key[i%4]
	}
	head := []byte{first, byte(len(b)) | 0x80}
	if len(b) > wsControlMax {
		head = []byte{first, 126 | 0x80, byte(len(b) >> 8), byte(len(b))}
	}
	return string(head) + key + string(b)
}

func TestWebSocket(t *testing.T) {
	open := conversation{client(wsUpgrade), upstream(wsGrant)}
	up := [2]string{"message of 97\n", "message of 105\n"}
	passed := func(c, u string) [2][]byte { return [2][]byte{[]byte(wsUpgrade + c), []byte(wsGrant + u)} }
	converseNamed(t, NewWebSocket, []namedRow{
		{"messages in one frame and in several, control frames between", Options{},
			append(open, client(masked(0x81, "hello")+masked(0x01, "a")+masked(0x89, "p")+masked(0x00, "")+masked(0x80, strings.Repeat("b", 200))),
				upstream("\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x03abc\x8a\x01p\xc1\x00")),
			transcript{Events: [2]string{
				up[0] + "message of 11\nheartbeat of 14\nmessage of 214\n", up[1] + "message of 13\nheartbeat of 3\nmessage of 2\n"}}},
		{"a ping is answered with its payload", Options{Answer: true},
			append(open, client(masked(0x89, "12345")+masked(0x89, "")), upstream("\x01\x01a"), client(masked(0x89, "x"))),
			transcript{
				Events:  [2]string{up[0] + "answer of 11\nanswer of 6\nheartbeat of 7\n", up[1]},
				Passed:  passed(masked(0x89, "x"), "\x01\x01a"),
				Answers: []byte("\x8a\x0512345\x8a\x00"),
			}},
		{"only the pong for the gateway's own ping is swallowed, and once", Options{},
			append(open, client(masked(0x8a, "idlegate asks 0001")), probe(client(masked(0x8a, "other")+masked(0x8a, "idlegate asks 0001")+masked(0x8a, "idlegate asks 0001")+masked(0x8a, "idlegate asks 0002")))),
			transcript{
				Events:  [2]string{up[0] + "heartbeat of 24\nheartbeat of 11\nprobe answer of 24\nheartbeat of 24\nheartbeat of 24\n", up[1]},
				Passed:  passed(masked(0x8a, "idlegate asks 0001")+masked(0x8a, "other")+masked(0x8a, "idlegate asks 0001")+masked(0x8a, "idlegate asks 0002"), ""),
				Answers: []byte("\x89\x12idlegate asks 0001"),
			}},
		{"late pongs for several pings are swallowed, each once, in any order", Options{},
			append(open, probe(client(masked(0x82, "a"))), probe(client(masked(0x82, "b"))),
				probe(client(masked(0x8a, "idlegate asks 0002")+masked(0x8a, "idlegate asks 0003")+masked(0x8a, "idlegate asks 0001")+masked(0x8a, "idlegate asks 0002")+masked(0x8a, "")))),
			transcript{
				Events: [2]string{up[0] + "message of 7\nmessage of 7\nprobe answer of 24\nprobe answer of 24\nprobe answer of 24\nheartbeat of 24\nheartbeat of 6\n", up[1]},
				Passed: passed(masked(0x82, "a")+masked(0x82, "b")+masked(0x8a, "idlegate asks 0002")+masked(0x8a, ""), ""), Answers: []byte(
					"\x89\x12idlegate asks 0001\x89\x12idlegate asks 0002\x89\x12idlegate asks 0003"),
			}},
		{"one pong for several pings, and the others later", Options{},
			append(open, probe(client("")), probe(client(masked(0x8a, "idlegate asks 0002"))), probe(client(masked(0x8a, "idlegate asks 0003")+masked(0x8a, "idlegate asks 0001")))),
			transcript{
				Events:  [2]string{up[0] + "probe answer of 24\nprobe answer of 24\nprobe answer of 24\n", up[1]},
				Passed:  passed("", ""),
				Answers: []byte("\x89\x12idlegate asks 0001\x89\x12idlegate asks 0002\x89\x12idlegate asks 0003"),
			}},
		{"interim responses come before the one that grants the upgrade", Options{},
			conversation{client(wsUpgrade), upstream("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + wsGrant + "\x81\x01a")},
			transcript{Events: [2]string{up[0], "message of 25\nmessage of 40\n" + up[1] + "message of 3\n"}}},
		{"after an interim response the response is owed", Options{},
			conversation{client(wsUpgrade), upstream("HTTP/1.1 103 Early Hints\r\n\r\n")},
			transcript{Events: [2]string{up[0], "message of 28\n"}, Owed: 1}},
		{"an answer that is no upgrade is not understood", Options{},
			conversation{client(wsUpgrade), upstream("HTTP/1.1 401 No\r\nUpgrade: websocket\r\n\r\nplease"), client("GET")},
			transcript{Events: [2]string{up[0], "message of 39\n"}, Opaque: true}},
		{"an upgrade to something else is not understood", Options{},
			conversation{client(wsUpgrade), upstream("HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\n\r\n\x00")},
			transcript{Events: [2]string{up[0], "message of 34\n"}, Opaque: true}},
		{"the response is owed", Options{}, conversation{client(wsUpgrade)}, transcript{Events: [2]string{up[0], ""}, Owed: 1}},
	})
	broken := func(name string, fault Fault, from Direction, frames string) brokenRow {
		return brokenRow{name, Options{Limit: 1000}, append(open[:2:2], turn{from: from, bytes: []byte(frames)}), fault}
	}
	breakNamed(t, NewWebSocket, []brokenRow{
		{"another method", Options{}, conversation{client("GEX")}, FaultWebSocketRequest},
		{"a request without end", Options{Limit: 100}, conversation{client("GET " + strings.Repeat("x", 97))}, FaultWebSocketSize},
		{"a server that speaks first", Options{}, conversation{upstream("x")}, FaultWebSocketResponse},
		{"a server that speaks no HTTP", Options{}, conversation{client(wsUpgrade), upstream("HTTP/2")}, FaultWebSocketResponse},
		{"interim responses without end", Options{},
			conversation{client(wsUpgrade), upstream(strings.Repeat("HTTP/1.1 103 \r\n\r\n", wsHTTPSize/17) + "HT")}, FaultWebSocketInterim},
		{"a response larger than the limit", Options{Limit: 110},
			conversation{client(wsUpgrade), upstream("HTTP/1.1 103 \r\n\r\nHTTP/1.1 101 " + strings.Repeat("x", 98))}, FaultTooLarge},
		{"frames before the upgrade", Options{}, conversation{client(wsUpgrade + "\x81")}, FaultWebSocketEarly},
		broken("a reserved bit", FaultWebSocketReserved, FromClient, "\xa1"),
		broken("a reserved opcode", FaultWebSocketOpcode, FromClient, "\x83"),
		broken("a ping in fragments", FaultWebSocketControl, FromClient, "\x09"),
		broken("a long ping", FaultWebSocketControl, FromClient, "\x89\xfe"),
		broken("nothing to continue", FaultWebSocketOrder, FromClient, "\x80"),
		broken("a message inside of another", FaultWebSocketOrder, FromUpstream, "\x01\x01a\x81"),
		broken("a client that does not mask", FaultWebSocketMask, FromClient, "\x81\x01"),
		broken("a server that masks", FaultWebSocketMask, FromUpstream, "\x81\x81"),
		broken("a length with the highest bit", FaultWebSocketLength, FromUpstream, "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"),
		broken("larger than the limit", FaultTooLarge, FromUpstream, "\x81\x7e\x03\xe5"),
		broken("larger in all its frames", FaultTooLarge, FromUpstream, "\x01\x7e\x01\xf4"+strings.Repeat("x", 500)+"\x80\x7e\x01\xed"),
	})
}

func TestWebSocketFarewell(t *testing.T) {
	rule, open := NewWebSocket(Options{}), conversation{client(wsUpgrade), upstream(wsGrant)}
	parts(t, rule, open[:1], TimedOut, "")
	parts(t, rule, open, TimedOut, "\x88\x0e\x03\xe9idle timeout")
	parts(t, rule, open, Draining, "\x88\x11\x03\xf4service restart")
	parts(t, rule, append(open[:2:2], upstream("\x01\x01a")), TimedOut, "")
	parts(t, rule, append(open[:2:2], upstream("\x88\x02\x03\xe8")), TimedOut, "")
}

func FuzzWebSocket(f *testing.F) {
	fuzzNamed(f, NewWebSocket(Options{Limit: 300, Answer: true}),
		conversation{client(wsUpgrade), upstream(wsGrant), client(masked(0x89, "12345") + masked(0x01, "a") + masked(0x80, "b")), upstream("\x82\x03abc")})
}

func BenchmarkWebSocket(b *testing.B) {
	benchNamed(b, NewWebSocket(Options{}), conversation{client(wsUpgrade), upstream(wsGrant)}, masked(0x81, strings.Repeat("x", 64)), "\x81\x40"+strings.Repeat("x", 64))
}

// TestWebSocketPongsHoweverLate asks 70,000 times before the first pong, which is more than numbers there are.
func TestWebSocketPongsHoweverLate(t *testing.T) {
	rule, v := NewWebSocket(Options{}), &converser{}
	v.rule = rule
	say := func(turn turn) {
		if err := v.read(turn.from, turn.bytes); err != nil || v.broken {
			t.Fatal(err, v.got)
		}
	}
	say(client(wsUpgrade))
	say(upstream(wsGrant))
	v.got = transcript{}
	var pings [][]byte
	for range 70_000 {
		pings = append(pings, rule.(Prober).Probe(&v.dialogue, nil))
	}
	for _, at := range []int{1000, 69_990, 69_999, 40_000, 69_990, 1000} {
		say(client(masked(0x8a, string(pings[at][2:]))))
	}
	want := strings.Repeat("probe answer of 24\n", 4) + "heartbeat of 24\nprobe answer of 24\n"
	if v.got.Events[FromClient] != want {
		t.Errorf("got\n%swant\n%s", v.got.Events[FromClient], want)
	}
}
