package relay

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
	"idlegate/gateway/internal/wheel"
)

// Reporter is told what happened to connections. Its methods are called on the loops and must not wait.
type Reporter interface {
	Ended(ledger.Ended)
	Observed(Observed)
	Resumed(Resumed)
	Trouble(Trouble)
	Health(Health)
}

// Trouble is something that the operator should know and that is no connection's own, or that it is over.
type Trouble struct{ Text string }

// Config is what a loop is made from.
type Config struct {
	Handshakes *tlsio.Pool
	Clock      *reactor.Clock
	Budget     *Budget
	Admission  *Admission
	Reporter   Reporter
	Unrouted   *RouteStats // of clients that were refused before they had a route
	Pipes      int         // that the loop may have open
	Index      int         // of the loop
}

// Loop is one event loop: it waits, tells its parts what has come, and owns the sessions. What a message takes is its own work, in pump.go,
// read.go and write.go; anything else is that of its parts.
type Loop struct {
	// Set once, then read only.
	cfg    Config
	poller *reactor.Poller

	// Owned by the loop, its parts included.
	now     deadline.Instant // of the wake-up under way
	buf     []byte           // reads go here
	slab    slab
	backlog backlog
	pool    *pool
	extras  extras
	random  *rand.Rand
	busy    busyTime
	stopped bool
	tally

	// Who comes, and goes.
	acceptor   acceptor
	connector  connector
	handshaker handshaker
	ends       ends
	closer     closer
	drain      drains

	// When.
	timers timers

	// What is not simply passed on.
	inserter   inserter
	keeper     keeper
	memory     memory
	unbuffered unbuffered
	holder     holder
	splicer    splicer
	tls        tlsLayer

	acted  bool        // there was something to do since ClearActive
	active atomic.Bool // the same, for those who ask

	sessions atomic.Int64 // what the acceptor balances by

	mailbox mailbox
}

// New returns a loop that Run drives. The error is that of reactor.NewPoller.
func New(cfg Config) (*Loop, error) {
	poller, err := reactor.NewPoller()
	if err != nil {
		return nil, err
	}
	now := cfg.Clock.Now()
	l := &Loop{
		cfg: cfg, poller: poller, now: deadline.Instant(now), buf: make([]byte, readSize), pool: newPool(cfg.Budget, cfg.Pipes),
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), tally: tally{index: cfg.Index},
	}
	l.acceptor = acceptor{loop: l}
	l.connector = connector{loop: l}
	l.handshaker = handshaker{loop: l, pool: cfg.Handshakes}
	l.ends = ends{loop: l}
	l.closer = closer{loop: l}
	l.timers = timers{loop: l, wheel: wheel.New(now)}
	l.inserter = inserter{loop: l}
	l.keeper = keeper{extras: &l.extras, budget: cfg.Budget}
	l.memory = memory{loop: l, budget: cfg.Budget, admission: cfg.Admission}
	l.unbuffered = unbuffered{loop: l}
	l.holder = holder{loop: l}
	l.splicer = splicer{loop: l}
	l.tls = tlsLayer{loop: l}
	return l, nil
}

// Post calls f on the loop. It reports false, and f is never called, when the loop has ended.
func (l *Loop) Post(f func()) bool {
	return l.mailbox.put(f, l.poller.Wake)
}

// Run drives the loop until Stop, or until a drain has ended its last connection: then the error is nil. Else it is that of
// Poller.Wait, and every connection of the loop has been cut.
func (l *Loop) Run() error {
	defer l.shutDown()
	l.busy.began = l.now
	for !l.stopped {
		patience := l.patience()
		l.busy.waits(l.now, patience)
		n, err := l.poller.Wait(patience)
		if err != nil {
			return fmt.Errorf("event loop %d: %w", l.cfg.Index, err)
		}
		l.tick()
		l.busy.woke(l.now, patience)
		l.turn(n)
	}
	return nil
}

// tick reads the clock. Besides once per wake-up that is done after each read, and wherever else a timer starts: what
// happened while a long batch was handled would else count as having happened at its beginning, and the timers that it
// starts fire early by that much. It costs 40 ns where the system call before it costs some 1,000.
func (l *Loop) tick() { l.now = deadline.Instant(l.cfg.Clock.Now()) }

// patience returns how long the loop may sleep.
func (l *Loop) patience() time.Duration {
	if len(l.backlog.slots) > 0 || len(l.timers.due) > 0 {
		return 0
	}
	at, ok := l.timers.wheel.Next()
	if accept := l.acceptor.nextAccept(); accept != 0 && (!ok || int64(accept) < at) {
		at, ok = int64(accept), true
	}
	if !ok {
		return -1
	}
	l.tick() // the turn that ends here may have lasted
	return max(0, time.Duration(at)-time.Duration(l.now))
}

// turn handles one wake-up: n events, those with more to read, what is due, the mailbox.
func (l *Loop) turn(n int) {
	woken := false
	rested := len(l.backlog.slots) == 0 && l.acceptor.nextAccept() == 0
	for i := range n {
		token, ready, wake := l.poller.Event(i)
		switch {
		case wake:
			woken = true
		case token >= listenerToken:
			l.acceptor.onReady(token, ready)
		default:
			if c, side := l.slab.find(token); c != nil {
				l.onReady(c, side, ready)
			}
		}
	}
	if n > 1 || n == 1 && !woken || !rested {
		l.act()
	}
	l.readOn()
	l.timers.expire()
	l.acceptor.onTurn()
	if woken {
		l.readMail()
	}
	l.finishDrain()
}

func (l *Loop) readMail() {
	for _, f := range l.mailbox.take() {
		l.act() // f may be ClearActive
		f()
	}
}

// readOn gives another turn to the connections that had more to read than one turn allows.
func (l *Loop) readOn() {
	for _, slot := range l.backlog.take() {
		c := l.slab.at(slot)
		if !c.queued {
			continue
		}
		c.queued = false
		if c.phase == closing {
			l.closer.discard(c)
			continue
		}
		l.pumpBoth(c)
	}
}

// Stop cuts every connection and ends the loop. It is called through Post.
func (l *Loop) Stop() {
	l.acceptor.close()
	l.slab.each(func(c *conn) {
		if c.phase != closing {
			l.end(c, session.Shutdown)
		}
		if c.phase != vacant {
			l.closer.release(c)
		}
	})
	l.stopped = true
}

// shutDown takes no more mail, and does what already came, so that nobody waits for an answer. Where the loop has failed,
// its sessions end here.
func (l *Loop) shutDown() {
	if !l.stopped {
		l.Stop()
	}
	l.mailbox.close()
	l.readMail()
	l.acceptor.close()
	l.pool.pipes.close()
	l.poller.Close()
}

// Discard gives up a loop that was never run.
func (l *Loop) Discard() { l.poller.Close() }
