package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/policy"
)

// Config is what a Gateway is made from.
type Config struct {
	Policy  *policy.Config
	Logger  *slog.Logger // nil: as the policy's log section says
	Version string       // for build_info
}

// Gateway is a gateway that is bound, and runs while Run does.
type Gateway struct {
	// Set once, then read only.
	cfg       Config
	plan      *plan
	clock     *reactor.Clock
	budget    *relay.Budget
	pipes     int // of each loop
	gate      *relay.Gate
	loops     []*relay.Loop
	ended     []chan struct{} // by loop; closed when it has
	addresses map[string][]string
	listeners []*reactor.Listener
	doors     []operatorDoor
	admin     *admin.Server
	log       *journal
	since     time.Time

	draining atomic.Bool   // no client is taken any more
	drain    chan struct{} // closed by the first Drain
	once     sync.Once
}

// New resolves every name and binds every address of cfg.Policy. Nothing is accepted before Run, and what was bound is
// given up again where New fails.
func New(cfg Config) (*Gateway, error) {
	g := &Gateway{cfg: cfg, since: time.Now(), drain: make(chan struct{}), addresses: map[string][]string{}}
	if err := g.prepare(); err != nil {
		g.release()
		return nil, err
	}
	return g, nil
}

func (g *Gateway) prepare() error {
	var err error
	if g.clock, err = reactor.NewClock(); err != nil {
		return err
	}
	if g.log, err = newJournal(g.cfg.Logger, g.cfg.Policy.Log, g.clock); err != nil {
		return err
	}
	if g.plan, err = compile(g.cfg.Policy, system); err != nil {
		return err
	}
	if err := g.makeLoops(); err != nil {
		return err
	}
	if err := g.bind(); err != nil {
		return err
	}
	return g.bindAdmin()
}

const (
	// spareDescriptors are kept for everything else: listeners, event loops, the operator, log files.
	spareDescriptors = 200
	// mostPipes is how many pipes for large messages a loop may have, of two descriptors each. Where descriptors are few
	// they get no more than a share of 1/pipeShare of them together.
	mostPipes = 32
	pipeShare = 16
)

func (g *Gateway) makeLoops() error {
	n := g.cfg.Policy.Gateway.Loops
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), runtime.NumCPU()) // the former knows a container's quota, and may be raised by Run
	}
	if err := g.setLimits(n); err != nil {
		return err
	}
	for i := range n {
		l, err := relay.New(relay.Config{
			Clock: g.clock, Budget: g.budget, Gate: g.gate, Reporter: g.log,
			Routes: g.plan.routes, Upstream: g.plan.endpoints, Pipes: g.pipes, Index: i,
		})
		if err != nil {
			return err
		}
		g.loops = append(g.loops, l)
		g.ended = append(g.ended, make(chan struct{}))
	}
	g.gate.Share(g.loops)
	return nil
}

// setLimits sets what all n loops have to share. Where the policy asks for what cannot be, the nearest that can be is in
// force, and the log says so.
func (g *Gateway) setLimits(n int) error {
	settings := g.cfg.Policy.Gateway
	limit, err := reactor.DescriptorLimit()
	if err != nil {
		return err
	}
	g.pipes = min(mostPipes, limit/pipeShare/2/n)
	most := int64(max(1, (limit-spareDescriptors-2*g.pipes*n)/2))
	if want := int64(settings.MaxConnections); want > most {
		g.log.logger.Warn("max_connections is more than the descriptor limit allows",
			"max_connections", want, "descriptor_limit", limit, "in_force", most)
	} else if want > 0 {
		most = want
	}
	memory := settings.BufferMemory
	if least := relay.LeastBudget(n); memory < least {
		g.log.logger.Warn("buffer_memory is less than the event loops need",
			"buffer_memory", memory, "loops", n, "in_force", least)
		memory = least
	}
	g.budget = relay.NewBudget(memory)
	g.gate = relay.NewGate(most, settings.OnFull == policy.OnFullRefuse)
	return nil
}

// bind binds the listeners of all routes and gives them to the loop that accepts.
func (g *Gateway) bind() error {
	var doors []relay.Door
	for i, r := range g.cfg.Policy.Routes {
		for _, a := range r.Listen {
			l, err := system.listen(a, g.plan.routes[i].Options)
			if err != nil {
				return fmt.Errorf("route %s: %w", r.Name, err)
			}
			g.listeners = append(g.listeners, l)
			g.addresses[r.Name] = append(g.addresses[r.Name], l.String())
			doors = append(doors, relay.Door{Listener: l, Route: g.plan.routes[i]})
		}
	}
	return g.loops[0].Accept(doors)
}

// release gives up what New has bound so far.
func (g *Gateway) release() {
	for _, l := range g.listeners {
		l.Close()
	}
	for _, l := range g.loops {
		l.Discard()
	}
	for _, door := range g.doors {
		door.close()
	}
	if g.log != nil {
		g.log.close()
	}
}

// Addresses returns the bound addresses of a route, with the ports that the kernel chose.
func (g *Gateway) Addresses(route string) []string { return g.addresses[route] }

// AdminAddress returns the bound address of the admin server.
func (g *Gateway) AdminAddress() string { return doorText(g.doors[0]) }

// Ready reports whether the gateway takes clients, and if not why.
func (g *Gateway) Ready() (bool, string) {
	if g.draining.Load() {
		return false, "draining"
	}
	return true, ""
}

// Drain stops accepting and lets what is open end within the policy's drain_timeout; then Run returns. A second call
// changes nothing.
func (g *Gateway) Drain() {
	g.once.Do(func() {
		g.draining.Store(true)
		close(g.drain)
	})
}

// Run serves until ctx ends, which cuts what is open at once, or until a drain has ended. It is called once. A loop keeps
// one of the processors of Go's scheduler even while it waits for events, so Run sees to it that there are more of these
// than loops.
func (g *Gateway) Run(ctx context.Context) error {
	g.announce()
	if more := len(g.loops) + 1; runtime.GOMAXPROCS(0) < more {
		runtime.GOMAXPROCS(more)
	}
	failures := make(chan error, len(g.loops)+1)
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
		if err := g.admin.Serve(); err != nil {
			failures <- err
		}
	}()
	err := g.supervise(ctx, failures)
	g.stopAdmin()
	<-served
	g.log.close()
	return err
}

// announce logs what is served where.
func (g *Gateway) announce() {
	for _, r := range g.cfg.Policy.Routes {
		for _, address := range g.addresses[r.Name] {
			g.log.logger.Info("listening", "route", r.Name, "address", address, "protocol", r.Protocol.Framing.String(),
				"policy", r.Policy.Kind.String(), "upstream", r.Upstream.Name)
		}
	}
	for _, door := range g.doors {
		g.log.logger.Info("serving metrics and health", "address", doorText(door))
	}
}

// supervise waits for the loops to end, and sees to it that they do.
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
			g.log.logger.Info("draining", "drain_timeout", g.cfg.Policy.Gateway.DrainTimeout)
			g.startDrain()
		case <-done:
			done = nil
			g.log.logger.Info("stopping at once")
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
	timeout := g.cfg.Policy.Gateway.DrainTimeout
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
	for _, door := range g.doors {
		door.close()
	}
}
