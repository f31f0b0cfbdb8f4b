package policy

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReferenceIsThatOfTheKeys holds the tables of README.md to the list of keys; -update writes them.
func TestReferenceIsThatOfTheKeys(t *testing.T) {
	const file = "README.md"
	found := map[string]bool{}
	is := string(read(t, file))
	marked := regexp.MustCompile(`(?s)(<!-- ([a-z_]+) -->\n).*?(<!-- end -->\n)`)
	wanted := marked.ReplaceAllStringFunc(is, func(part string) string {
		m := marked.FindStringSubmatch(part)
		found[m[2]] = true
		return m[1] + Reference()[m[2]] + m[3]
	})
	for title := range Reference() {
		if !found[title] {
			t.Errorf("%s has no place for %s", file, title)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(wanted), 0o644); err != nil {
			t.Fatal(err)
		}
		is = wanted
	}
	if diff := cmp.Diff(is, wanted); diff != "" {
		t.Errorf("%s (-is +wanted):\n%s", file, diff)
	}
}

// TestEveryKeyIsDescribed keeps the list complete: what is written must be explained, and what has a default must keep it.
func TestEveryKeyIsDescribed(t *testing.T) {
	checkDescribed(t, new(Config).keys(), "")
}

func checkDescribed(t *testing.T, list keys, path string) {
	t.Helper()
	for _, k := range list {
		at := path + "." + k.name
		if k.doc == "" {
			t.Errorf("%s has no description", at)
		}
		if k.takes.below == nil && k.example == "" && k.standard == "" && k.without == "" && k.name != "text" && k.name != "hex" {
			t.Errorf("%s does not say what holds where it is not written", at)
		}
		if k.standard != "" {
			checkDefault(t, k, at)
		}
		if k.takes.below != nil {
			checkDescribed(t, k.takes.below(), at)
		}
	}
}

func checkDefault(t *testing.T, k key, path string) {
	t.Helper()
	r := &reader{}
	k.takes.read(cursor{r: r, node: parsed(k.standard)})
	if len(r.problems) > 0 {
		t.Errorf("the default of %s is bad: %v", path, r.problems)
	}
}
