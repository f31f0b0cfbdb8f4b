package protocol

import (
	"encoding/binary"
	"strings"
	"testing"
)

// pg returns a message with a type.
func pg(kind byte, body string) string {
	return string(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body)))) + body
}

// pgUntyped returns one without.
func pgUntyped(code uint32, body string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return string(binary.BigEndian.AppendUint32(b, code)) + body
}

var (
	pgHello = pgUntyped(196608, "user\x00u\x00\x00")
	pgReady = pg('R', "\x00\x00\x00\x00") + pg('S', "a\x00b\x00") + pg('K', "12345678") + pg('Z', "I")
)

func TestPostgres(t *testing.T) {
	const hello, ready = "message of 16\n", "message of 9\nmessage of 9\nmessage of 13\nmessage of 6\n"
	open := conversation{client(pgHello), upstream(pgReady)}
	converseNamed(t, NewPostgres, []namedRow{
		{"startup is owed ReadyForQuery", Options{}, conversation{client(pgHello), upstream(pg('R', "\x00\x00\x00\x00"))},
			transcript{Events: [2]string{hello, "message of 9\n"}, Owed: 1}},
		{"encryption refused twice, then startup", Options{},
			conversation{client(pgUntyped(80877104, "")), upstream("N"), client(pgUntyped(80877103, "")), upstream("N"), client(pgHello), upstream(pgReady)},
			transcript{Events: [2]string{"message of 8\nmessage of 8\n" + hello, "message of 1\nmessage of 1\n" + ready}}},
		{"encryption granted", Options{}, conversation{client(pgUntyped(80877103, "")), upstream("S"), client("\x16\x03\x01")},
			transcript{Events: [2]string{"message of 8\n", "message of 1\n"}, Opaque: true}},
		{"encryption without asking", Options{}, conversation{client("\x16\x03\x01")},
			transcript{Events: [2]string{"message of 1\n"}, Opaque: true}},
		{"a request to cancel", Options{}, conversation{client(pgUntyped(80877102, "12345678"))},
			transcript{Events: [2]string{"message of 16\n", ""}, Owed: 1}},
		{"a simple query: its reply ends with ReadyForQuery", Options{},
			append(open[:2:2], client(pg('Q', "select 1\x00")), upstream(pg('T', "xx")+pg('D', "xxxx")+pg('C', "SELECT 1\x00"))),
			transcript{Events: [2]string{hello + "message of 14\n", ready + "message of 7\nmessage of 9\nmessage of 14\n"}, Owed: 1}},
		{"an open transaction", Options{},
			append(open[:2:2], client(pg('Q', "begin\x00")), upstream(pg('C', "BEGIN\x00")+pg('Z', "T"))),
			transcript{Events: [2]string{hello + "message of 11\n", ready + "message of 11\nmessage of 6\n"}, InTransaction: true}},
		{"an Execute is owed until it completes, without Sync", Options{},
			append(open[:2:2], client(pg('P', "x\x00")+pg('B', "x\x00")+pg('E', "\x00\x00\x00\x00\x00")+pg('H', ""))),
			transcript{Events: [2]string{hello + "message of 7\nmessage of 7\nmessage of 10\nmessage of 5\n", ready}, Owes: true}},
		{"and no longer", Options{},
			append(open[:2:2], client(pg('E', "\x00\x00\x00\x00\x00")+pg('H', "")), upstream(pg('s', ""))),
			transcript{Events: [2]string{hello + "message of 10\nmessage of 5\n", ready + "message of 5\n"}}},
		{"Syncs are owed each its ReadyForQuery, which settles the Executes before", Options{},
			append(open[:2:2], client(pg('E', "x")+pg('E', "x")+pg('S', "")+pg('S', "")), upstream(pg('E', "error")+pg('Z', "I"))),
			transcript{Events: [2]string{hello + "message of 6\nmessage of 6\nmessage of 5\nmessage of 5\n", ready + "message of 10\nmessage of 6\n"}, Owed: 1}},
		{"behind an error nothing is done until Sync, so that nothing is owed", Options{},
			append(open[:2:2], client(pg('E', "x")+pg('E', "x")+pg('H', "")), upstream(pg('E', "error")), client(pg('E', "x")+pg('Q', "x")+pg('H', ""))),
			transcript{Events: [2]string{hello + "message of 6\nmessage of 6\nmessage of 5\nmessage of 6\nmessage of 6\nmessage of 5\n", ready + "message of 10\n"}}},
		{"and Sync is owed again", Options{},
			append(open[:2:2], client(pg('E', "x")+pg('H', "")), upstream(pg('E', "error")), client(pg('S', "")), upstream(pg('Z', "I")), client(pg('E', "x"))),
			transcript{Events: [2]string{hello + "message of 6\nmessage of 5\nmessage of 5\nmessage of 6\n", ready + "message of 10\nmessage of 6\n"}, Owes: true}},
	})
	t.Run("COPY from the client by an Execute: the Sync that comes before its data has no reply", func(t *testing.T) {
		pgFollow(t, []pgStep{
			{client(pgHello), true},
			{upstream(pgReady), false},
			{client(pg('P', "copy\x00") + pg('B', "x") + pg('E', "x") + pg('S', "")), true},
			{upstream(pg('1', "") + pg('2', "") + pg('G', "xxx")), false},
			{client(pg('S', "")), false},
			{client(pg('d', "x")), false},
			{client(pg('c', "")), true},
			{client(pg('S', "")), true},
			{upstream(pg('C', "COPY 1\x00")), true},
			{upstream(pg('Z', "I")), false},
			{client(pg('Q', "x")), true},
			{upstream(pg('Z', "I")), false},
		})
	})
	t.Run("authentication: nothing is owed while the client is to answer", func(t *testing.T) {
		pgFollow(t, []pgStep{
			{client(pgHello), true},
			{upstream(pg('R', "\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00")), false},
			{client(pg('p', "first")), true},
			{upstream(pg('R', "\x00\x00\x00\x0bserver first")), false},
			{client(pg('p', "final")), true},
			{upstream(pg('R', "\x00\x00\x00\x0cserver final")), true},
			{upstream(pg('R', "\x00\x00\x00\x00")), true},
			{upstream(pg('Z', "I")), false},
		})
	})
	t.Run("COPY from the client: it is the client's turn, until it has ended", func(t *testing.T) {
		rule, v := NewPostgres(Options{}), &converser{}
		v.rule = rule
		for _, step := range []struct {
			turn
			owes bool
		}{
			{client(pgHello), true},
			{upstream(pgReady), false},
			{client(pg('Q', "copy\x00")), true},
			{upstream(pg('G', "xxx")), false},
			{client(pg('d', strings.Repeat("x", 100))), false},
			{client(pg('c', "")), true},
			{upstream(pg('C', "COPY 1\x00")), true},
			{upstream(pg('Z', "I")), false},
		} {
			if err := v.read(step.from, step.bytes); err != nil || v.broken {
				t.Fatal(err, v.got)
			}
			if got := Owes(rule, &v.dialogue); got != step.owes {
				t.Errorf("after %q: owes %t", step.bytes, got)
			}
		}
	})
	breakNamed(t, NewPostgres, []brokenRow{
		{"another protocol", Options{}, conversation{client("\x00\x00\x00\x08\x00\x02\x00\x00")}, FaultPostgresVersion},
		{"a startup message that is enormous", Options{}, conversation{client("\x00\x00\x27\x11\x00\x03\x00\x00")}, FaultPostgresLength},
		{"a length below its header", Options{}, append(open[:2:2], client("Q\x00\x00\x00\x03")), FaultPostgresLength},
		{"a server that speaks first", Options{}, conversation{upstream("R")}, FaultPostgresEarly},
		{"a client that does not await the answer", Options{}, conversation{client(pgUntyped(80877103, "") + "\x00")}, FaultPostgresEarly},
		{"more behind a request to cancel", Options{}, conversation{client(pgUntyped(80877102, "12345678") + "\x00")}, FaultPostgresEarly},
		{"an answer that is none", Options{}, conversation{client(pgUntyped(80877103, "")), upstream("x")}, FaultPostgresGrant},
		{"a type that is none", Options{}, append(open[:2:2], client("!")), FaultPostgresType},
		{"the server's type", Options{}, append(open[:2:2], client("Z")), FaultPostgresType},
		{"larger than the limit", Options{Limit: 100}, append(open[:2:2], client("Q\x00\x00\x00\x64")), FaultTooLarge},
	})
}

func TestPostgresFarewell(t *testing.T) {
	rule, open := NewPostgres(Options{}), conversation{client(pgHello), upstream(pgReady)}
	parts(t, rule, open[:1], TimedOut, "")
	parts(t, rule, open, TimedOut, pg('E', "SFATAL\x00VFATAL\x00C57P05\x00Mterminating connection due to idle-session timeout\x00\x00"))
	parts(t, rule, open, Draining, pg('E', "SFATAL\x00VFATAL\x00C57P01\x00Mterminating connection due to administrator command\x00\x00"))
	parts(t, rule, open, TransactionStood, pg('E', "SFATAL\x00VFATAL\x00C25P03\x00Mterminating connection due to idle-in-transaction timeout\x00\x00"))
	parts(t, rule, append(open[:2:2], client(pg('E', "x"))), TimedOut, "")
	parts(t, rule, append(open[:2:2], client(pg('Q', "copy\x00")), upstream(pg('G', ""))), TimedOut, "")
}

func FuzzPostgres(f *testing.F) {
	fuzzNamed(f, NewPostgres(Options{Limit: 300}),
		conversation{client(pgUntyped(80877103, "")), upstream("N"), client(pgHello), upstream(pgReady), client(pg('Q', "copy\x00") + pg('E', "x")), upstream(pg('G', "") + pg('Z', "T"))})
}

func BenchmarkPostgres(b *testing.B) {
	benchNamed(b, NewPostgres(Options{}), conversation{client(pgHello), upstream(pgReady)}, pg('Q', strings.Repeat("x", 60)), pg('Z', "I"))
}

// pgStep is what one side sends, and whether a reply is owed after it.
type pgStep struct {
	turn
	owes bool
}

func pgFollow(t *testing.T, steps []pgStep) {
	t.Helper()
	rule, v := NewPostgres(Options{}), &converser{}
	v.rule = rule
	for _, step := range steps {
		if err := v.read(step.from, step.bytes); err != nil || v.broken {
			t.Fatal(err, v.got)
		}
		if got := Owes(rule, &v.dialogue); got != step.owes {
			t.Errorf("after %q: owes %t", step.bytes, got)
		}
	}
}
