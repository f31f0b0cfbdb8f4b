package gateway

import (
	"cmp"
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"idlegate/gateway/internal/reactor"
)

// Run serves until ctx ends, which cuts what is open at once, or until a drain has ended. It is called once. A loop keeps
// one of the processors of Go's scheduler even while it waits for events, so Run makes sure that there are more of these
// than loops. The error is that of a loop that has failed, see relay.Loop.Run; then all connections have been cut.
func (g *Gateway) Run(ctx context.Context) error {
	g.announce()
	defer g.garbage.begin()()
	if more := len(g.loops) + 1; runtime.GOMAXPROCS(0) < more {
		runtime.GOMAXPROCS(more)
	}
	failures := make(chan error, len(g.loops))
	for i, l := range g.loops {
		go func() {
			defer close(g.ended[i])
			if err := l.Run(); err != nil {
				failures <- err
			}
		}()
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		g.admin.Serve()
	}()
	endWatch, endCertificates, endRecord := g.watch(ctx), g.certificates.watch(ctx), g.recordFigures(ctx)
	endKnowledge := g.keepKnowledge(ctx)
	err := g.supervise(ctx, failures)
	endRecord()
	endKnowledge()
	endWatch()
	endCertificates()
	g.stopAdmin()
	<-served
	for _, l := range g.adminListeners {
		l.close()
	}
	g.names.Close()
	g.health.Close()
	g.log.deeds.Info("stopped", "version", g.cfg.Version, "pid", os.Getpid(), "after", short(time.Since(g.since)))
	g.log.close()
	return err
}

// announce logs what is served where.
func (g *Gateway) announce() {
	descriptors, _ := reactor.DescriptorLimit() // it could be read when the gateway was made
	g.log.deeds.Info("started", "version", g.cfg.Version, "host", hostName(), "pid", os.Getpid(), "file", g.cfg.File, "generation", g.current().number,
		"loops", len(g.loops), "connections_max", g.admission.Max(), "descriptor_limit", descriptors, "buffer_memory", g.budget.Limit())
	for _, r := range g.current().routes {
		for _, l := range r.listeners {
			g.announceListener(r, l)
		}
	}
	for _, l := range g.adminListeners {
		g.log.logger.Info("serving the operator", "address", l.text)
	}
	for _, address := range g.resolver.given.Unused() {
		g.log.logger.Warn("clients of a socket that was given wait in vain: no route listens at its address", "address", address)
	}
	for _, warning := range g.unresolved() {
		g.log.logger.Warn(warning)
	}
	g.adoptEndpoints()
}

func (g *Gateway) announceListener(r *route, l *reactor.Listener) {
	g.log.logger.Info("listening", "route", r.Name, "address", l.String(), "protocol", r.cfg.Protocol.Framing.String(),
		"policy", cmp.Or(r.cfg.Policy.Name, "inline"), "kind", r.cfg.Policy.Kind.String(), "upstream", r.cfg.Upstream.Name)
}

// supervise waits for the loops to end, and makes sure that they do.
func (g *Gateway) supervise(ctx context.Context, failures <-chan error) error {
	var failure error
	all := make(chan struct{})
	go func() {
		defer close(all)
		for _, ended := range g.ended {
			<-ended
		}
	}()
	drain, done := g.drain, ctx.Done()
	for {
		select {
		case <-drain:
			drain = nil
			g.log.deeds.Info("draining", "drain_timeout", g.current().cfg.Gateway.DrainTimeout)
			g.startDrain()
		case <-done:
			done = nil
			g.log.deeds.Info("stopping at once")
			g.stopLoops()
		case err := <-failures:
			failure = errors.Join(failure, err)
			g.stopLoops()
		case <-all:
			return failure
		}
	}
}

// startDrain drains the loop that accepts first, so that it gives no client to one that is about to end.
func (g *Gateway) startDrain() {
	timeout := g.current().cfg.Gateway.DrainTimeout
	closed := make(chan struct{})
	first := g.loops[0]
	if first.Post(func() { first.Drain(timeout); close(closed) }) {
		<-closed
	}
	for _, l := range g.loops[1:] {
		l.Post(func() { l.Drain(timeout) })
	}
}

func (g *Gateway) stopLoops() {
	g.draining.Store(true)
	for _, l := range g.loops {
		l.Post(l.Stop)
	}
}

// adminGrace is how long requests to the admin server may go on when the gateway ends.
const adminGrace = time.Second

func (g *Gateway) stopAdmin() {
	ctx, cancel := context.WithTimeout(context.Background(), adminGrace)
	defer cancel()
	if err := g.admin.Shutdown(ctx); err != nil {
		g.log.logger.Warn("the admin server was cut", "error", err)
	}
}
