// Package policy turns the operator's YAML file into an immutable Config.
//
// Parse is strict and complete: it reports every problem of a file at once, each with its position and the path of the
// key, and where it reports none every default has been filled in, so that the rest of the program never asks whether a
// value was given. Config.YAML writes the effective file, which parses to the same Config again. Diff says in the words of
// the file what an edit changes, and an Origin where a value in force was written.
//
//	cfg, err := policy.Parse("idlegate.yaml", data)
//	if err != nil {
//		fmt.Fprintln(os.Stderr, err) // one line a problem: file:line:column: key.path: what is wrong
//	}
//
// The package knows no sockets and reads no files. A Config is never changed after Parse returned it, so any number of
// goroutines may read it.
package policy

// Config is one whole policy file with every default filled in.
type Config struct {
	Admin     Admin
	Log       Log
	Gateway   Gateway
	Policies  []*Policy   // the named ones, in the order of the file; ResetOn 0: left to each route
	Upstreams []*Upstream // in the order of the file
	Routes    []*Route    // in the order of the file

	name     string // of the file
	marks    map[string]position
	warnings Problems
}
