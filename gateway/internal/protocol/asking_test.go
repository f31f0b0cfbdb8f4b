package protocol

import (
	"strings"
	"testing"
)

// asking is a framing of lines with a question of its own, and with a heartbeat or without.
func asking(t *testing.T, ask, answer string, beats bool) Protocol {
	t.Helper()
	line, err := NewDelimiter([]byte("\n"), 64)
	if err != nil {
		t.Fatal(err)
	}
	rule := NewFraming([2]Framer{line, line})
	if beats {
		if rule, err = NewHeartbeatFraming([2]Framer{line, line}, HeartbeatRule{Match: []byte("ping"), Answer: []byte("pong")}); err != nil {
			t.Fatal(err)
		}
	}
	if rule, err = rule.(Asker).Asking([]byte(ask), []byte(answer)); err != nil {
		t.Fatal(err)
	}
	return rule
}

// TestTheAnswerToAQuestionOfOnesOwnIsSwallowed cuts each conversation everywhere.
func TestTheAnswerToAQuestionOfOnesOwnIsSwallowed(t *testing.T) {
	for _, row := range []struct {
		name  string
		beats bool
		said  conversation
		want  transcript
	}{
		{"the first after the question, and no other", false, conversation{client("yes\n"), probe(client("yesterday\nyes\nyes\n"))}, transcript{
			Events: [2]string{"message of 4\nmessage of 10\nprobe answer of 4\nmessage of 4\n"}, Passed: [2][]byte{[]byte("yes\nyesterday\nyes\n")}, Answers: []byte("there?\n")}},
		{"an upstream that says the same is passed on", false, conversation{probe(upstream("yes\n")), client("yes\n")}, transcript{
			Events: [2]string{"probe answer of 4\n", "message of 4\n"}, Passed: [2][]byte{nil, []byte("yes\n")}, Answers: []byte("there?\n")}},
		{"the answer to a heartbeat is none to the question", true, conversation{probe(client("pong\nping\nyes\npong\n"))}, transcript{
			Events: [2]string{"heartbeat of 5\nheartbeat of 5\nprobe answer of 4\nheartbeat of 5\n"}, Passed: [2][]byte{[]byte("pong\nping\npong\n")}, Answers: []byte("there?\n")}},
	} {
		t.Run(row.name, func(t *testing.T) { everyCut(t, asking(t, "there?", "yes", row.beats), row.said, row.want) })
	}
}

func TestQuestionsThatAFramingCannotHave(t *testing.T) {
	line, err := NewDelimiter([]byte("\n"), 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		framer      Framer
		ask, answer string
		want        string
	}{
		{line, "a\nb", "yes", "probe send: "},
		{line, "there?", "y\n", "probe expect: "},
		{line, "", "yes", "probe send: it is empty"},
		{NewRaw(), "there?", "yes", "raw has no messages"},
	} {
		_, err := NewFraming([2]Framer{row.framer, row.framer}).(Asker).Asking([]byte(row.ask), []byte(row.answer))
		if err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%q and %q: %v, want %s", row.ask, row.answer, err, row.want)
		}
	}
}
