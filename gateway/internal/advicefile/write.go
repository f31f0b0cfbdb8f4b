package advicefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Beside returns the name under which a file is written before it takes its place.
func Beside(path string) string { return path + ".new" }

// Write puts data into the place of path at once, or leaves there what was, with the error of the system. It may hang as long as the
// file system does.
func Write(path string, data []byte) error {
	beside := Beside(path)
	if err := writeWhole(beside, data); err != nil {
		_ = os.Remove(beside) // a disk that is full gets back what there was room for
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		_ = os.Remove(beside)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// writeWhole makes a new file, so that it is its owner's only, whatever had its name.
func writeWhole(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync() // or a crash could leave a name without its content
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes the new name survive a crash. Some file systems cannot do that for a folder, which is no failure.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil //nolint:nilerr // the file is in its place
	}
	_ = f.Sync()
	return f.Close()
}
