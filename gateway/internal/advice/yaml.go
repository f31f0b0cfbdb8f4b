package advice

import (
	"strings"
	"time"

	"idlegate/policy/units"
)

// yaml is the recommended value as the policy file has it, with the reason above it. With dry_run: true it would
// not be in force, so that is ended along with it.
func (s *study) yaml(recommended time.Duration) string {
	if recommended == 0 {
		return ""
	}
	lines := []string{s.key() + ": " + units.FormatDuration(recommended)}
	if s.DryRunAll {
		lines = append(lines, "dry_run: false # puts the policy's other timers in force as well")
	}
	return s.snippet(s.remark(recommended), lines)
}

// dryRunYAML is the dry run of the recommended value. One that is longer than that in force would see nothing.
func (s *study) dryRunYAML(recommended time.Duration) string {
	switch s.verdict() {
	case set, shorten:
	default:
		return ""
	}
	if s.DryRun == recommended {
		return "" // it has been tried
	}
	remark := "To try " + units.FormatDuration(recommended) + " first: this closes nothing, and counts what it would have ended."
	if s.DryRunAll {
		return s.snippet(remark, []string{s.key() + ": " + units.FormatDuration(recommended), "dry_run: true"})
	}
	return s.snippet(remark, []string{"dry_run: {" + s.key() + ": " + units.FormatDuration(recommended) + "}"})
}

func (s *study) kind() string {
	if s.Kind == "" {
		return "long"
	}
	return s.Kind
}

// snippet puts lines into the policy: into the named one, or into the one that stands inside the route.
func (s *study) snippet(remark string, lines []string) string {
	outer := []string{"routes:", "  - name: " + scalar(s.Route), "    policy:", "      " + s.kind() + ":"}
	indent := "        "
	if s.Policy != "" {
		outer = []string{"policies:", "  " + scalar(s.Policy) + ":", "    " + s.kind() + ":"}
		indent = "      "
	}
	all := append([]string{"# " + remark}, outer...)
	for _, line := range lines {
		all = append(all, indent+line)
	}
	return strings.Join(all, "\n") + "\n"
}

// scalar writes a name, which has letters, digits and _ - . only, in quotes where YAML might not take it for text.
func scalar(name string) string {
	first := name[:min(1, len(name))]
	plain := strings.ToLower(first) != strings.ToUpper(first)
	switch strings.ToLower(name) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain {
		return name
	}
	return `"` + name + `"`
}
