package main

import (
	"context"
	"errors"

	"idlegate/cmd/idlebench/internal/floor"
)

// nameFloor is a relay in C that does nothing but relay: what it costs, the kernel costs.
const nameFloor = "floor"

func (f finder) buildFloor(ctx context.Context) (contender, error) {
	binary, err := floor.Build(ctx, f.dir)
	if errors.Is(err, floor.ErrNoCompiler) {
		return contender{}, &missingError{err.Error()}
	}
	return contender{Name: nameFloor, argv: func(s site) ([]string, error) {
		return floor.Argv(binary, s.threads, s.listen, s.backend)
	}}, err
}
