package policy

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"deadline", "read_deadline", "idle_timeout", "message_timeout", "jitter", "close", "long", "short", "tcp"}
	for word, want := range map[string]string{
		"idle_timout":    "idle_timeout",
		"idle-timeout":   "idle_timeout",
		"idleTimeout":    "idle_timeout",
		"IDLE_TIMEOUT":   "idle_timeout",
		"idle":           "idle_timeout",
		"messageTimeOut": "message_timeout",
		"lnog":           "long",
		"dead_line":      "deadline",
		"tls":            "",
		"x":              "",
		"":               "",
		"heartbeat":      "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "acb", 1}, {"abc", "ab", 1}, {"ca", "abc", 3},
	}
	for _, test := range tests {
		if got, back := distance(test.a, test.b), distance(test.b, test.a); got != test.want || back != test.want {
			t.Errorf("distance(%q, %q) = %d, and back %d, want %d", test.a, test.b, got, back, test.want)
		}
	}
}
