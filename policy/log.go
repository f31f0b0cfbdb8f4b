package policy

import "gopkg.in/yaml.v3"

// Log says what is logged and where to.
type Log struct {
	Level       LogLevel
	Format      LogFormat
	Connections LogConnections
	File        File // zero is standard error
}

func (c cursor) log() Log {
	var l Log
	c.mapping(keys{
		"level":       word(&l.Level),
		"format":      word(&l.Format),
		"connections": word(&l.Connections),
		"file":        file(&l.File),
	})
	return l
}

func (l Log) node() *yaml.Node {
	return block(
		pair{"level", scalarNode(l.Level.String())},
		pair{"format", scalarNode(l.Format.String())},
		pair{"connections", scalarNode(l.Connections.String())},
		pair{"file", optional(l.File.String())},
	)
}
