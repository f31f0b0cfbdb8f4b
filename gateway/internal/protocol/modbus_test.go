package protocol

import "testing"

const (
	readHolding  = "\x00\x01\x00\x00\x00\x06\x11\x03\x00\x6b\x00\x03"
	holdingReply = "\x00\x01\x00\x00\x00\x09\x11\x03\x06\xae\x41\x56\x52\x43\x40"
)

func TestModbus(t *testing.T) {
	converseNamed(t, NewModbus, []namedRow{
		{"requests are owed until their replies", Options{},
			conversation{client(modbusAs(1, readHolding) + modbusAs(2, readHolding)), upstream(modbusAs(1, holdingReply)), client(modbusAs(3, readHolding))},
			transcript{Events: [2]string{"message of 12\nmessage of 12\nmessage of 12\n", "message of 15\n"}, Owed: 2}},
		{"a transaction may be used again after its reply", Options{},
			conversation{client(readHolding), upstream(holdingReply), client(readHolding)},
			transcript{Events: [2]string{"message of 12\nmessage of 12\n", "message of 15\n"}, Owed: 1}},
		{"one that is repeated without a reply, as a device is not there: then nothing is paired, or the first would be owed for ever", Options{},
			conversation{client(readHolding + readHolding), upstream(holdingReply), client(readHolding)},
			transcript{Events: [2]string{"message of 12\nmessage of 12\nmessage of 12\n", "message of 15\n"}}},
		{"a late reply to one that was given up", Options{},
			conversation{client(modbusAs(1, readHolding) + modbusAs(2, readHolding)), upstream(modbusAs(2, holdingReply) + modbusAs(1, holdingReply)), client(modbusAs(3, readHolding))},
			transcript{Events: [2]string{"message of 12\nmessage of 12\nmessage of 12\n", "message of 15\nmessage of 15\n"}, Owed: 1}},
		{"a reply ends the wait for those before it that have none", Options{},
			conversation{client(modbusAs(1, readHolding) + modbusAs(2, readHolding) + modbusAs(3, readHolding)), upstream(modbusAs(3, holdingReply))},
			transcript{Events: [2]string{"message of 12\nmessage of 12\nmessage of 12\n", "message of 15\n"}}},
		{"a reply to another than the last is one", Options{},
			conversation{client(modbusAs(1, readHolding) + modbusAs(2, readHolding) + modbusAs(3, readHolding)), upstream(modbusAs(2, holdingReply))},
			transcript{Events: [2]string{"message of 12\nmessage of 12\nmessage of 12\n", "message of 15\n"}, Owed: 2}},
	})
	breakNamed(t, NewModbus, []brokenRow{
		{"another protocol", Options{}, conversation{client("\x00\x01\x00\x01")}, FaultModbusProtocol},
		{"without a function code", Options{}, conversation{client("\x00\x01\x00\x00\x00\x01")}, FaultModbusLength},
		{"longer than any", Options{}, conversation{upstream("\x00\x01\x00\x00\x00\xff")}, FaultModbusLength},
		{"larger than the limit", Options{Limit: 20}, conversation{upstream("\x00\x01\x00\x00\x00\x0f")}, FaultTooLarge},
	})
}

// modbusAs is a message with another transaction.
func modbusAs(transaction byte, message string) string {
	return "\x00" + string([]byte{transaction}) + message[2:]
}

func FuzzModbus(f *testing.F) {
	fuzzNamed(f, NewModbus(Options{}), conversation{client(readHolding + readHolding), upstream(holdingReply)})
}

func BenchmarkModbus(b *testing.B) {
	benchNamed(b, NewModbus(Options{}), nil, readHolding, holdingReply)
}
