package table

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func three() *Table {
	t := New(Left("ROUTE"), Right("CONNECTIONS"), Left("WHY"))
	t.Row("devices", "1,204", "idle_timeout")
	t.Row("größe", "2")
	t.Row("", "", "")
	return t
}

func TestLines(t *testing.T) {
	want := []string{
		"ROUTE    CONNECTIONS  WHY",
		"devices        1,204  idle_timeout",
		"größe              2  -",
		"-                  -  -",
	}
	if diff := cmp.Diff(want, three().Lines()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWithin(t *testing.T) {
	const all = 7 + 2 + 11 + 2 + 12
	for name, c := range map[string]struct {
		width int
		head  string
	}{
		"no bound":                               {0, "ROUTE    CONNECTIONS  WHY"},
		"just wide enough":                       {all, "ROUTE    CONNECTIONS  WHY"},
		"one too narrow: the first goes":         {all - 1, "ROUTE    WHY"},
		"still too narrow: the second goes":      {20, "WHY"},
		"what cannot be done without is kept on": {3, "WHY"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := three().Within(c.width, "CONNECTIONS", "ROUTE")[0]; got != c.head {
				t.Errorf("%q, want %q", got, c.head)
			}
		})
	}
}
