package protocol

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRealConversations plays what real clients and servers have said, cut at every byte. Each file tells how many messages its
// capturer has counted in another way; the tests of real peers capture them (IDLEGATE_CAPTURE).
func TestRealConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations: ", err)
	}
	rules := map[string]func(Options) Protocol{
		"amqp": NewAMQP, "fix": NewFIX, "kafka": NewKafka, "memcached": NewMemcached, "modbus": NewModbus, "mqtt": NewMQTT,
		"mysql": NewMySQL, "nats": NewNATS, "postgres": NewPostgres, "resp": NewRESP, "stomp": NewSTOMP, "websocket": NewWebSocket,
	}
	for _, file := range files {
		name := filepath.Base(file)
		protocol, _, _ := strings.Cut(name, "_")
		counted := countedMessages(t, file)
		if counted == "" {
			continue // TestMySQLConversations counts by itself
		}
		t.Run(name, func(t *testing.T) {
			said, rule := readConversation(t, file), rules[protocol](Options{})
			want, err := converse(rule, said, false, whole)
			if err != nil {
				t.Fatal(err)
			}
			messages := func(from Direction) int { return strings.Count(want.Events[from], " of ") }
			heartbeats := func(from Direction) int { return strings.Count(want.Events[from], "heartbeat of ") }
			got := fmt.Sprintf("client %d messages, %d heartbeats; upstream %d messages, %d heartbeats", messages(FromClient),
				heartbeats(FromClient), messages(FromUpstream), heartbeats(FromUpstream))
			if got != counted {
				t.Errorf("%s, but it was captured with %s\n%s\n%s", got, counted, want.Events[0], want.Events[1])
			}
			if want.Owes {
				t.Errorf("%d replies are owed at the end", want.Owed)
			}
			for _, skip := range []bool{false, true} {
				sameTranscript(t, "bytewise", rule, said, skip, bytewise, want)
			}
			for i := range said {
				for at := 1; at < len(said[i].bytes); at++ {
					sameTranscript(t, "one cut", rule, said.split(i, at), at%2 == 1, whole, want)
				}
			}
		})
	}
}

func countedMessages(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^# (client \d+ messages.*)$`).FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(found[1])
}
