package policy

import "path/filepath"

// File is a file that the policy file names; the zero File is none. Its path counts from the folder of the policy file.
type File struct {
	Path string // to open it by
	text string // as it is written
}

// String is the path as it is written, "" for none.
func (f File) String() string { return f.text }

// IsZero says that f is no file.
func (f File) IsZero() bool { return f == File{} }

// fileAt is the file that text names in a policy file called name. What has no folder of its own, as standard input and
// /dev/fd/3, counts from the working directory.
func fileAt(name, text string) File {
	folder := filepath.Dir(name)
	if filepath.IsAbs(text) || folder == "." || folder == "/dev" || folder == "/dev/fd" || folder == "/proc/self/fd" {
		return File{Path: text, text: text}
	}
	return File{Path: filepath.Join(folder, text), text: text}
}
