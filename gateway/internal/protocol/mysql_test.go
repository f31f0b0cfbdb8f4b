package protocol

import (
	"encoding/binary"
	"strings"
	"testing"
)

// my returns packets with the sequences from that on.
func my(sequence byte, bodies ...string) string {
	var b []byte
	for _, body := range bodies {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(body))|uint32(sequence)<<24)
		b = append(b, body...)
		sequence++
	}
	return string(b)
}

// myGreeting returns a greeting with capabilities.
func myGreeting(caps, extended uint32) string {
	b := []byte("\x0a8.0\x00")
	b = append(b, "iiiissssssss\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(caps))
	b = append(b, "\x2d\x02\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(caps>>16))
	b = append(b, "\x15\x00\x00\x00\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint32(b, extended)
	return my(0, string(b)+"scramble\x00")
}

// myResponse returns a response with capabilities.
func myResponse(caps, extended uint32) string {
	b := binary.LittleEndian.AppendUint32(nil, caps)
	b = append(b, "\x00\x00\x00\x01\x2d"+strings.Repeat("\x00", 19)...)
	b = binary.LittleEndian.AppendUint32(b, extended)
	return string(append(b, "user\x00\x00"...))
}

const (
	myOK, myMoreOK = "\x00\x00\x00\x02\x00\x00\x00", "\x00\x00\x00\x0a\x00\x00\x00"
	myEOF, myMore  = "\xfe\x00\x00\x02\x00", "\xfe\x00\x00\x0a\x00"
	myRowsOK       = "\xfe\x00\x00\x02\x00\x00\x00"
	myERR          = "\xff\x28\x04#42000no"
	myFileWanted   = "\xfbfile"
	my41           = mysqlClient41
)

// myOpen is how a connection begins whose ends have those capabilities.
func myOpen(caps, extended uint32) conversation {
	return conversation{
		upstream(myGreeting(caps, extended)),
		client(my(1, myResponse(caps, extended))),
		upstream(my(2, myOK)),
	}
}

// mySay adds turns, the client's first, which is the sequence 0.
func mySay(before conversation, said ...turn) conversation {
	return append(before[:len(before):len(before)], said...)
}

func myQuery(text string) string { return my(0, "\x03"+text) }

const (
	myHelloEvents, myOpenEvents = "message of 42\n", "message of 49\nmessage of 11\n"
)

func TestMySQL(t *testing.T) {
	open, noEOF := myOpen(my41, 0), myOpen(my41|mysqlClientNoEOF, 0)
	q, asked := client(myQuery("select")), "message of 11\n"
	row := func(name string, said conversation, client, upstream string, owed int) namedRow {
		return namedRow{name, Options{}, said, transcript{Events: [2]string{myHelloEvents + client, myOpenEvents + upstream}, Owed: owed}}
	}
	converseNamed(t, NewMySQL, []namedRow{
		{"nothing is owed before the response, and its reply is", Options{}, open[:2],
			transcript{Events: [2]string{myHelloEvents, "message of 49\n"}, Owed: 1}},
		{"the server refuses at once", Options{}, conversation{upstream(my(1, "\xff\x10\x04Too many"))},
			transcript{Events: [2]string{"", "message of 15\n"}}},
		{"and after the response", Options{}, append(open[:2:2], upstream(my(2, myERR)), client(my(0, "\x01"))),
			transcript{Events: [2]string{myHelloEvents + "message of 5\n", "message of 49\nmessage of 15\n"}}},
		{"another way of authentication: it is the client's turn", Options{},
			append(open[:2:2], upstream(my(2, "\xfesha\x00scramble")), client(my(3, "")), upstream(my(4, "\x01\x04"))),
			transcript{Events: [2]string{myHelloEvents + "message of 4\n", "message of 49\nmessage of 17\nmessage of 6\n"}}},
		{"or not, where OK follows", Options{},
			append(open[:2:2], upstream(my(2, "\x01\x03"))),
			transcript{Events: [2]string{myHelloEvents, "message of 49\nmessage of 6\n"}, Owed: 1}},
		{"TLS", Options{}, conversation{open[0], client(my(1, myResponse(my41|mysqlClientSSL, 0)[:32]) + "\x16\x03")},
			transcript{Events: [2]string{"message of 36\n", "message of 49\n"}, Opaque: true}},
		{"compression after OK", Options{}, append(myOpen(my41|mysqlClientCompress, 0), client("\x05\x00\x00\x00")),
			transcript{Events: [2]string{myHelloEvents, myOpenEvents}, Opaque: true}},
		{"of another kind", Options{}, append(myOpen(my41|mysqlClientZstd, 0), client("\x05\x00\x00\x00")),
			transcript{Events: [2]string{myHelloEvents, myOpenEvents}, Opaque: true}},
		{"compression that the server has not", Options{},
			conversation{open[0], client(my(1, myResponse(my41|mysqlClientCompress, 0))), open[2], client(my(0, "\x0e"))},
			transcript{Events: [2]string{myHelloEvents + "heartbeat of 5\n", myOpenEvents}, Owed: 1}},
		row("COM_PING and OK are heartbeats", mySay(open, client(my(0, "\x0e")), upstream(my(1, myOK))), "heartbeat of 5\n", "heartbeat of 11\n", 0),
		row("OK ends a reply, and ERR", mySay(open, q, upstream(my(1, myOK)), q, upstream(my(1, myERR))), asked+asked, "message of 11\nmessage of 15\n", 0),
		row("a result set: definitions, EOF, rows, EOF",
			mySay(open, q, upstream(my(1, "\x02", "\x03def1", "\x03def2", myEOF, "\x01a", "\xfb", "\x00binary", "\xfe12345678", myEOF))), asked,
			"message of 5\nmessage of 9\nmessage of 9\nmessage of 9\nmessage of 6\nmessage of 5\nmessage of 11\nmessage of 13\nmessage of 9\n", 0),
		row("it is owed up to its last packet",
			mySay(open, q, upstream(my(1, "\x01", "\x03def1", myEOF, "\x01a"))), asked, "message of 5\nmessage of 9\nmessage of 9\nmessage of 6\n", 1),
		row("without EOF behind definitions, OK ends it",
			mySay(noEOF, q, upstream(my(1, "\x01", "\x03def1", "\x01a", myRowsOK))), asked, "message of 5\nmessage of 9\nmessage of 6\nmessage of 11\n", 0),
		row("an error amid rows ends it",
			mySay(open, q, upstream(my(1, "\x01", "\x03def1", myEOF, "\x01a", myERR))), asked, "message of 5\nmessage of 9\nmessage of 9\nmessage of 6\nmessage of 15\n", 0),
		row("more results follow",
			mySay(open, q, upstream(my(1, myMoreOK, "\x01", "\x03def1", myEOF, myMore, myOK))), asked,
			"message of 11\nmessage of 5\nmessage of 9\nmessage of 9\nmessage of 9\nmessage of 11\n", 0),
		row("until they have come, they are owed",
			mySay(open, q, upstream(my(1, myMoreOK))), asked, "message of 11\n", 1),
		row("a cursor: no rows, until they are fetched",
			mySay(open, client(my(0, "\x17stmt")), upstream(my(1, "\x01", "\x03def1", "\xfe\x00\x00\x42\x00")),
				client(my(0, "\x1cstmt")), upstream(my(1, "\x00a", "\xfe\x00\x00\x82\x00"))), "message of 9\nmessage of 9\n",
			"message of 5\nmessage of 9\nmessage of 9\nmessage of 6\nmessage of 9\n", 0),
		row("prepared statements: parameters and columns, each with EOF",
			mySay(open, client(my(0, "\x16select ?")), upstream(my(1, "\x00stmt\x01\x00\x02\x00\x00\x00\x00", "\x03def1", "\x03def2", myEOF, "\x03def3", myEOF)),
				client(my(0, "\x16do")), upstream(my(1, "\x00stmt\x00\x00\x00\x00\x00\x00\x00"))), "message of 13\nmessage of 7\n",
			"message of 16\nmessage of 9\nmessage of 9\nmessage of 9\nmessage of 9\nmessage of 9\nmessage of 16\n", 0),
		row("prepared statements without EOF",
			mySay(noEOF, client(my(0, "\x16select ?")), upstream(my(1, "\x00stmt\x01\x00\x01\x00\x00\x00\x00", "\x03def1", "\x03def2"))), "message of 13\n",
			"message of 16\nmessage of 9\nmessage of 9\n", 0),
		row("its last definition is owed",
			mySay(noEOF, client(my(0, "\x16select ?")), upstream(my(1, "\x00stmt\x01\x00\x01\x00\x00\x00\x00", "\x03def1"))), "message of 13\n",
			"message of 16\nmessage of 9\n", 1),
		row("commands without a reply, and with a text",
			mySay(open, client(my(0, "\x18stmt\x00\x00data")+my(0, "\x19stmt")+my(0, "\x09")), upstream(my(1, "Uptime")), client(my(0, "\x01"))),
			"message of 15\nmessage of 9\nmessage of 5\nmessage of 5\n", "message of 10\n", 0),
		row("definitions of fields",
			mySay(open, client(my(0, "\x04table\x00")), upstream(my(1, "\x03def1", "\x03def2", myEOF))), "message of 11\n", "message of 9\nmessage of 9\nmessage of 9\n", 0),
		row("another user: authentication again",
			mySay(open, client(my(0, "\x11user\x00")), upstream(my(1, "\xfesha\x00")), client(my(2, "proof")), upstream(my(3, myOK)), q),
			"message of 10\nmessage of 9\n"+asked, "message of 9\nmessage of 11\n", 1),
		row("a report of progress ends nothing",
			mySay(open, q, upstream(my(1, "\xff\xff\xff\x01\x01\x02\x00\x00\x00"))), asked, "message of 13\n", 1),
		row("commands that do not await the reply",
			mySay(open, client(my(0, "\x16select")+my(0, "\x17stmt")+my(0, "\x17stmt")+my(0, "\x0e")+myQuery("select")),
				upstream(my(1, "\x00stmt\x00\x00\x00\x00\x00\x00\x00")+my(1, myOK)+my(1, "\x01", "\x03def1", myEOF, "\x00", myEOF)+my(1, myOK))),
			"message of 11\nmessage of 9\nmessage of 9\nheartbeat of 5\n"+asked,
			"message of 16\nmessage of 11\nmessage of 5\nmessage of 9\nmessage of 9\nmessage of 5\nmessage of 9\nheartbeat of 11\n", 1),
		row("a server that closes the connection says so with any sequence", mySay(open, upstream(my(9, myERR))), "", "message of 15\n", 0),
		row("what nobody asked for: no more pairs", mySay(open, upstream(my(9, myOK)), q), asked, "message of 11\n", 0),
		row("the binary log: no more pairs, and any sequence",
			mySay(open, client(my(0, "\x12log")), upstream(my(7, "\x00event")+my(3, myERR)), client(my(0, "")+my(0, "\x0e"))),
			"message of 8\nmessage of 4\nheartbeat of 5\n", "message of 10\nmessage of 15\n", 0),
		row("no EOF where one is due: no more pairs", mySay(open, q, upstream(my(1, "\x01", "\x03def1", "\x01a"))), asked,
			"message of 5\nmessage of 9\nmessage of 6\n", 0),
		{"a client of version 4.0 is not paired", Options{},
			conversation{open[0], client(my(1, "\x05\x00\x00\x00\x00user\x00")), upstream(my(2, "\x00\x00\x00\x02\x00")), client(my(0, "\x0e"))},
			transcript{Events: [2]string{"message of 14\nheartbeat of 5\n", "message of 49\nmessage of 9\n"}}},
	})
}

// Where definitions may be left out, the count of columns has another byte.
func TestMySQLMetadata(t *testing.T) {
	const ended = "message of 9\nmessage of 6\nmessage of 9\n"
	mysql, maria := myOpen(my41|mysqlClientMetadata, 0), myOpen(my41, mysqlExtendedMetadata)
	for _, row := range []struct {
		name    string
		open    conversation
		count   string
		defined bool
	}{
		{"MySQL leaves them out", mysql, "\x00\x01", false},
		{"MySQL has them", mysql, "\x01\x02", true},
		{"MySQL has one", mysql, "\x01\x01", true},
		{"MySQL has many", mysql, "\x01\xfc\x02\x00", true},
		{"MariaDB leaves them out", maria, "\x01\x00", false},
		{"MariaDB leaves many out", maria, "\xfc\x02\x00\x00", false},
		{"MariaDB has them", maria, "\x02\x01", true},
	} {
		bodies := []string{row.count}
		events := "message of " + string(rune('4'+len(row.count))) + "\n"
		if row.defined {
			bodies, events = append(bodies, "\x03def1"), events+"message of 9\n"
			if !strings.HasSuffix(row.count, "\x01\x01") {
				bodies, events = append(bodies, "\x03def2"), events+"message of 9\n"
			}
		}
		bodies = append(bodies, myEOF, "\x01a", myEOF)
		converseNamed(t, NewMySQL, []namedRow{{row.name, Options{}, mySay(row.open, client(myQuery("x")), upstream(my(1, bodies...))),
			transcript{Events: [2]string{myHelloEvents + "message of 6\n", myOpenEvents + events + ended}}}})
	}
	prepared := mySay(mysql, client(my(0, "\x16x")), upstream(my(1, "\x00stmt\x01\x00\x01\x00\x00\x00\x00\x00")))
	converseNamed(t, NewMySQL, []namedRow{{"MySQL prepares without", Options{}, prepared,
		transcript{Events: [2]string{myHelloEvents + "message of 6\n", myOpenEvents + "message of 17\n"}}}})
}

func TestMySQLFile(t *testing.T) {
	rule := NewMySQL(Options{})
	v := &converser{rule: rule}
	for _, turn := range mySay(myOpen(my41, 0)) {
		if err := v.read(turn.from, turn.bytes); err != nil || v.broken {
			t.Fatal(err, v.got)
		}
	}
	for _, step := range []struct {
		turn
		owes, busy bool
	}{
		{client(myQuery("load")), true, false},
		{upstream(my(1, myFileWanted)), false, true},
		{client(my(2, "1\n", "\x0e")), false, true},
		{client(my(4, "")), true, false},
		{upstream(my(5, myMoreOK)), true, false},
		{upstream(my(6, myOK)), false, false},
		{client(my(0, "\x0e")), true, false},
	} {
		if err := v.read(step.from, step.bytes); err != nil || v.broken {
			t.Fatal(err, v.got)
		}
		if owes := Owes(rule, &v.dialogue); owes != step.owes || v.dialogue.flags.has(busy) != step.busy || v.dialogue.Unpaired() {
			t.Errorf("after %q: owes %t, %+v", step.bytes, owes, v.dialogue)
		}
	}
	converseNamed(t, NewMySQL, []namedRow{
		{"who has sent a command already cannot send a file", Options{},
			mySay(myOpen(my41, 0), client(myQuery("load")+my(0, "\x0e")), upstream(my(1, myFileWanted)+my(3, myOK)), client(my(2, ""))),
			transcript{Events: [2]string{myHelloEvents + "message of 9\nheartbeat of 5\nmessage of 4\n", myOpenEvents + "message of 9\nmessage of 11\n"}}},
	})
}

// A packet of ffffff bytes goes on in the next, and an empty one may be its end.
func TestMySQLLargeMessages(t *testing.T) {
	full := strings.Repeat("x", mysqlFull)
	said := mySay(myOpen(my41, 0),
		client(my(0, "\x03"+full[1:], "")), upstream(my(2, "\x01", "\x03def1", myEOF, full, "xyz", "\xfe"+full[1:], "", myEOF)))
	want := [2]string{myHelloEvents + "message of 16777223\n",
		myOpenEvents + "message of 5\nmessage of 9\nmessage of 9\nmessage of 16777226\nmessage of 16777223\nmessage of 9\n"}
	for _, skip := range []bool{false, true} {
		for _, size := range []int{1 << 30, 1<<20 + 1} {
			got, err := converse(NewMySQL(Options{}), said, skip, func() int { return size })
			if err != nil || got.Events != want || got.Owes {
				t.Errorf("reads of %d, skip %t: %v, owes %t, %q, want %q", size, skip, err, got.Owes, got.Events, want)
			}
		}
	}
	for _, row := range []struct {
		name  string
		limit uint64
		next  string
		fault Fault
	}{
		{"all packets count", mysqlFull + 10, "\x03\x00\x00\x01", FaultTooLarge},
		{"out of order", 0, "\x03\x00\x00\x02", FaultMySQLSequence},
	} {
		v := &converser{rule: NewMySQL(Options{Limit: row.limit})}
		for _, turn := range append(said[:3:3], client("\xff\xff\xff\x00\x03"+full[1:]+row.next)) {
			if err := v.read(turn.from, turn.bytes); err != nil {
				t.Fatal(err)
			}
		}
		if got := v.dialogue.Fault(FromClient); got != row.fault {
			t.Errorf("%s: %s", row.name, got)
		}
	}
}

// Of one kind many commands may come before the replies, of changing kinds few.
func TestMySQLPipelined(t *testing.T) {
	for _, row := range []struct {
		name     string
		commands string
		unpaired bool
	}{
		{"2000 of one kind", strings.Repeat(my(0, "\x17"), 2000), false},
		{"3000 of one kind", strings.Repeat(my(0, "\x17"), 3000), true},
		{"four changes", strings.Repeat(my(0, "\x16")+my(0, "\x17"), 2) + my(0, "\x0e"), false},
		{"five changes", strings.Repeat(my(0, "\x16")+my(0, "\x17"), 3), true},
		{"another user behind a command", my(0, "\x0e") + my(0, "\x11"), true},
		{"a command behind another user", my(0, "\x11") + my(0, "\x0e"), true},
	} {
		rule := NewMySQL(Options{})
		v := &converser{rule: rule}
		for _, turn := range mySay(myOpen(my41, 0), client(row.commands)) {
			if err := v.read(turn.from, turn.bytes); err != nil || v.broken {
				t.Fatal(row.name, err, v.dialogue.Fault(turn.from))
			}
		}
		if got := v.dialogue.Unpaired(); got != row.unpaired {
			t.Errorf("%s: unpaired %t", row.name, got)
		}
		for owed := v.dialogue.owed; owed > 0 && !row.unpaired; owed-- {
			if v.dialogue.owed != owed {
				t.Fatalf("%s: owes %d, want %d", row.name, v.dialogue.owed, owed)
			}
			reply := my(1, myOK)
			if mysqlAwaited(&v.dialogue) == mysqlPrepared {
				reply = my(1, "\x00stmt\x00\x00\x00\x00\x00\x00\x00")
			}
			if err := v.read(FromUpstream, []byte(reply)); err != nil || v.broken {
				t.Fatal(row.name, err, v.dialogue.Fault(FromUpstream))
			}
		}
		if Owes(rule, &v.dialogue) || v.dialogue.Unpaired() != row.unpaired {
			t.Errorf("%s: owes %d", row.name, v.dialogue.owed)
		}
	}
}

func TestMySQLBreaks(t *testing.T) {
	open := myOpen(my41, 0)
	asked := mySay(open, client(myQuery("select")))
	breakNamed(t, NewMySQL, []brokenRow{
		{"a client that speaks first", Options{}, conversation{client("\x00")}, FaultMySQLEarly},
		{"a server that does not await the response", Options{}, conversation{open[0], upstream(my(1, myOK))}, FaultMySQLEarly},
		{"another protocol", Options{}, conversation{upstream("\x20\x00\x00\x00\x09")}, FaultMySQLVersion},
		{"a greeting that is not the first packet", Options{}, conversation{upstream(my(1, myGreeting(my41, 0)[4:]))}, FaultMySQLSequence},
		{"an empty greeting", Options{}, conversation{upstream(my(0, ""))}, FaultMySQLHandshake},
		{"a greeting without its fields", Options{}, conversation{upstream(my(0, "\x0a8.0\x00iiiissssssss\x00\x00"))}, FaultMySQLHandshake},
		{"an enormous greeting", Options{}, conversation{upstream("\x01\x10\x00\x00\x0a")}, FaultMySQLHandshake},
		{"a response that is too short", Options{}, conversation{open[0], client(my(1, "\x00\x02\x00\x00"))}, FaultMySQLHandshake},
		{"a response of version 4.1 that is", Options{}, conversation{open[0], client(my(1, myResponse(my41, 0)[:31]))}, FaultMySQLHandshake},
		{"a response out of order", Options{}, conversation{open[0], client("\x20\x00\x00\x02")}, FaultMySQLSequence},
		{"an OK out of order", Options{}, append(open[:2:2], upstream("\x07\x00\x00\x03")), FaultMySQLSequence},
		{"a command out of order", Options{}, mySay(open, client("\x01\x00\x00\x01")), FaultMySQLSequence},
		{"a reply out of order", Options{}, mySay(asked, upstream("\x07\x00\x00\x02")), FaultMySQLSequence},
		{"a row out of order", Options{}, mySay(asked, upstream(my(1, "\x01")+"\x07\x00\x00\x03")), FaultMySQLSequence},
		{"a file out of order", Options{}, mySay(asked, upstream(my(1, myFileWanted)), client("\x01\x00\x00\x01")), FaultMySQLSequence},
		{"a command that is none", Options{}, mySay(open, client(my(0, ""))), FaultMySQLCommand},
		{"an empty reply", Options{}, mySay(asked, upstream(my(1, ""))), FaultMySQLReply},
		{"an OK without its status", Options{}, mySay(asked, upstream(my(1, "\x00\x00\x00\x02"))), FaultMySQLReply},
		{"an EOF without its status", Options{}, mySay(asked, upstream(my(1, "\x01", "\x03def", "\xfe\x00\x00\x02"))), FaultMySQLReply},
		{"the end of rows without its status", Options{}, mySay(asked, upstream(my(1, "\x01", "\x03def", myEOF, "\xfe\x00\x00\x02"))), FaultMySQLReply},
		{"a count of too many columns", Options{}, mySay(asked, upstream(my(1, "\xfd\x00\x00\x01"))), FaultMySQLReply},
		{"a count that is cut short", Options{}, mySay(asked, upstream(my(1, "\xfc\x01"))), FaultMySQLReply},
		{"a prepared statement that is", Options{}, mySay(open, client(my(0, "\x16")), upstream(my(1, "\x00stmt\x00\x00\x00"))), FaultMySQLReply},
		{"larger than the limit", Options{Limit: 100}, mySay(open, client("\x61\x00\x00\x00")), FaultTooLarge},
	})
}

func TestMySQLFarewell(t *testing.T) {
	rule, open := NewMySQL(Options{}), myOpen(my41, 0)
	inactive := my(0, "\xff\xbf\x0f#HY000The client was disconnected by the server because of inactivity. "+
		"See wait_timeout and interactive_timeout for configuring this behavior.")
	parts(t, rule, open, TimedOut, inactive)
	parts(t, rule, open, TransactionStood, inactive)
	parts(t, rule, open, Draining, my(0, "\xff\x1d\x04#08S01Server shutdown in progress"))
	parts(t, rule, nil, TimedOut, "")
	parts(t, rule, open[:1], TimedOut, "")
	parts(t, rule, open[:2], TimedOut, "")
	parts(t, rule, mySay(open, client(myQuery("select"))), TimedOut, "")
	parts(t, rule, mySay(open, client(myQuery("select")), upstream(my(1, myMoreOK))), TimedOut, "")
	parts(t, rule, mySay(open, client(myQuery("load")), upstream(my(1, myFileWanted))), TimedOut, "")
	parts(t, rule, mySay(open, client(my(0, "\x11user\x00")), upstream(my(1, "\xfesha\x00"))), TimedOut, "")
	parts(t, rule, mySay(open, client(my(0, "\x12log"))), TimedOut, "")
	parts(t, rule, myOpen(my41|mysqlClientCompress, 0), TimedOut, "")
}

func FuzzMySQL(f *testing.F) {
	result := my(1, "\x02", "\x03def1", "\x03def2", myEOF, "\x01a", myMore, myOK)
	fuzzNamed(f, NewMySQL(Options{Limit: 300}),
		mySay(myOpen(my41, 0), client(myQuery("select")), upstream(result), client(my(0, "\x16")+my(0, "\x17")+my(0, "\x0e")),
			upstream(my(1, "\x00stmt\x01\x00\x01\x00\x00\x00\x00", "\x03def1", myEOF, "\x03def2", myEOF)+my(1, myERR)+my(1, myOK))),
		mySay(myOpen(my41|mysqlClientNoEOF, mysqlExtendedMetadata), client(myQuery("load")), upstream(my(1, myFileWanted)), client(my(2, "x", "")), upstream(my(4, myOK))),
		mySay(myOpen(my41|mysqlClientMetadata, 0), client(my(0, "\x11user\x00")), upstream(my(1, "\xfesha\x00")), client(my(2, "proof")), upstream(my(3, "\x01\x03", myOK))))
}

func BenchmarkMySQL(b *testing.B) {
	benchNamed(b, NewMySQL(Options{}), myOpen(my41, 0), myQuery(strings.Repeat("x", 60)), my(1, myOK))
}

func BenchmarkMySQLRows(b *testing.B) {
	rule, rows := NewMySQL(Options{}), make([]string, 256)
	for i := range rows {
		rows[i] = strings.Repeat("x", 60)
	}
	before := mySay(myOpen(my41, 0), client(myQuery("select")), upstream(my(1, "\x01", "\x03def1", myEOF)+my(4, rows[:252]...)))
	var d Dialogue
	for _, turn := range before {
		for b := turn.bytes; len(b) > 0; {
			n, _ := rule.Scan(&d, turn.from, b)
			b = b[n:]
		}
	}
	stream := []byte(my(0, rows...))
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		for at := 0; at < len(stream); {
			n, event := rule.Scan(&d, FromUpstream, stream[at:])
			if event != Message {
				b.Fatal(event, d.Fault(FromUpstream))
			}
			at += n
		}
	}
}
