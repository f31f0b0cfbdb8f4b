package main

import (
	"errors"
	"os"
	"path/filepath"
)

// writeAll writes the report in every form into a directory, which must be there.
func (r report) writeAll(dir string) error {
	in := func(name string) string { return filepath.Join(dir, name) }
	return errors.Join(
		r.writeJSON(in("results.json")),
		os.WriteFile(in("table.md"), []byte(r.markdown()), 0o644),
		os.WriteFile(in("chart.svg"), []byte(r.chart()), 0o644),
	)
}
