package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A pipe has been read to its end: to look at it again would find that it is no file, and count as a refused edit.
func TestOnlyARegularFileIsLookedAtForEdits(t *testing.T) {
	regular := filepath.Join(t.TempDir(), "idlegate.yaml")
	if err := os.WriteFile(regular, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if _, err := io.WriteString(writing, "text"); err != nil {
		t.Fatal(err)
	}
	writing.Close()
	for name, every := range map[string]time.Duration{regular: time.Second, fmt.Sprintf("/dev/fd/%d", reading.Fd()): 0} {
		start, err := readAtStart(name)
		if err != nil || string(start.data) != "text" || start.every != every {
			t.Errorf("%s: %q, %v, %v; want a look every %v", name, start.data, start.every, err, every)
		}
	}
}
