package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"idlegate/policy"
)

// shapeOf is a line without what differs from one time to another.
func shapeOf(line string) string {
	for _, mask := range [][2]string{
		{`\d{4}-\d\d-\d\dT[\d:.]+Z`, "INSTANT"},
		{`unix:[^\s",]+|\d+\.\d+\.\d+\.\d+:\d+`, "ADDRESS"},
		{`(>=)?(\d[\d.,]*(ms|µs|[KMG]?i?B|[dhms%])?)+`, "#"},
		{` +`, " "},
	} {
		line = regexp.MustCompile(mask[0]).ReplaceAllString(line, mask[1])
	}
	return strings.TrimSpace(line)
}

// missing are the lines of a sample for whose shape there is none in text. What is recommended depends on the figures.
func missing(sample []string, text string) (lines []string) {
	there := map[string]bool{}
	for line := range strings.Lines(text) {
		there[shapeOf(line)] = true
	}
	for _, line := range sample {
		if strings.HasPrefix(line, "recommended: ") {
			if !strings.Contains(text, "\nrecommended: ") {
				lines = append(lines, line)
			}
			break
		}
		if strings.HasPrefix(line, "to upstream ") { // it is a unix socket here, of which the kernel says no such thing
			continue
		}
		if !there[shapeOf(line)] && !strings.HasSuffix(line, ", recommended") && strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// compareOutput wants what the README shows below a command from that command, by and by.
func (r *readme) compareOutput(t *testing.T, sample string) {
	if r.again == nil {
		t.Skip("the command was not run")
	}
	lines := strings.Split(sample, "\n")
	alike := func() bool {
		if len(missing(lines, r.said)) == 0 {
			return true
		}
		r.said = r.again(t)
		return false
	}
	if !eventually(alike) {
		t.Errorf("%q are not in\n%s", missing(lines, r.said), r.said)
	}
	if _, recommended, ok := strings.Cut(sample, "\npolicies:\n"); ok {
		now, err := os.ReadFile(filepath.Join(r.dir, "redis.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Parse("redis.yaml", []byte(policies.ReplaceAllLiteralString(string(now), "policies:\n"+recommended))); err != nil {
			t.Error(err)
		}
	}
}

// compareLog wants lines such as the README shows, by and by. It breaks them where they are long.
func (r *readme) compareLog(t *testing.T, sample string) {
	lines := strings.Split(regexp.MustCompile(`\n +`).ReplaceAllString(strings.TrimSpace(sample), " "), "\n")
	var log []byte
	alike := func() bool {
		log, _ = os.ReadFile(r.log) // no line is in no log
		return len(missing(lines, string(log))) == 0
	}
	if !eventually(alike) {
		t.Errorf("%q are not in\n%s", missing(lines, string(log)), log)
	}
}

// comparePart wants every line of a sample in text.
func comparePart(t *testing.T, sample, text string) {
	for line := range strings.Lines(sample) {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not there", line)
		}
	}
}
