package gateway

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/file"
	"idlegate/gateway/internal/health"
	"idlegate/gateway/internal/names"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/tlsio"
	"idlegate/policy"
)

// Config is what a Gateway is made from.
type Config struct {
	Policy  *policy.Config
	File    string        // that Policy was read from, and Reload reads again; "": there is none
	Content []byte        // what File held when Policy was read from it; nil: not known
	Every   time.Duration // between looks at File for edits; 0: it is read again only on demand
	Logger  *slog.Logger  // nil: as the policy's log section says
	Version string        // for build_info
	// GCPercent is what Run has debug.SetGCPercent told while few TLS handshakes are made; 0: that is left alone.
	GCPercent int

	// Sockets are listening already, as those that systemd has bound for a socket unit. What the policy has listen at the address of
	// one listens there. They stay open until the process ends, so that clients of a route that is away wait for it.
	Sockets []*os.File

	// Reloading is called when a policy file is about to be read and take over, and what it returns when that is done or refused.
	// Several may be under way. nil: nobody wants to know.
	Reloading func() (done func())

	lookup   names.Lookup // of names of endpoints; nil: names.System
	discover discover     // of names that stand for endpoints; nil: names.Discover
}

type discover = func(ctx context.Context, q names.Query, before []names.Target) ([]names.Target, error)

// Gateway is a gateway that is bound, and runs while Run does.
type Gateway struct {
	// Set once, then read only.
	cfg            Config
	clock          *reactor.Clock
	budget         *relay.Budget
	pipes          int // of each loop
	admission      *relay.Admission
	unrouted       *relay.RouteStats // of clients that were refused before they had a route
	loops          []*relay.Loop
	ended          []chan struct{} // by loop; closed when it has
	adminListeners []*adminListener
	admin          *admin.Server
	log            *journal
	names          *names.Table
	resolver       resolver // of what is listened at
	health         *health.Checker
	file           *file.File // cfg.File
	certificates   *certificates
	since          time.Time

	draining atomic.Bool   // no client is taken any more
	drain    chan struct{} // closed by the first Drain
	once     sync.Once

	turn    chan struct{} // holds an item while a policy file is prepared and takes over
	editing sync.Mutex    // held while one takes over, or an endpoint is drained

	checking   sync.Mutex // held while it is said which endpoints are checked
	addressing sync.Mutex // held while endpoints get the addresses that are known

	mu         sync.Mutex
	generation *generation // Guarded by mu; what it points to is never changed.
	lastReload *api.Reload // Guarded by mu; nil: none yet.
	reads      reads       // Guarded by mu.
	unseen     unseen      // Guarded by mu.
	wentBack   time.Time   // Guarded by mu; when an operator went back to the policy before; zero: what the file says is in force.

	record    *recorder  // set once
	hands     *hands     // set once
	knowledge *knowledge // set once
	garbage   *garbage   // set once
}

// New binds every address of cfg.Policy, and has its names looked up. Nothing is accepted before Run, and what was bound is
// given up again where New fails. A name of an endpoint that does not resolve is no failure.
func New(cfg Config) (*Gateway, error) {
	g := &Gateway{cfg: cfg, since: time.Now(), drain: make(chan struct{}), turn: make(chan struct{}, 1), file: file.New(cfg.File), record: newRecorder(), hands: newHands(), knowledge: newKnowledge(cfg.Policy.Advise)}
	g.reads.says = cfg.Policy
	if cfg.Content != nil {
		g.reads.sum = sha256.Sum256(cfg.Content)
	}
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
	if err := g.makeLoops(); err != nil {
		return err
	}
	if g.resolver, err = listeningAt(g.cfg.Sockets); err != nil {
		return err
	}
	g.certificates = newCertificates(g.log.logger)
	g.names, g.health = g.newNames(), health.New()
	g.learn(context.Background(), g.cfg.Policy)
	first, err := compile(g.cfg.Policy, nil, len(g.loops), g.names)
	if err != nil {
		return err
	}
	first.follow(nil, g.cfg.Policy)
	for _, u := range first.upstreams {
		u.takeOver()
	}
	g.mu.Lock()
	g.generation = first // of which names that resolve from now on hear
	g.mu.Unlock()
	if _, err := first.listen(nil, g.resolver); err != nil {
		return err
	}
	if err := g.loops[0].Accept(first.bindings()); err != nil {
		return err
	}
	if err := g.bindAdmin(); err != nil {
		return err
	}
	g.certificates.keep(first)
	return nil
}

// mostHandshakes is how many TLS handshakes may be under way. Each takes some 30 KiB until it is over; at 100 ms of round trip
// that is 20,000 a second.
const mostHandshakes = 4096

func (g *Gateway) makeLoops() error {
	n := g.cfg.Policy.Gateway.Loops
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), runtime.NumCPU()) // the former knows a container's quota, and may be raised by Run
	}
	limit, err := reactor.DescriptorLimit()
	if err != nil {
		return err
	}
	g.pipes = pipesFor(limit, n)
	bounds := g.bounds(g.cfg.Policy, limit, n)
	g.budget, g.admission = relay.NewBudget(bounds.memory), relay.NewAdmission(bounds.connections, bounds.onFull)
	handshakes := tlsio.NewPool(mostHandshakes, n)
	g.garbage = &garbage{atRest: g.cfg.GCPercent, handshakes: handshakes}
	g.unrouted = relay.NewRouteStats(policy.NoRoute, n)
	for i := range n {
		l, err := relay.New(relay.Config{
			Clock: g.clock, Budget: g.budget, Admission: g.admission, Reporter: g.log, Unrouted: g.unrouted, Pipes: g.pipes, Index: i,
			Handshakes: handshakes,
		})
		if err != nil {
			return err
		}
		g.loops = append(g.loops, l)
		g.ended = append(g.ended, make(chan struct{}))
	}
	g.admission.Share(g.loops)
	return nil
}

// release gives up what New has bound so far.
func (g *Gateway) release() {
	if g.generation != nil {
		for _, l := range g.generation.bindings() {
			l.Listener.Close()
		}
	}
	for _, l := range g.adminListeners {
		l.close()
	}
	if g.names != nil {
		g.names.Close() // it makes loops review their connections
		g.health.Close()
	}
	for _, l := range g.loops {
		l.Discard()
	}
	if g.log != nil {
		g.log.close()
	}
}

// Addresses returns the bound addresses of a route, with the ports that the kernel chose.
func (g *Gateway) Addresses(route string) []string { return g.current().route(route).addresses() }

// AdminAddress returns the bound address of the admin server.
func (g *Gateway) AdminAddress() string { return g.adminListeners[0].text }

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

// Log returns where the gateway logs to.
func (g *Gateway) Log() *slog.Logger { return g.log.logger }

// ReopenLog closes log.file and opens its path again, after a rotation. Where it cannot be opened, the old
// one goes on, and the error says why; it is nil where nothing is logged to a file.
func (g *Gateway) ReopenLog() error { return g.log.reopen() }
