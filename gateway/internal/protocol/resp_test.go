package protocol

import (
	"strconv"
	"strings"
	"testing"
)

// redisRequest returns a request of words.
func redisRequest(words ...string) string {
	request := "*" + strconv.Itoa(len(words)) + "\r\n"
	for _, word := range words {
		request += "$" + strconv.Itoa(len(word)) + "\r\n" + word + "\r\n"
	}
	return request
}

func TestRESP(t *testing.T) {
	get, ping := redisRequest("GET", "key"), redisRequest("PING")
	long := redisRequest("SET", "key", strings.Repeat("v", 300))
	converseNamed(t, NewRESP, []namedRow{
		{"requests and replies of all types", Options{},
			conversation{
				client(get + long + redisRequest("MGET", "a", "", "b") + "set a b\r\nget a\n" + "\r\n*0\r\n"),
				upstream("$3\r\nabc\r\n+OK\r\n*3\r\n$-1\r\n:1\r\n*-1\r\n"),
				upstream("%2\r\n+a\r\n#t\r\n+b\r\n*2\r\n_\r\n,1.5\r\n-ERR no\r\n"),
			},
			transcript{Events: [2]string{
				"message of 22\nmessage of 330\nmessage of 34\nmessage of 9\nmessage of 6\nmessage of 2\nmessage of 4\n",
				"message of 9\nmessage of 5\nmessage of 18\nmessage of 29\nmessage of 9\n"}, Owed: 0}},
		{"what is not answered yet is owed", Options{}, conversation{client(get + get + get), upstream("$0\r\n\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 22\nmessage of 22\n", "message of 6\n"}, Owed: 2}},
		{"attributes belong to the value behind them, pushes to nothing", Options{},
			conversation{client(get), upstream("|1\r\n+ttl\r\n:5\r\n$1\r\nx\r\n>2\r\n+message\r\n+x\r\n"), client(get + redisRequest("SUBSCRIBE", "a"))},
			transcript{Events: [2]string{"message of 22\nmessage of 22\nmessage of 26\n", "message of 21\nmessage of 18\n"}, Owed: 1}},
		{"RESP 2: a subscriber is paired no more", Options{Answer: true},
			conversation{client(get + redisRequest("subscribe", "a")), upstream("$-1\r\n*3\r\n+subscribe\r\n+a\r\n:1\r\n"), client(ping)},
			transcript{Events: [2]string{"message of 22\nmessage of 26\nheartbeat of 14\n", "message of 5\nmessage of 24\n"}}},
		{"RESP 3 shows in the reply to HELLO", Options{},
			conversation{
				client(redisRequest("HELLO", "3")), upstream("%1\r\n+proto\r\n:3\r\n"), client(redisRequest("SUBSCRIBE", "a") + get), upstream(">3\r\n+subscribe\r\n+a\r\n:1\r\n"),
			},
			transcript{Events: [2]string{"message of 22\nmessage of 26\nmessage of 22\n", "message of 16\nmessage of 24\n"}, Owed: 1}},
		{"RESP 3: an error may be the reply to SUBSCRIBE: then nothing is paired", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("SUBSCRIBE", "a") + get), upstream("-NOPERM no\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 26\nmessage of 22\nmessage of 22\n", "message of 4\nmessage of 12\n"}}},
		{"RESP 3: none is once SUBSCRIBE has had its push", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("SUBSCRIBE", "a")), upstream(">3\r\n+subscribe\r\n+a\r\n:1\r\n"), client(get + get), upstream("-WRONGTYPE no\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 26\nmessage of 22\nmessage of 22\n", "message of 4\nmessage of 24\nmessage of 15\n"}, Owed: 1}},
		{"RESP 3: nor where only SUBSCRIBE awaits something", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("SUBSCRIBE", "a")), upstream("-NOPERM no\r\n"), client(get + get), upstream("-WRONGTYPE no\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 26\nmessage of 22\nmessage of 22\n", "message of 4\nmessage of 12\nmessage of 15\n"}, Owed: 1}},
		{"and ends with RESET", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("RESET")), upstream("+RESET\r\n"), client(redisRequest("SUBSCRIBE", "a")), upstream("*3\r\n+subscribe\r\n+a\r\n:1\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 8\nmessage of 24\n"}}},
		{"RESP 3: SUBSCRIBE in MULTI is queued, which is a reply", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("SUBSCRIBE", "a") + redisRequest("GET", "a")), upstream("+QUEUED\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 26\nmessage of 20\n", "message of 4\nmessage of 5\nmessage of 9\n"}, Owed: 1}},
		{"RESP 3: a MULTI that is refused queues nothing", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("-NOPERM no\r\n"), client(redisRequest("SUBSCRIBE", "a")), upstream(">3\r\n+subscribe\r\n+a\r\n:1\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 26\n", "message of 4\nmessage of 12\nmessage of 24\n"}}},
		{"RESP 3: nor does one refused behind other replies", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(get + get + redisRequest("MULTI") + get), upstream("$1\r\nx\r\n-WRONGTYPE no\r\n-NOPERM no\r\n"), client(redisRequest("SUBSCRIBE", "a")), upstream(">3\r\n+subscribe\r\n+a\r\n:1\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 22\nmessage of 22\nmessage of 15\nmessage of 22\nmessage of 26\n", "message of 4\nmessage of 7\nmessage of 15\nmessage of 12\nmessage of 24\n"}, Owed: 1}},
		{"RESP 3: the errors of other requests do not refuse it", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(get + redisRequest("MULTI") + get), upstream("-WRONGTYPE no\r\n+OK\r\n-ERR no\r\n"), client(redisRequest("SUBSCRIBE", "a"))},
			transcript{Events: [2]string{"message of 22\nmessage of 22\nmessage of 15\nmessage of 22\nmessage of 26\n", "message of 4\nmessage of 15\nmessage of 5\nmessage of 9\n"}, Owed: 1}},
		{"RESP 3: a MULTI in MULTI is refused, and the first one stands", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("MULTI")), upstream("-ERR nested\r\n"), client(redisRequest("SUBSCRIBE", "a"))},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 15\nmessage of 26\n", "message of 4\nmessage of 5\nmessage of 13\n"}, Owed: 1}},
		{"RESP 3: SUBSCRIBE before the reply to MULTI is queued if that is granted", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI") + redisRequest("SUBSCRIBE", "a") + get), upstream("+OK\r\n+QUEUED\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 9\n"}, Owed: 1}},
		{"RESP 3: if not, nothing is paired", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI") + redisRequest("SUBSCRIBE", "a") + get), upstream("-NOPERM no\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 26\nmessage of 22\nmessage of 22\n", "message of 4\nmessage of 12\n"}}},
		{"RESP 3: of transactions sent at once the last is followed", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI") + redisRequest("EXEC") + redisRequest("MULTI")), upstream("-NOPERM no\r\n-ERR no\r\n+OK\r\n"), client(redisRequest("SUBSCRIBE", "a"))},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 14\nmessage of 15\nmessage of 26\n", "message of 4\nmessage of 12\nmessage of 9\nmessage of 5\n"}, Owed: 1}},
		{"RESP 3: where the first has a SUBSCRIBE, nothing is paired", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI") + redisRequest("SUBSCRIBE", "a") + redisRequest("EXEC") + redisRequest("MULTI"))},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 26\nmessage of 14\nmessage of 15\n", "message of 4\n"}}},
		{"RESP 3: two MULTI sent at once, the first refused: nothing is paired", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI") + redisRequest("MULTI")), upstream("-LOADING\r\n+OK\r\n"), client(redisRequest("SUBSCRIBE", "a"))},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 15\nmessage of 26\n", "message of 4\nmessage of 10\nmessage of 5\n"}}},
		{"PING is answered once MULTI is refused", Options{Answer: true},
			conversation{client(redisRequest("MULTI")), upstream("-NOPERM no\r\n"), client(ping)},
			transcript{Events: [2]string{"message of 15\nanswer of 14\n", "message of 12\n"},
				Passed:  [2][]byte{[]byte(redisRequest("MULTI")), []byte("-NOPERM no\r\n")},
				Answers: []byte("+PONG\r\n")}},
		{"RESP 3: a DISCARD that is refused leaves the transaction open", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD")), upstream("-NOPERM no\r\n"), client(redisRequest("SUBSCRIBE", "a") + get), upstream("+QUEUED\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 12\nmessage of 9\n"}, Owed: 1}},
		{"RESP 3: so does a RESET", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("RESET", "x")), upstream("-ERR arguments\r\n"), client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("SUBSCRIBE", "a") + get), upstream("+QUEUED\r\n")},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 22\nmessage of 22\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 16\nmessage of 4\nmessage of 9\n"}, Owed: 1}},
		{"RESP 3: an EXEC that is refused ends it", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD", "x")), upstream("-ERR arguments\r\n"), client(redisRequest("EXEC")), upstream("-EXECABORT no\r\n"), client(redisRequest("SUBSCRIBE", "a")), upstream(">3\r\n+subscribe\r\n+a\r\n:1\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 24\nmessage of 14\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 16\nmessage of 15\nmessage of 24\n"}, Owed: 1}},
		{"RESP 3: EXEC ends it, whatever DISCARD before it does", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD") + redisRequest("EXEC")), upstream("-NOPERM no\r\n-EXECABORT no\r\n"), client(redisRequest("SUBSCRIBE", "a")), upstream(">3\r\n+subscribe\r\n+a\r\n:1\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 14\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 12\nmessage of 15\nmessage of 24\n"}, Owed: 1}},
		{"RESP 3: SUBSCRIBE before the reply to DISCARD is not queued if that is granted", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD") + redisRequest("SUBSCRIBE", "a")), upstream("+OK\r\n>3\r\n+subscribe\r\n+a\r\n:1\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 5\nmessage of 24\n"}, Owed: 1}},
		{"RESP 3: if not, nothing is paired either", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD") + redisRequest("SUBSCRIBE", "a")), upstream("-NOPERM no\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 12\n"}}},
		{"RESP 3: a push that comes meanwhile changes nothing about that", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD") + redisRequest("SUBSCRIBE", "a")), upstream(">1\r\n+x\r\n-NOPERM no\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 26\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 8\nmessage of 12\n"}}},
		{"RESP 3: a transaction begun and discarded at once", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI") + redisRequest("DISCARD") + get), upstream("+OK\r\n+OK\r\n"), client(redisRequest("SUBSCRIBE", "a"))},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 22\nmessage of 26\n", "message of 4\nmessage of 5\nmessage of 5\n"}, Owed: 1}},
		{"RESP 3: where one of the two is refused, nothing is paired", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI") + redisRequest("DISCARD") + get), upstream("+OK\r\n-NOPERM no\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 22\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 12\n"}}},
		{"RESP 3: a transaction discarded and the next begun at once", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD") + redisRequest("MULTI")), upstream("+OK\r\n+OK\r\n"), client(redisRequest("SUBSCRIBE", "a"))},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 15\nmessage of 26\n", "message of 4\nmessage of 5\nmessage of 5\nmessage of 5\n"}, Owed: 1}},
		{"RESP 3: where the DISCARD is refused, nothing is paired", Options{},
			conversation{client(redisRequest("HELLO", "3")), upstream("%0\r\n"), client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD") + redisRequest("MULTI")), upstream("-NOPERM no\r\n-ERR nested\r\n"), client(get)},
			transcript{Events: [2]string{"message of 22\nmessage of 15\nmessage of 17\nmessage of 15\nmessage of 22\n", "message of 4\nmessage of 5\nmessage of 12\nmessage of 13\n"}}},
		{"PING is not answered where DISCARD is refused", Options{Answer: true},
			conversation{client(redisRequest("MULTI")), upstream("+OK\r\n"), client(redisRequest("DISCARD")), upstream("-NOPERM no\r\n"), client(ping), upstream("+QUEUED\r\n")},
			transcript{Events: [2]string{"message of 15\nmessage of 17\nheartbeat of 14\n", "message of 5\nmessage of 12\nmessage of 9\n"}}},
		{"CLIENT REPLY, and CLIENT with others", Options{},
			conversation{client(redisRequest("CLIENT", "SETNAME", "x") + redisRequest("client", "reply", "off") + get)},
			transcript{Events: [2]string{"message of 36\nmessage of 36\nmessage of 22\n"}}},
		{"replication is not understood", Options{}, conversation{client(redisRequest("PSYNC", "?", "-1")), upstream("+CONTINUE\r\n\x00")},
			transcript{Events: [2]string{"message of 30\n"}, Opaque: true}},
		{"nor is a value of unknown size", Options{}, conversation{client(get), upstream("*?\r\n:1\r\n.\r\n")},
			transcript{Events: [2]string{"message of 22\n", "message of 4\n"}, Opaque: true}},
		{"PING is answered where nothing is owed, outside of MULTI, once the server has spoken", Options{Answer: true},
			conversation{client(ping), upstream("+PONG\r\n"), client(ping + "ping\r\n" + redisRequest("PING", "x") + ping), upstream("$1\r\nx\r\n+PONG\r\n"),
				client(redisRequest("MULTI") + ping), upstream("+OK\r\n+QUEUED\r\n"), client(ping), upstream("+QUEUED\r\n"), client(redisRequest("EXEC")), upstream("*2\r\n+PONG\r\n+PONG\r\n"), client(ping)},
			transcript{
				Events: [2]string{
					"heartbeat of 14\nanswer of 14\nanswer of 6\nheartbeat of 21\nheartbeat of 14\nmessage of 15\nheartbeat of 14\nheartbeat of 14\nmessage of 14\nanswer of 14\n",
					"heartbeat of 7\nmessage of 7\nheartbeat of 7\nmessage of 5\nmessage of 9\nmessage of 9\nmessage of 18\n"},
				Passed: [2][]byte{
					[]byte(ping + redisRequest("PING", "x") + ping + redisRequest("MULTI") + ping + ping + redisRequest("EXEC")),
					[]byte("+PONG\r\n$1\r\nx\r\n+PONG\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+PONG\r\n+PONG\r\n")},
				Answers: []byte("+PONG\r\n+PONG\r\n+PONG\r\n"),
			}},
	})
	breakNamed(t, NewRESP, []brokenRow{
		{"a request of other values than strings", Options{}, conversation{client("*2\r\n$3\r\nSET\r\n:")}, FaultRESPRequest},
		{"its first word, too", Options{}, conversation{client("*2\r\n:")}, FaultRESPRequest},
		{"no type", Options{}, conversation{upstream("x")}, FaultRESPType},
		{"no number", Options{}, conversation{upstream("$3x\r\n")}, FaultRESPCount},
		{"a negative number", Options{}, conversation{upstream("*-2\r\n")}, FaultRESPCount},
		{"LF alone", Options{}, conversation{upstream("*2\n")}, FaultRESPCount},
		{"an endless number", Options{}, conversation{upstream("$" + strings.Repeat("0", 31))}, FaultRESPCount},
		{"a body that is longer", Options{}, conversation{upstream("$3\r\nabcd")}, FaultRESPBody},
		{"a PING whose body is longer, where the gateway answers", Options{Answer: true},
			conversation{client(redisRequest("GET", "key")), upstream("+OK\r\n"), client("*1\r\n$4\r\nPINGER")}, FaultRESPBody},
		{"a body larger than the limit", Options{Limit: 100}, conversation{upstream("$95\r\n")}, FaultTooLarge},
		{"larger in all its values", Options{Limit: 100}, conversation{upstream("*2\r\n$60\r\n" + strings.Repeat("x", 60) + "\r\n$30\r\n")}, FaultTooLarge},
		{"an inline request larger than the limit", Options{Limit: 10}, conversation{client("get 1234567")}, FaultTooLarge},
	})
}

func TestRESPTooManyValues(t *testing.T) {
	rule := NewRESP(Options{})
	v := &converser{rule: rule}
	if err := v.read(FromUpstream, []byte(strings.Repeat("*999999999\r\n", 3))); err != nil || v.dialogue.Fault(FromUpstream) != FaultRESPCount {
		t.Error(err, v.dialogue.Fault(FromUpstream))
	}
}

func TestRESPInlineWithoutEnd(t *testing.T) {
	for _, next := range []func() int{whole, func() int { return 1000 }, func() int { return MaxAgain }} {
		got, err := converse(NewRESP(Options{}), conversation{client("get " + strings.Repeat("x", MaxAgain) + "\n"), upstream("$-1\r\n")}, false, next)
		if err != nil || got.Events[0] != "message of 16389\n" {
			t.Error(err, got.Events)
		}
	}
}

func TestRESPFarewell(t *testing.T) {
	rule := NewRESP(Options{})
	parts(t, rule, nil, TimedOut, "-ERR idle timeout\r\n")
	parts(t, rule, nil, Draining, "-ERR server is shutting down\r\n")
	parts(t, rule, conversation{client(redisRequest("GET", "a"))}, TimedOut, "")
	parts(t, rule, conversation{client(redisRequest("MONITOR")), upstream("+OK\r\n")}, TimedOut, "")
}

func FuzzRESP(f *testing.F) {
	fuzzNamed(f, NewRESP(Options{Limit: 300, Answer: true}),
		conversation{client(redisRequest("GET", "a") + redisRequest("PING") + "ping\r\n"), upstream("$3\r\nabc\r\n+PONG\r\n*2\r\n:1\r\n%1\r\n+a\r\n#t\r\n"), client(redisRequest("PING") + redisRequest("CLIENT", "REPLY", "OFF"))},
		conversation{client(redisRequest("SUBSCRIBE", "a")), upstream("|1\r\n+ttl\r\n:5\r\n>2\r\n+message\r\n+x\r\n")})
}

func BenchmarkRESP(b *testing.B) {
	benchNamed(b, NewRESP(Options{}), nil, redisRequest("SET", "key", strings.Repeat("x", 30)), "+OK\r\n")
}
