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
		{"only the pong for the gateway's own ping is swallowed", Options{},
			append(open, probe(client(masked(0x8a, "other")+masked(0x8a, wsProbe)+masked(0x8a, wsProbe)))),
			transcript{
				Events:  [2]string{up[0] + "heartbeat of 11\nprobe answer of 24\nheartbeat of 24\n", up[1]},
				Passed:  passed(masked(0x8a, "other")+masked(0x8a, wsProbe), ""),
				Answers: []byte("\x89\x12" + wsProbe),
			}},
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
