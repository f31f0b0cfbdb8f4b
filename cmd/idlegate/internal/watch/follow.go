package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mostLinks is how many links the kernel follows on one way, by path_resolution(7).
const mostLinks = 40

// follow goes the way to file as the kernel does. For every name on it, those in the targets of links included, it calls
// watch with the directory that the name lies in, itself free of links, before it looks at what the name is: what comes to
// be of it later, the watch will see. A way that ends early, or in a circle, is no error.
//
// A directory that may be searched but not read cannot be watched. That is no error either where only the next directory
// lies in it.
func follow(file string, watch func(dir, name string) error) error {
	dir, rest := "/", strings.Split(file, "/")
	links := 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			dir = filepath.Dir(dir)
			continue
		}
		failure := watch(dir, name)
		path := filepath.Join(dir, name)
		found, err := os.Lstat(path)
		passable := err == nil && found.IsDir() && errors.Is(failure, fs.ErrPermission)
		if failure != nil && !passable {
			return failure
		}
		if err != nil {
			return nil
		}
		if found.Mode()&fs.ModeSymlink == 0 {
			dir = path
			continue
		}
		target, err := os.Readlink(path)
		if links++; err != nil || links > mostLinks {
			return nil
		}
		if filepath.IsAbs(target) {
			dir = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return nil
}
