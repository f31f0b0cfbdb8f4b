package gateway

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/reactor"
)

// mostStacks is how many bytes of stacks a report has.
const mostStacks = 1 << 20

// Process says what a report of a fault needs beside figures.
func (g *Gateway) Process() api.Process {
	descriptors, _ := reactor.DescriptorLimit() // it could be read when the gateway was made
	p := api.Process{
		Now: time.Now(), Version: g.cfg.Version, GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernel: kernel(),
		PID: os.Getpid(), StartedAt: g.since, CPUs: runtime.NumCPU(), MaxProcs: runtime.GOMAXPROCS(0), Loops: len(g.loops),
		DescriptorLimit: descriptors, MemoryLimit: memoryLimit(), Goroutines: runtime.NumGoroutine(), LogLevel: strings.ToLower(g.log.level.Level().String()),
		LogLines: g.log.lately.all(),
	}
	var stacks bytes.Buffer
	const inWords = 1 // equal ones once, with their number
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, inWords); err == nil {
		stacks.Truncate(min(stacks.Len(), mostStacks))
		p.Stacks = stacks.String()
	}
	return p
}

// kernel is the version of the kernel, "" where it is not to be had.
func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// memoryLimit is GOMEMLIMIT, which is huge where there is none.
func memoryLimit() int64 {
	const asItIs = -1
	return debug.SetMemoryLimit(asItIs)
}
