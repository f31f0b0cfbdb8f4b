package gateway

import (
	"context"
	"fmt"
	"os"
	"slices"

	"idlegate/gateway/internal/names"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
)

// What a service manager gives a gateway, and is told by it.

// listeningAt returns the resolver of a gateway that was given sockets.
func listeningAt(sockets []*os.File) (resolver, error) {
	var fds []int
	for _, file := range sockets {
		fd, err := descriptor(file)
		if err != nil {
			return resolver{}, fmt.Errorf("socket %s, which was given: %w", file.Name(), err)
		}
		fds = append(fds, fd)
	}
	given, err := reactor.NewGiven(fds)
	return resolver{lookup: names.System, given: given}, err
}

// descriptor is File.Fd, which would have reads of the socket block.
func descriptor(file *os.File) (fd int, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = raw.Control(func(number uintptr) { fd = int(number) })
	return fd, err
}

// reloading tells whom it concerns that a policy file is about to be read.
func (g *Gateway) reloading() (done func()) {
	if g.cfg.Reloading == nil {
		return func() {}
	}
	return g.cfg.Reloading()
}

// Turning waits until every event loop has come round once. The error says which has not when ctx ends. One that has ended
// has nothing to do any more, and is no error.
func (g *Gateway) Turning(ctx context.Context) error {
	_, err := ask(ctx, g, "a sign of life", func(*relay.Loop) struct{} { return struct{}{} })
	return err
}

// Open is how many connections are open; it asks no loop.
func (g *Gateway) Open() (connections int64) {
	now, gone := g.served()
	for _, r := range slices.Concat(now.routes, gone.routes) {
		connections += r.Open()
	}
	return connections
}
