// Package floor builds the relay that no proxy can be cheaper than: one in C that does nothing but relay.
//
// Its source is part of this program, and it is compiled by the C compiler of the machine where it runs, so that the
// benchmark needs no cgo and measures the floor of that very kernel. The source has a directory without Go files of its
// own, since the Go tool would take it for a part of the package.
package floor

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

//go:embed c/floor.c
var source []byte

// ErrNoCompiler is what Build returns where there is no C compiler.
var ErrNoCompiler = errors.New("there is no C compiler")

// Build compiles the relay into dir with the compiler named cc, by more than the usual flags if there are any, and returns
// the binary's path.
func Build(ctx context.Context, dir string, flags ...string) (string, error) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		return "", ErrNoCompiler
	}
	file, binary := filepath.Join(dir, "floor.c"), filepath.Join(dir, "floor")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		return "", err
	}
	args := append([]string{"-O2", "-pthread", "-o", binary, file}, flags...)
	if out, err := exec.CommandContext(ctx, compiler, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the floor: %w\n%s", err, out)
	}
	return binary, nil
}

// Argv is the command line that relays between two addresses, each an IPv4 host:port.
func Argv(binary string, threads int, listen, backend string) ([]string, error) {
	argv := []string{binary, strconv.Itoa(threads)}
	for _, address := range []string{listen, backend} {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		argv = append(argv, host, port)
	}
	return argv, nil
}
