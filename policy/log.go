package policy

// Log says what is logged and where to.
type Log struct {
	Level       LogLevel
	Format      LogFormat
	Connections LogConnections
	File        File // zero is standard error
}

func (l *Log) keys() keys {
	return keys{
		{name: "level", takes: word(&l.Level), standard: "info", doc: "the least severe lines that are written: `debug`, `info`, `warn` or `error`"},
		{name: "format", takes: word(&l.Format), standard: "text", doc: "`text`, or `json` with durations in seconds"},
		{name: "connections", takes: word(&l.Connections), standard: "all",
			doc: "a line for each connection that ended: `all`, `faults` (not those that a side finished or that lasted as long as their kind may) or `none`"},
		{name: "file", takes: file(&l.File), without: "standard error", doc: "a path; lines are appended"},
	}
}
