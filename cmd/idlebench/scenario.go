package main

import (
	"fmt"
	"slices"
	"time"

	"idlegate/cmd/idlebench/internal/load"
	"idlegate/cmd/idlebench/internal/message"
	"idlegate/cmd/idlebench/internal/resp"
)

// scenario is one kind of work.
type scenario struct {
	Name string
	What string // in the table's heading
	// Load is complete but for the address and, unless it says so itself, the time that it takes.
	Load   load.Config
	Demand demand
	// Columns are those of its table, where figures are compared with the unit's.
	Columns func(unit string) []column
	Figures []figure // by which a proxy is judged
	// Rest is how long connections are open at least before anything is looked at: what a proxy does for each of many new
	// ones, a second after it came at the latest, would else count as work or as no rest.
	Rest    time.Duration
	Proxied bool // it says nothing where there is no proxy
	Timed   bool // nor where that has no timers
	Memory  bool // the proxy's is looked at between the set-up of the load and its work
	Idle    bool // so is its CPU time
}

// cost is what is compared with the unit's.
func (s scenario) cost() func(sample) float64 {
	if s.Load.Mode == load.Bulk {
		return sample.perGB
	}
	return sample.cpuRatio
}

// fit returns the contenders of which a scenario says something.
func (s scenario) fit(contenders []contender) []contender {
	return slices.DeleteFunc(slices.Clone(contenders), func(c contender) bool {
		bare := c.Name == nameFloor || c.Name == nameRelay // which speak no TLS
		return s.Proxied && c.argv == nil || s.Timed && c.Name == nameFloor /* which has no timers */ || s.Demand.tls != inClear && bare
	})
}

// sizes are what --quick makes smaller.
type sizes struct {
	idle       int           // connections at rest
	heartbeats int           // connections with heartbeats
	every      time.Duration // between two heartbeats of one
	sparse     int           // connections with a heartbeat in seldom
	seldom     time.Duration
	rest       time.Duration // of many connections, once they are open
	due        int           // connections that come due within spread
	spread     time.Duration
	timeout    time.Duration // after which they are due
	trickle    time.Duration // that a message may take which comes a byte at a time
	stalled    int           // connections that are not read
}

func fullSizes(idle int) sizes {
	return sizes{
		idle: idle, heartbeats: idle, every: 4 * time.Second, sparse: 800, seldom: 6 * time.Second, rest: 1500 * time.Millisecond,
		due: 2000, spread: time.Second, timeout: 3 * time.Second,
		trickle: time.Second, stalled: 100,
	}
}

// quickSizes has timeouts still longer than the 300 ms by which nginx lets a timer fire early to spare itself resetting it.
func quickSizes(idle int) sizes {
	return sizes{
		idle: idle, heartbeats: idle, every: 300 * time.Millisecond, sparse: 50, seldom: 300 * time.Millisecond,
		due: 500, spread: 250 * time.Millisecond, timeout: time.Second,
		trickle: 600 * time.Millisecond, stalled: 20,
	}
}

const (
	smallMessage  = 64       // bytes
	middleMessage = 1 << 10  // bytes
	stallMessage  = 16 << 10 // bytes
	longMessage   = 64 << 10 // bytes
	hugeMessage   = 1 << 20  // bytes
)

// usual has timers that run and never fire.
func usual() demand { return demand{idle: 10 * time.Minute, message: 10 * time.Second} }

// scenarios are all there are, in the order of the table.
func scenarios(s sizes) []scenario {
	return slices.Concat(exchangeScenarios(s), bulkScenarios(), timerScenarios(s), memoryScenarios(s), tlsScenarios(s))
}

func exchangeScenarios(s sizes) []scenario {
	small := func(name, what string, l load.Config) scenario {
		return scenario{Name: name, What: what, Load: l, Demand: usual(), Columns: exchangeColumns, Figures: []figure{cpuFigure()}}
	}
	exchange := func(connections, depth, size int) load.Config {
		return load.Config{Mode: load.Exchange, Connections: connections, Depth: depth, Size: size}
	}
	connect := exchange(16, 1, smallMessage)
	connect.Mode = load.Connect
	beats := func(name, what string, connections int, every time.Duration) scenario {
		l := exchange(connections, 1, smallMessage)
		l.Every, l.Window = every, every // in which each connection speaks once
		sc := small(name, what, l)
		sc.Figures = append(sc.Figures, latencyFigure())
		sc.Rest = s.rest
		return sc
	}
	answered := beats("answered", "heartbeats of 64 B that a proxy may answer itself: HAProxy and nginx pass them on", s.heartbeats, s.every)
	answered.Load.Beats, answered.Demand.beat = true, message.Heartbeat(smallMessage)
	answered.Figures = append([]figure{eachFigure()}, answered.Figures[1:]...)
	redis := small("roundtrip-64-resp", "round trips of commands of 64 B in RESP, 64 connections", exchange(64, 1, smallMessage-resp.Overhead))
	redis.Load.RESP, redis.Demand.resp = true, true
	return []scenario{
		small("roundtrip-1", "round trips of 64 B, 1 connection", exchange(1, 1, smallMessage)),
		small("roundtrip-64", "round trips of 64 B, 64 connections", exchange(64, 1, smallMessage)),
		redis,
		small("roundtrip-1000", "round trips of 64 B, 1,000 connections", exchange(1000, 1, smallMessage)),
		small("roundtrip-64-1k", "round trips of 1 KiB, 64 connections", exchange(64, 1, middleMessage)),
		small("roundtrip-1000-1k", "round trips of 1 KiB, 1,000 connections", exchange(1000, 1, middleMessage)),
		small("pipelined", "64 B pipelined 16 deep, 64 connections", exchange(64, 16, smallMessage)),
		small("connect", "connect, exchange 64 B, close, 16 at a time", connect),
		beats("heartbeats", "heartbeats of 64 B, many connections, each now and then", s.heartbeats, s.every),
		answered,
		beats("sparse", "heartbeats of 64 B, so few that the proxy is mostly idle", s.sparse, s.seldom),
	}
}

func bulkScenarios() []scenario {
	long := usual()
	long.bulk = true
	bulk := func(name, what string, connections, depth, size, receipts int) scenario {
		return scenario{Name: name, What: what, Demand: long, Columns: bulkColumns, Figures: []figure{bulkFigure()}, Load: load.Config{
			Mode: load.Bulk, Connections: connections, Depth: depth, Size: size, Receipts: receipts,
		}}
	}
	return []scenario{
		bulk("bulk-64k", "bulk one way, messages of 64 KiB, 8 connections", 8, 32, longMessage, 16),
		bulk("bulk-64k-both", "bulk both ways, messages of 64 KiB, 8 connections", 8, 16, longMessage, 0),
		bulk("bulk-1m", "bulk one way, messages of 1 MiB, 4 connections", 4, 4, hugeMessage, 1),
		bulk("bulk-1m-both", "bulk both ways, messages of 1 MiB, 4 connections", 4, 4, hugeMessage, 0),
	}
}

// timerScenarios watch long enough that a connection which is still open by then has been forgotten.
func timerScenarios(s sizes) []scenario {
	const (
		overdue = time.Second
		bytes   = 10 // of a trickled message by when it is due
	)
	return []scenario{
		{
			Name: "due",
			What: fmt.Sprintf("%d connections whose idle timeouts come due within %v", s.due, s.spread),
			Load: load.Config{
				Mode: load.Due, Connections: s.due, Depth: 1, Size: smallMessage,
				Every: s.spread, Timeout: s.timeout, Window: s.spread + s.timeout + overdue,
			},
			Demand:  demand{idle: s.timeout, message: s.timeout},
			Columns: dueColumns,
			Figures: []figure{earliestFigure(), lateFigure()},
			Proxied: true,
			Timed:   true,
		},
		{
			Name: "trickle",
			What: fmt.Sprintf("a byte at a time of a message that may take %v, 100 connections", s.trickle),
			Load: load.Config{
				Mode: load.Trickle, Connections: 100, Depth: 1, Size: middleMessage,
				Every: s.trickle / bytes, Timeout: s.trickle, Window: 3 * s.trickle,
			},
			Demand:  demand{idle: s.trickle, message: s.trickle},
			Columns: trickleColumns(s.trickle),
			Figures: []figure{closedFigure()},
			Proxied: true,
			Timed:   true,
		},
	}
}

func memoryScenarios(s sizes) []scenario {
	return []scenario{
		{
			Name: "stalled",
			What: fmt.Sprintf("%d connections that are clogged both ways, since the clients do not read", s.stalled),
			Load: load.Config{
				Mode: load.Stall, Connections: s.stalled, Depth: 1, Size: stallMessage,
				Every: 10 * time.Millisecond, Narrow: true,
			},
			Demand:  usual(),
			Columns: stallColumns,
			Figures: []figure{bytesFigure()},
			Proxied: true,
			Memory:  true,
		},
		{
			Name:    "idle",
			What:    "idle connections, each after one round trip",
			Load:    load.Config{Mode: load.Idle, Connections: s.idle, Depth: 1, Size: smallMessage},
			Demand:  usual(),
			Columns: idleColumns,
			Figures: []figure{bytesFigure(), restFigure()},
			Rest:    s.rest,
			Memory:  true,
			Idle:    true,
		},
	}
}

func tlsScenarios(s sizes) []scenario {
	of := func(from []scenario, name string, tls speech, as, what string) scenario {
		sc := from[slices.IndexFunc(from, func(sc scenario) bool { return sc.Name == name })]
		sc.Name, sc.What, sc.Proxied = as, what, true
		sc.Load.TLS, sc.Demand.tls = true, tls
		return sc
	}
	exchanges, memory := exchangeScenarios(s), memoryScenarios(s)
	return []scenario{
		of(exchanges, "roundtrip-64", terminated, "tls-roundtrip-64", "TLS: round trips of 64 B, 64 connections"),
		of(exchanges, "roundtrip-64-1k", terminated, "tls-roundtrip-64-1k", "TLS: round trips of 1 KiB, 64 connections"),
		of(exchanges, "connect", terminated, "tls-connect", "TLS: connect with a whole handshake, exchange 64 B, close, 16 at a time"),
		of(memory, "idle", terminated, "tls-idle", "TLS: idle connections, each after one round trip"),
		of(exchanges, "roundtrip-64", passthrough, "sni-roundtrip-64", "passthrough by SNI: round trips of 64 B, 64 connections"),
		of(exchanges, "connect", passthrough, "sni-connect", "passthrough by SNI: connect, exchange 64 B, close, 16 at a time"),
	}
}
