package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"idlegate/cmd/idlebench/internal/load"
)

// sample is what one measurement gave. Durations are nanoseconds in JSON.
type sample struct {
	load.Result
	ProxyCPU time.Duration `json:"proxy_cpu"`
	PeersCPU time.Duration `json:"peers_cpu"` // of backend and load generator together
	// While the connections rested, where the scenario has that looked at.
	BytesPerConnection float64       `json:"bytes_per_connection,omitempty"` // PSS of the proxy, less that without any
	IdleCPU            time.Duration `json:"idle_cpu,omitempty"`             // of the proxy, in IdleTime
	IdleTime           time.Duration `json:"idle_time,omitempty"`
}

// cpuRatio is the proxy's CPU time over that of its peers.
func (s sample) cpuRatio() float64 { return float64(s.ProxyCPU) / float64(s.PeersCPU) }

// perGB is the CPU time, in seconds, of all three processes for 10^9 bytes of messages. What the proxy leaves undone in
// bulk the kernel does in its peers, and the other way round: only the sum can be compared.
func (s sample) perGB() float64 {
	return over((s.ProxyCPU + s.PeersCPU).Seconds(), float64(s.Bytes)/1e9)
}

// pace is how long the parts of a measurement take.
type pace struct {
	warm   time.Duration
	window time.Duration
	settle time.Duration // from the last of many connections to the look at their memory
	idle   time.Duration // for which connections at rest are watched
	// patience is how long a proxy may keep the load waiting.
	patience time.Duration
}

// rig measures one contender at a time.
type rig struct {
	self    string // path of this program
	dir     string
	threads int
	pace    pace
}

// measure starts everything, measures and stops everything.
func (r rig) measure(ctx context.Context, c contender, sc scenario) (sample, error) {
	var st stage
	defer st.stop()
	if err := r.set(ctx, &st, c, sc); err != nil {
		return sample{}, err
	}
	if c.pages > 0 {
		st.pages = openPages(ctx, c.pages, st.admin)
	}
	var s sample
	if err := r.watch(ctx, &st, sc, &s); err != nil {
		return s, err
	}
	if err := r.work(ctx, &st, sc, &s); err != nil {
		return s, err
	}
	if st.pages != nil {
		err := st.pages.close()
		st.pages = nil
		if err != nil {
			return s, err
		}
	}
	if s.Fault != "" {
		return s, fmt.Errorf("%s\n%s", s.Fault, st.backend.Said())
	}
	return s, nil
}

// watch looks at the proxy while its connections rest.
func (r rig) watch(ctx context.Context, st *stage, sc scenario, s *sample) error {
	if !sc.Memory {
		return nil
	}
	if err := pause(ctx, max(r.pace.settle, sc.Rest)); err != nil {
		return err
	}
	pss, err := st.proxyTree.PSS()
	if err != nil {
		return err
	}
	s.BytesPerConnection = float64(pss-st.emptyPSS) / float64(sc.Load.Connections)
	if !sc.Idle {
		return nil
	}
	start := time.Now()
	before, err := st.proxyTree.CPU()
	if err != nil {
		return err
	}
	if err := pause(ctx, r.pace.idle); err != nil {
		return err
	}
	after, err := st.proxyTree.CPU()
	s.IdleCPU, s.IdleTime = after-before, time.Since(start)
	return err
}

// work lets the load go and takes the CPU times before and after.
func (r rig) work(ctx context.Context, st *stage, sc scenario, s *sample) error {
	proxy, peers, err := st.cpu()
	if err != nil {
		return err
	}
	if err := st.load.Tell(wordGo); err != nil {
		return err
	}
	line, err := st.load.Line(ctx, r.window(sc)+workPatience)
	if err != nil {
		return err
	}
	proxyAfter, peersAfter, err := st.cpu()
	if err != nil {
		return err
	}
	s.ProxyCPU, s.PeersCPU = proxyAfter-proxy, peersAfter-peers
	return json.Unmarshal([]byte(line), &s.Result)
}

// window is how long the work of a scenario is measured.
func (r rig) window(sc scenario) time.Duration {
	if sc.Load.Window > 0 {
		return sc.Load.Window
	}
	return r.pace.window
}

func (s *stage) cpu() (proxy, peers time.Duration, err error) {
	if proxy, err = s.proxyTree.CPU(); err != nil {
		return 0, 0, err
	}
	peers, err = s.peersTree.CPU()
	return proxy, peers, err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
