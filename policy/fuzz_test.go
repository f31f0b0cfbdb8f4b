package policy

import (
	"errors"
	"testing"
)

// FuzzParse checks that no file makes Parse panic, that every problem has a place, and that what parses round-trips.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		for _, file := range glob(f, pattern) {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := Parse("file", data)
		if err == nil {
			checkRoundTrip(t, config)
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("error is %#v, not Problems", err)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" {
				t.Errorf("problem without a place or a text: %#v", p)
			}
		}
	})
}
