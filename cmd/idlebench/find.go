package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// finder looks for the contenders on this machine.
type finder struct {
	self  string // path of this program
	dir   string // for what is built
	built bool   // it is there already
	log   io.Writer
}

// find returns those of the names that are there.
func (f finder) find(ctx context.Context, names []string) ([]contender, error) {
	var found []contender
	for _, name := range names {
		c, err := f.one(ctx, name)
		var missing *missingError
		if errors.As(err, &missing) {
			fmt.Fprintf(f.log, "without %s: %v\n", name, missing)
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, nil
}

// missingError says why a contender is left out.
type missingError struct{ why string }

func (e *missingError) Error() string { return e.why }

func (f finder) one(ctx context.Context, name string) (contender, error) {
	switch name {
	case nameDirect:
		return direct(), nil
	case nameIdlegate:
		return f.buildIdlegate(ctx)
	case nameWatched:
		c, err := f.buildIdlegate(ctx)
		return watched(c), err
	case nameHAProxy:
		return f.haproxy(ctx)
	case nameNginx:
		return f.nginx(ctx)
	case nameFloor:
		return f.buildFloor(ctx)
	case nameRelay:
		return goroutines(f.self), nil
	}
	if name, binary, ok := strings.Cut(name, "="); ok {
		return f.versioned(ctx, named(name, idlegate(binary)), binary, "version")
	}
	return contender{}, usageError{fmt.Errorf("unknown proxy %q", name)}
}

// named is a contender under another name: a build of idlegate to compare with this one.
func named(name string, c contender) contender {
	c.Name = name
	return c
}

func (f finder) buildIdlegate(ctx context.Context) (contender, error) {
	binary := filepath.Join(f.dir, "idlegate")
	if f.built {
		return f.versioned(ctx, idlegate(binary), binary, "version")
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "idlegate/cmd/idlegate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		return contender{}, fmt.Errorf("build idlegate: %w\n%s", err, out)
	}
	return f.versioned(ctx, idlegate(binary), binary, "version")
}

func (f finder) haproxy(ctx context.Context) (contender, error) {
	binary, err := lookUp("haproxy")
	if err != nil {
		return contender{}, err
	}
	return f.versioned(ctx, haproxy(binary), binary, "-v")
}

// nginx looks for the stream module, too, which distributions put into a package of its own.
func (f finder) nginx(ctx context.Context) (contender, error) {
	binary, err := lookUp("nginx")
	if err != nil {
		return contender{}, err
	}
	out, err := exec.CommandContext(ctx, binary, "-V").CombinedOutput()
	if err != nil {
		return contender{}, fmt.Errorf("%s -V: %w\n%s", binary, err, out)
	}
	module, err := streamModule(strings.Fields(string(out)))
	if err != nil {
		return contender{}, err
	}
	return f.versioned(ctx, nginx(binary, module), binary, "-v")
}

// streamModule finds nginx's stream module by the options that nginx was built with: the path of a file to load, or
// nothing where it is built in.
func streamModule(options []string) (string, error) {
	if slices.Contains(options, "--with-stream") {
		return "", nil
	}
	for _, option := range options {
		if directory, ok := strings.CutPrefix(option, "--modules-path="); ok {
			module := filepath.Join(directory, "ngx_stream_module.so")
			if _, err := os.Stat(module); err == nil {
				return module, nil
			}
		}
	}
	return "", &missingError{"its stream module is not installed"}
}

func (f finder) versioned(ctx context.Context, c contender, binary, versionFlag string) (contender, error) {
	out, err := exec.CommandContext(ctx, binary, versionFlag).CombinedOutput()
	if err != nil {
		return c, fmt.Errorf("%s %s: %w\n%s", binary, versionFlag, err, out)
	}
	c.Version, _, _ = strings.Cut(string(out), "\n")
	return c, nil
}

// lookUp also looks where Debian keeps daemons, which is not in every user's path.
func lookUp(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(filepath.Join("/usr/sbin", name)); err == nil {
		return path, nil
	}
	return "", &missingError{"it is not installed"}
}
