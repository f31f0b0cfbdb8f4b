package protocol

import (
	"strings"
	"testing"
)

// pgOrder plays what a pipelining client and the server send, a word a message, and wants to know after each turn whether a reply is
// owed. `+` stands behind a turn after which one is, `-` behind one after which none is.
func pgOrder(t *testing.T, script string) {
	t.Helper()
	execute := pg('E', "\x00\x00\x00\x00\x00")
	messages := map[string]turn{
		"Parse": client(pg('P', "\x00x\x00\x00\x00")), "Bind": client(pg('B', "x")), "Describe": client(pg('D', "P\x00")), "Execute": client(execute),
		"Sync": client(pg('S', "")), "Flush": client(pg('H', "")), "Query": client(pg('Q', "x\x00")), "Call": client(pg('F', "x")), "Close": client(pg('C', "Sx\x00")),
		"data": client(pg('d', "x")), "done": client(pg('c', "")), "fail": client(pg('f', "x\x00")),
		"parsed": upstream(pg('1', "")), "bound": upstream(pg('2', "")), "closed": upstream(pg('3', "")), "parameters": upstream(pg('t', "xx")),
		"columns": upstream(pg('T', "xx")), "nothing": upstream(pg('n', "")), "row": upstream(pg('D', "xx")), "complete": upstream(pg('C', "x\x00")),
		"suspended": upstream(pg('s', "")), "empty": upstream(pg('I', "")), "error": upstream(pg('E', "\x00")), "notice": upstream(pg('N', "\x00")),
		"ready": upstream(pg('Z', "I")), "open": upstream(pg('Z', "T")), "copyin": upstream(pg('G', "\x00\x00\x00")), "copyout": upstream(pg('H', "\x00\x00\x00")),
		"outdata": upstream(pg('d', "x")), "outdone": upstream(pg('c', "")),
	}
	rule, v := NewPostgres(Options{}), &converser{}
	v.rule = rule
	say := func(turn turn) {
		for _, b := range turn.bytes { // a byte at a time
			if err := v.read(turn.from, []byte{b}); err != nil || v.broken {
				t.Fatal(err, v.got)
			}
		}
	}
	say(client(pgHello))
	say(upstream(pgReady))
	words := strings.Fields(script)
	for i, word := range words {
		if word == "+" || word == "-" {
			if got := Owes(rule, &v.dialogue); got != (word == "+") || v.dialogue.Unpaired() {
				t.Errorf("after %d words, %.300q: owes %t, unpaired %t", i, strings.Join(words[:i], " "), got, v.dialogue.Unpaired())
			}
			continue
		}
		said, known := messages[word]
		if !known {
			t.Fatalf("%q is no message", word)
		}
		say(said)
	}
}

func TestPostgresPairsOddOrders(t *testing.T) {
	for _, row := range []struct{ name, script string }{
		{"an Execute without Sync behind the Sync of another batch",
			"Bind Execute Sync Bind Execute Flush + bound complete ready + bound + complete -"},
		{"two of them", "Execute Sync Execute Execute Flush + complete + ready + complete + complete -"},
		{"one that comes after the reply has begun", "Execute Sync + row Execute complete + ready + row + complete -"},
		{"one behind a Query", "Query Execute Flush columns row complete + ready + complete -"},
		{"what completes in a batch ahead is none of those behind", "Execute Execute Sync Execute complete complete + ready + complete -"},
		{"a Sync settles what is before it", "Execute Sync Execute Sync complete ready + error + ready -"},
		{"a Query behind a failed Parse: it is skipped", "Parse Query + error - Sync + ready - Query + ready -"},
		{"a Query behind a failed Bind", "Parse Bind Execute Query + parsed + error - Sync + ready -"},
		{"a FunctionCall behind a failed Parse", "Parse Call + error - Sync + ready -"},
		{"several Queries behind a failed Parse", "Parse Query Query Call + error - Query - Sync + ready -"},
		{"and the Sync behind them is owed", "Parse Query Query Sync Query + error + ready + ready -"},
		{"a failed Query behind a Parse: ReadyForQuery follows", "Parse Query Query + parsed + error + ready + complete + ready -"},
		{"and one behind a Parse, Bind and Execute", "Parse Bind Describe Execute Query Sync + parsed bound columns row complete + error + ready + ready -"},
		{"one behind a Describe of a statement, which has two replies", "Parse Describe Query + parsed parameters nothing + error + ready -"},
		{"a Query behind a failed batch ahead", "Execute Sync Parse Query + error ready + error - Sync + ready -"},
		{"and behind one that was sound", "Execute Sync Parse Query + complete ready + parsed error + ready -"},
		{"a Query behind Queries, then a failed Parse", "Query Query Parse Query + ready ready + error - Sync + ready -"},
		{"an Execute behind a Query that is skipped", "Parse Query Execute Flush + error - Sync + ready -"},
		{"an error without a request says nothing of those that come", "error - Query + ready - Execute + complete -"},
		{"behind an error while the Sync is on its way", "Execute Flush error - Execute Sync + ready -"},
		{"an Execute behind the error and before the Sync", "Execute Flush error Execute Execute Flush - Sync + ready - Execute + complete -"},
		{"portals that are suspended", "Bind Execute Flush bound row suspended - Execute Flush + row complete - Close Sync + closed ready -"},
		{"an empty query", "Parse Bind Execute Flush parsed bound empty - Sync + ready -"},
		{"a Parse that is not executed is owed nothing without Sync", "Parse Describe Flush - parsed parameters columns - Bind Execute + bound complete -"},
		{"COPY to the server by an Execute without Sync", "Parse Bind Execute Flush + parsed bound copyin - data done + complete - Sync + ready -"},
		{"COPY by an Execute whose Sync came before the data", "Bind Execute Sync + bound copyin - Sync data - done + Sync complete + ready -"},
		{"COPY by an Execute that fails", "Bind Execute Sync + bound copyin - data error - data done Sync + ready -"},
		{"COPY by a Query with a Sync before its data, which is ignored", "Query + copyin - Sync data done + complete ready -"},
		{"COPY by a Query that fails", "Query + copyin - data error + ready -"},
		{"COPY by a Query that the client gives up", "Query copyin - fail + error ready -"},
		{"COPY by a Query behind batches", "Execute Sync Query complete ready + copyin - data done + complete ready -"},
		{"COPY by an Execute behind Queries", "Query Query Execute Sync ready ready + copyin - done + Sync + complete ready -"},
		{"COPY data that does not await the server", "Bind Execute data done Sync + bound copyin complete + ready -"},
		{"and a batch behind it", "Bind Execute data done Sync Execute Sync + bound copyin complete ready + complete ready -"},
		{"COPY data behind a Query that does not await the server", "Query data done Query + copyin complete ready + ready -"},
		{"COPY data that does not await the error", "Query data done + error ready - Query + copyin - done + ready -"},
		{"COPY data behind an Execute that fails", "Bind Execute data done Sync + bound error + ready - Execute Sync copyin - done Sync + complete ready -"},
		{"COPY data behind an Execute that fails without Sync", "Bind Execute data done Flush + error - Sync + ready - Query copyin - done + ready -"},
		{"two COPYs by one Query", "Query copyin - done + complete copyin - done + complete ready -"},
		{"COPY from the server", "Query copyout outdata + outdone complete + ready -"},
		{"COPY from the server by an Execute", "Bind Execute Flush bound copyout outdata + outdone + complete - Sync + ready -"},
		{"notices anywhere", "notice Query notice + notice ready notice -"},
	} {
		t.Run(row.name, func(t *testing.T) { pgOrder(t, row.script) })
	}
	t.Run("COPY data that does not await the server, behind a Sync that may be a part of it: pairing is given up", func(t *testing.T) {
		said := conversation{client(pgHello), upstream(pgReady), client(pg('E', "x") + pg('S', "") + pg('d', "x") + pg('c', "") + pg('S', "")), upstream(pg('G', ""))}
		rule, v := NewPostgres(Options{}), &converser{}
		v.rule = rule
		for _, turn := range said {
			if err := v.read(turn.from, turn.bytes); err != nil || v.broken {
				t.Fatal(err, v.got)
			}
		}
		if !v.dialogue.Unpaired() || Owes(rule, &v.dialogue) {
			t.Errorf("unpaired %t, owes %t", v.dialogue.Unpaired(), Owes(rule, &v.dialogue))
		}
	})
	t.Run("many batches in flight", func(t *testing.T) {
		pgOrder(t, strings.Repeat("Parse Bind Execute Sync ", 200)+"Execute + "+strings.Repeat("parsed bound complete ready + ", 200)+"complete -")
	})
	t.Run("many Queries in flight, then COPY", func(t *testing.T) {
		pgOrder(t, strings.Repeat("Query ", 100)+strings.Repeat("complete + ready ", 99)+"copyin - done + complete ready -")
	})
}
