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
		{name: "level", takes: word(&l.Level), standard: "info", doc: "lines of this level and above are written: `debug`, `info`, `warn` or `error`"},
		{name: "format", takes: word(&l.Format), standard: "text", doc: "`text`, or `json` with durations in seconds"},
		{name: "connections", takes: word(&l.Connections), standard: "all",
			doc: "which connections get a line when they end: `all`, `none`, or `faults`, which leaves out `client_fin`, `upstream_fin`, `deadline`, `max_lifetime`, `drained`, `route_removed` and `killed`"},
		{name: "file", takes: file(&l.File), without: "standard error", doc: "the path of the log; lines are appended"},
	}
}
