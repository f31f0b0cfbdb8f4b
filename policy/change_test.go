package policy

import (
	"strings"
	"testing"
)

// TestChangeIsBounded uses the longest path that there is, and values that are as long as values can be.
func TestChangeIsBounded(t *testing.T) {
	name := strings.Repeat("n", maxName)
	path := "routes." + name + ".upstream_protocol.length_field.magic.text"
	long := strings.Repeat("ä", 200)
	tests := []struct {
		rule   string
		change Change
		want   string // the end of it
	}{
		{"both long", Change{Path: path, From: "1" + long, To: "2" + long}, "äää..."},
		{"the shorter one stays whole", Change{Path: path, From: long, To: "16MiB"}, "äää... -> 16MiB"},
		{"what goes is cut as well", Change{Path: path, From: long}, "äää..."},
		{"what comes is cut as well", Change{Path: path, To: long}, "äää..."},
		{"what differs is shown", Change{Path: "log.file", From: "/var/" + long + "/old", To: "/var/" + long + "/new"}, "log.file: ...äääää/old -> ...äääää/new"},
		{"the beginning of one is the other", Change{Path: "log.file", From: "/var/" + long, To: "/var/" + long + ".1"}, "äää -> ...äääää.1"},
		{"names are left whole", Change{Path: "routes." + name + ".upstream", From: "a" + name[:50], To: "b" + name[:50]}, "nnn -> b" + name[:50]},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			got := test.change.String()
			if len(got) > longest || !strings.HasPrefix(got, test.change.Path+": ") || !strings.HasSuffix(got, test.want) {
				t.Errorf("%d bytes: %s\nwant at most %d, and %q at the end", len(got), got, longest, test.want)
			}
		})
	}
}
