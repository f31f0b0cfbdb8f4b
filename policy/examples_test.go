package policy

import (
	"path/filepath"
	"testing"
)

// TestExamplesAreSound parses the policies to start from, without a warning.
func TestExamplesAreSound(t *testing.T) {
	for _, file := range glob(t, "../deploy/examples/*.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, warning := range parse(t, read(t, file)).Warnings() {
				t.Error(warning)
			}
		})
	}
}
