package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutHasTheReportInEveryForm(t *testing.T) {
	noneLeft(t)
	dir := filepath.Join(t.TempDir(), "new", "directory")
	var out, log bytes.Buffer
	code := execute(t.Context(), []string{"--quick", "--rounds", "1", "--window", "50ms", "--scenarios", "roundtrip-64,bulk-1m",
		"--proxies", "floor,goroutines", "--unit", "goroutines", "--out", dir}, &out, &log)
	if code != exitDone {
		t.Fatalf("exit code %d\n%s%s", code, &out, &log)
	}
	shown := nameFloor
	if strings.Contains(log.String(), "without floor: there is no C compiler") {
		shown = nameRelay
	}
	for _, name := range []string{"results.json", "table.md", "chart.svg"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(text), shown) {
			t.Errorf("%s does not mention %s", name, shown)
		}
	}
}

func TestOutThatCannotBeIsReportedBeforeAnythingIsMeasured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	if code := execute(t.Context(), []string{"--out", file}, &out, &log); code != exitFailed || out.Len() > 0 {
		t.Errorf("exit code %d\n%s%s", code, &out, &log)
	}
}
