package policy

// position is where a value stands in the file.
type position struct{ line, column int }

// mark notes where c stands, so that what is found wrong with its value later, outside the file, can be reported there.
func (c cursor) mark() {
	if c.r.marks == nil {
		c.r.marks = map[string]position{}
	}
	c.r.marks[c.path] = position{c.line, c.column}
}

// ProblemAt is a problem of what stands at path: that of a file, a listener or an endpoint, in the form of Problem.Path. It
// is for those who look at what the file names. Elsewhere, and where the value is a default, its position is the file's
// beginning.
func (c *Config) ProblemAt(path, text string) Problem {
	at, ok := c.marks[path]
	if !ok {
		at = position{1, 1}
	}
	return Problem{File: c.name, Line: at.line, Column: at.column, Path: path, Text: text}
}
