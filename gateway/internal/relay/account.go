package relay

import (
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
	"idlegate/metrics"
)

// Account is what is kept of a route over all edits of the policy file: its name and what was counted.
type Account struct {
	Name    string
	ledgers []*ledger // by loop, which alone writes its own
	open    atomic.Int64
	leaving atomic.Pointer[Leave]
}

// Leave says that connections shall end.
type Leave struct {
	Since  deadline.Instant
	Within time.Duration // 0: whenever they end by themselves
}

// NewAccount returns the empty account of a route, for so many loops.
func NewAccount(name string, loops int) *Account {
	a := &Account{Name: name, ledgers: make([]*ledger, loops)}
	for i := range a.ledgers {
		a.ledgers[i] = new(ledger)
	}
	return a
}

// Open returns how many connections there are on all loops.
func (a *Account) Open() int64 { return a.open.Load() }

// SetLeaving notes that the route is no longer in the policy file.
func (a *Account) SetLeaving(l Leave) { a.leaving.Store(&l) }

// Stay takes SetLeaving back.
func (a *Account) Stay() { a.leaving.Store(nil) }

// Leaving reports whether the route is no longer in the policy file.
func (a *Account) Leaving() bool { return a.leaving.Load() != nil }

// ledger is one loop's part of an account.
type ledger struct {
	Counters
	history History
}

// Actions of a timer that was due.
const (
	Closed  = iota
	Watched // by a dry run
)

// Counters are what one loop has counted of one route. They are plain: the loop alone writes them, and copies them out
// when asked.
type Counters struct {
	Opened    uint64
	Closed    [session.ReasonCount]uint64
	Refused   [session.CauseCount]uint64
	Timeouts  [deadline.Count][2]uint64 // by action
	Messages  [2]uint64                 // by sender
	Bytes     [2]uint64                 // by sender
	Lateness  metrics.Histogram
	Duration  metrics.Histogram
	Gap       metrics.Histogram
	Silences  advice.Tally
	Rehearsed uint64 // silences counted by the dry run of idle_timeout that is under way
}

// Add counts in c what o has counted.
func (c *Counters) Add(o *Counters) {
	c.Opened += o.Opened
	for i, n := range o.Closed {
		c.Closed[i] += n
	}
	for i, n := range o.Refused {
		c.Refused[i] += n
	}
	for t := range o.Timeouts {
		c.Timeouts[t][Closed] += o.Timeouts[t][Closed]
		c.Timeouts[t][Watched] += o.Timeouts[t][Watched]
	}
	for side := range o.Messages {
		c.Messages[side] += o.Messages[side]
		c.Bytes[side] += o.Bytes[side]
	}
	c.Lateness.Add(&o.Lateness)
	c.Duration.Add(&o.Duration)
	c.Gap.Add(&o.Gap)
	c.Silences.Add(&o.Silences)
	c.Rehearsed += o.Rehearsed
}

// Minutes is how many minutes a History reaches back.
const Minutes = 60

// History is how many connections have ended for which reason in each of the last minutes that had any.
type History [Minutes]MinuteOfEnds

// MinuteOfEnds is one minute of a History.
type MinuteOfEnds struct {
	Minute int64 // of the monotonic clock; 0: none yet
	Closed [session.ReasonCount]uint32
}

func (h *History) count(r session.Reason, now deadline.Instant) {
	minute := int64(now) / int64(time.Minute)
	m := &h[minute%Minutes]
	if m.Minute != minute {
		*m = MinuteOfEnds{Minute: minute}
	}
	m.Closed[r]++
}

// recently is how many of the connections that ended last a loop remembers.
const recently = 256

// recent are the connections that ended last.
type recent struct {
	ring [recently]Ended
	next int
}

func (r *recent) add(e Ended) {
	r.ring[r.next] = e
	r.next = (r.next + 1) % recently
}

// list returns them, the latest first.
func (r *recent) list() (all []Ended) {
	for i := range recently {
		e := &r.ring[(r.next-1-i+2*recently)%recently]
		if e.ID == 0 {
			break
		}
		all = append(all, *e)
	}
	return all
}

// Silences returns what advice goes by: the longest silence after which the client of s spoke again, and how long it is
// silent now. A first message that comes soon is no sign that one who is silent speaks again: that says hello.
func Silences(s *session.Session, now deadline.Instant) (quiet, tail time.Duration) {
	quiet, tail = s.Quiet, s.Tail(now)
	if s.Flows[session.Client].Messages <= 1 && quiet < advice.Shortest {
		quiet = 0
	}
	return quiet, tail
}

func (l *Loop) ledger(r *Route) *ledger { return r.ledgers[l.cfg.Index] }

func (l *Loop) count(c *conn) *Counters { return &l.ledger(c.route).Counters }

// Counters copies what the loop has counted of a route. It is called by way of Post, as are the following.
func (l *Loop) Counters(a *Account) Counters { return a.ledgers[l.cfg.Index].Counters }

// History copies what the loop knows of a route's last hour.
func (l *Loop) History(a *Account) History { return a.ledgers[l.cfg.Index].history }

// ConnectTimes copies how long connecting took.
func (l *Loop) ConnectTimes(u *Upstream) metrics.Histogram { return *u.connects[l.cfg.Index] }

// Recent copies what the loop remembers of the connections that ended last, the latest first.
func (l *Loop) Recent() []Ended { return l.recent.list() }
