package protocol

import "testing"

const (
	amqpHello = "AMQP\x00\x00\x09\x01"
	amqpOffer = "\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x1e\x07\xff\x00\x02\x00\x00\x00\x3c\xce"
	amqpOk    = "\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x1f\x07\xff\x00\x02\x00\x00\x00\x0a\xce"
	amqpBeat  = "\x08\x00\x00\x00\x00\x00\x00\xce"
)

func TestAMQP(t *testing.T) {
	converseNamed(t, NewAMQP, []namedRow{
		{"twice the heartbeat of Tune-Ok", Options{},
			conversation{client(amqpHello), upstream(amqpOffer), client(amqpOk + amqpBeat), upstream(amqpBeat + "\x03\x00\x01\x00\x00\x00\x03abc\xce")},
			transcript{Events: [2]string{"message of 8\nmessage of 20\nheartbeat of 8\n", "message of 20\nheartbeat of 8\nmessage of 11\n"}, Keepalive: 20_000}},
		{"another version is not understood", Options{},
			conversation{client("AMQP\x03\x01\x00\x00\x00\x00\x00\x21"), upstream("AMQP\x03\x01\x00\x00")},
			transcript{Events: [2]string{"message of 8\n"}, Opaque: true}},
		{"a server that refuses", Options{},
			conversation{client(amqpHello), upstream("AMQP\x00\x00\x08\x00")},
			transcript{Events: [2]string{"message of 8\n", "message of 8\n"}}},
	})
	breakNamed(t, NewAMQP, []brokenRow{
		{"no protocol header", Options{}, conversation{client("AMX")}, FaultAMQPMagic},
		{"a type that is not", Options{}, conversation{client(amqpHello), upstream("\x04")}, FaultAMQPType},
		{"a heartbeat with a payload", Options{}, conversation{client(amqpHello + "\x08\x00\x00\x00\x00\x00\x01")}, FaultAMQPHeartbeat},
		{"a heartbeat on a channel", Options{}, conversation{client(amqpHello + "\x08\x00\x01\x00\x00\x00\x00")}, FaultAMQPHeartbeat},
		{"no end", Options{}, conversation{client(amqpHello + "\x02\x00\x01\x00\x00\x00\x01x\xcd")}, FaultAMQPEnd},
		{"larger than the limit", Options{Limit: 100}, conversation{client(amqpHello + "\x02\x00\x01\x00\x00\x00\x5d")}, FaultTooLarge},
	})
}

func TestAMQPFarewell(t *testing.T) {
	rule := NewAMQP(Options{})
	parts(t, rule, conversation{client(amqpHello), upstream(amqpOffer)}, TimedOut, "")
	parts(t, rule, conversation{client(amqpHello), upstream(amqpOffer), client(amqpOk), upstream("\x01")}, TimedOut, "")
	parts(t, rule, conversation{client(amqpHello), upstream(amqpOffer), client(amqpOk)}, TimedOut,
		"\x01\x00\x00\x00\x00\x00\x17\x00\x0a\x00\x32\x01\x40\x0cidle timeout\x00\x00\x00\x00\xce")
	parts(t, rule, conversation{client(amqpHello), upstream(amqpOffer), client(amqpOk)}, Draining,
		"\x01\x00\x00\x00\x00\x00\x13\x00\x0a\x00\x32\x01\x40\x08shutdown\x00\x00\x00\x00\xce")
}

func FuzzAMQP(f *testing.F) {
	fuzzNamed(f, NewAMQP(Options{Limit: 200}),
		conversation{client(amqpHello), upstream(amqpOffer), client(amqpOk + amqpBeat), upstream(amqpBeat)},
		conversation{client("AMQP\x03\x01\x00\x00\x00\x00\x00\x21"), upstream("AMQP\x03\x01\x00\x00")})
}

func BenchmarkAMQP(b *testing.B) {
	benchNamed(b, NewAMQP(Options{}), conversation{client(amqpHello), upstream(amqpOffer)}, amqpOk, amqpBeat)
}
