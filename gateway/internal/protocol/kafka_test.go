package protocol

import (
	"encoding/binary"
	"strings"
	"testing"
)

// kafkaFrame puts a size before a message.
func kafkaFrame(body string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body
}

const kafkaClient = "\x00\x07librdka" // a client id

func produce(version byte, txn, acks string) string {
	tags := ""
	if version >= 9 {
		tags = "\x02\x01\x03abc\x05\x00"
	}
	return kafkaFrame("\x00\x00\x00" + string(version) + "\x00\x00\x00\x01" + kafkaClient + tags + txn + acks + strings.Repeat("r", 40))
}

var (
	apiVersions   = kafkaFrame("\x00\x12\x00\x03\x00\x00\x00\x02" + kafkaClient + "\x00\x04name\x02v\x00")
	kafkaReply    = kafkaFrame("\x00\x00\x00\x01data")
	saslHandshake = kafkaFrame("\x00\x11\x00\x00\x00\x00\x00\x03" + kafkaClient + "\x00\x05PLAIN")
)

func TestKafka(t *testing.T) {
	converseNamed(t, NewKafka, []namedRow{
		{"requests are answered in order", Options{},
			conversation{client(apiVersions + apiVersions), upstream(kafkaReply)},
			transcript{Events: [2]string{"message of 30\nmessage of 30\n", "message of 12\n"}, Owed: 1}},
		{"a Produce with acks is answered", Options{},
			conversation{client(produce(2, "", "\x00\x01") + produce(3, "\xff\xff", "\xff\xff") + produce(9, "\x04txn", "\x00\x01"))},
			transcript{Events: [2]string{"message of 63\nmessage of 65\nmessage of 75\n"}, Owed: 3}},
		{"a Produce without acks is not", Options{},
			conversation{client(produce(2, "", "\x00\x00") + produce(3, "\x00\x03txn", "\x00\x00") + produce(9, "\x00", "\x00\x00"))},
			transcript{Events: [2]string{"message of 63\nmessage of 68\nmessage of 72\n"}}},
		{"after SaslHandshake 0 nothing is paired", Options{},
			conversation{client(saslHandshake), upstream(kafkaReply), client(kafkaFrame("tok")), upstream(kafkaFrame(""))},
			transcript{Events: [2]string{"message of 28\nmessage of 7\n", "message of 12\nmessage of 4\n"}}},
	})
	breakNamed(t, NewKafka, []brokenRow{
		{"a negative size", Options{}, conversation{client("\x80")}, FaultKafkaSize},
		{"less than a header", Options{}, conversation{client("\x00\x00\x00\x07")}, FaultKafkaSize},
		{"a response without correlation", Options{}, conversation{upstream("\x00\x00\x00\x03")}, FaultKafkaSize},
		{"larger than the limit", Options{Limit: 100}, conversation{client("\x00\x00\x00\x61")}, FaultTooLarge},
	})
}

func FuzzKafka(f *testing.F) {
	fuzzNamed(f, NewKafka(Options{Limit: 4096}),
		conversation{client(apiVersions + produce(9, "\x04txn", "\x00\x00")), upstream(kafkaReply)},
		conversation{client(produce(3, "\x00\x03txn", "\x00\x01")), upstream(kafkaReply), client(saslHandshake)})
}

func BenchmarkKafka(b *testing.B) {
	benchNamed(b, NewKafka(Options{}), nil, produce(9, "\x00", "\x00\x01"), kafkaReply)
}
