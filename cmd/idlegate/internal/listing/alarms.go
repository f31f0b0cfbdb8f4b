package listing

import (
	"fmt"
	"time"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/gateway/admin/api"
)

// Alarms is a line for each: how bad it is, for how long it has been so, what is wrong, what to do.
func Alarms(all []api.Alarm, now time.Time) []string {
	lines := make([]string, 0, len(all))
	for _, a := range all {
		lines = append(lines, fmt.Sprintf("%s for %s: %s. %s", a.Level, figure.Duration(now.Sub(a.Since).Seconds()), a.Text, capital(a.Do)))
	}
	return lines
}

// capital begins a sentence with s, unless it begins with a word that is written small everywhere, as a command.
func capital(s string) string {
	const commands = "idlegate"
	if s == "" || s[0] < 'a' || s[0] > 'z' || len(s) >= len(commands) && s[:len(commands)] == commands {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
