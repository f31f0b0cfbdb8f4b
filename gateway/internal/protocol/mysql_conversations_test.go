package protocol

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestMySQLConversations plays what was said to a real server, cut at every byte.
func TestMySQLConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/conversations/mysql_*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations: ", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			said, rule := readConversation(t, file), NewMySQL(Options{})
			want, err := converse(rule, said, false, whole)
			if err != nil {
				t.Fatal(err)
			}
			if want.Owes || want.Opaque {
				t.Errorf("owes %d, opaque %t", want.Owed, want.Opaque)
			}
			for from, events := range want.Events {
				if got, packets := strings.Count(events, " of "), myPackets(said, Direction(from)); got != packets {
					t.Errorf("%s: %d messages, want %d:\n%s", Direction(from), got, packets, events)
				}
			}
			for _, skip := range []bool{false, true} {
				sameTranscript(t, "bytewise", rule, said, skip, bytewise, want)
			}
			for i := range said {
				for at := 1; at < len(said[i].bytes); at++ {
					sameTranscript(t, "one cut", rule, said.split(i, at), at%2 == 1, whole, want)
				}
			}
			myStaysPaired(t, rule, said)
		})
	}
}

// split returns the conversation with one turn in two.
func (c conversation) split(i, at int) conversation {
	first, second := c[i], c[i]
	first.bytes, second.bytes = first.bytes[:at], second.bytes[at:]
	return append(append(c[:i:i], first, second), c[i+1:]...)
}

// myPackets counts the packets of a direction, of which none is full.
func myPackets(said conversation, from Direction) (n int) {
	var b []byte
	for _, turn := range said {
		if turn.from == from {
			b = append(b, turn.bytes...)
		}
	}
	for ; len(b) > 0; n++ {
		b = b[4+int(b[0])+int(b[1])<<8+int(b[2])<<16:]
	}
	return n
}

// myStaysPaired wants nothing owed whenever the server has spoken, as these clients await the end of each reply.
func myStaysPaired(t *testing.T, rule Protocol, said conversation) {
	t.Helper()
	v := &converser{rule: rule}
	for i, turn := range said {
		if err := v.read(turn.from, turn.bytes); err != nil || v.broken {
			t.Fatal(err, v.got)
		}
		if v.dialogue.Unpaired() || turn.from == FromUpstream && Owes(rule, &v.dialogue) {
			t.Errorf("turn %d, %.40q: owes %d, unpaired %t", i, turn.bytes, v.dialogue.owed, v.dialogue.Unpaired())
		}
	}
}
