package main

import (
	"slices"
	"time"

	"idlegate/cmd/idlebench/internal/load"
)

// scenario is one kind of work. Its load is complete but for the address and the time it takes, and a scenario that is
// about connections at rest is told from the others by the load's mode.
type scenario struct {
	Name string
	What string // in the table's heading
	Load load.Config
	// Demand is what the proxies are configured for.
	Demand demand
	// Columns are those of its table, where figures are compared with the unit's.
	Columns func(unit string) []column
}

// sizes are what -quick makes smaller.
type sizes struct {
	idle       int           // connections at rest
	heartbeats int           // connections with heartbeats
	every      time.Duration // between two heartbeats of one
}

const smallMessage = 64 // bytes

// scenarios are all there are, in the order of the table.
func scenarios(s sizes) []scenario {
	return slices.Concat(exchangeScenarios(s), bulkScenarios(), idleScenarios(s))
}

func exchangeScenarios(s sizes) []scenario {
	exchange := func(connections, depth, size int) load.Config {
		return load.Config{Mode: load.Exchange, Connections: connections, Depth: depth, Size: size}
	}
	heartbeats := exchange(s.heartbeats, 1, smallMessage)
	heartbeats.Every = s.every
	return []scenario{
		{"roundtrip-1", "round trips of 64 B, 1 connection", exchange(1, 1, smallMessage), demand{}, exchangeColumns},
		{"roundtrip-64", "round trips of 64 B, 64 connections", exchange(64, 1, smallMessage), demand{}, exchangeColumns},
		{"roundtrip-1000", "round trips of 64 B, 1,000 connections", exchange(1000, 1, smallMessage), demand{}, exchangeColumns},
		{"roundtrip-64-1k", "round trips of 1 KiB, 64 connections", exchange(64, 1, 1<<10), demand{}, exchangeColumns},
		{"roundtrip-1000-1k", "round trips of 1 KiB, 1,000 connections", exchange(1000, 1, 1<<10), demand{}, exchangeColumns},
		{"pipelined", "64 B pipelined 16 deep, 64 connections", exchange(64, 16, smallMessage), demand{}, exchangeColumns},
		{"connect", "connect, exchange 64 B, close, 16 at a time",
			load.Config{Mode: load.Connect, Connections: 16, Depth: 1, Size: smallMessage}, demand{}, exchangeColumns},
		{"heartbeats", "heartbeats of 64 B, many connections, each now and then", heartbeats, demand{}, exchangeColumns},
	}
}

func bulkScenarios() []scenario {
	bulk := func(connections, depth, size, receipts int) load.Config {
		return load.Config{Mode: load.Bulk, Connections: connections, Depth: depth, Size: size, Receipts: receipts}
	}
	long := demand{bulk: true}
	return []scenario{
		{"bulk-64k", "bulk one way, messages of 64 KiB, 8 connections", bulk(8, 32, 64<<10, 16), long, bulkColumns},
		{"bulk-64k-both", "bulk both ways, messages of 64 KiB, 8 connections", bulk(8, 16, 64<<10, 0), long, bulkColumns},
		{"bulk-1m", "bulk one way, messages of 1 MiB, 4 connections", bulk(4, 4, 1<<20, 1), long, bulkColumns},
		{"bulk-1m-both", "bulk both ways, messages of 1 MiB, 4 connections", bulk(4, 4, 1<<20, 0), long, bulkColumns},
	}
}

func idleScenarios(s sizes) []scenario {
	return []scenario{
		{"idle", "idle connections, each after one round trip",
			load.Config{Mode: load.Idle, Connections: s.idle, Depth: 1, Size: smallMessage}, demand{}, idleColumns},
	}
}
