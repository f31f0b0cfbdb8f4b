package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"idlegate/cmd/idlebench/internal/process"
)

const (
	// startPatience bounds the start of any process, and the set-up of all connections. With TLS that takes 8,000 handshakes.
	startPatience = time.Minute
	// workPatience bounds what the load does beyond its window.
	workPatience = time.Minute
	// loadPatience is less, so that it is the load that says what it has waited for.
	loadPatience = 15 * time.Second
	// spareConnections are a proxy's beyond those of the load.
	spareConnections = 100
)

// stage is what runs during one measurement.
type stage struct {
	backend, proxy, load *process.Child // proxy is nil of no proxy at all
	proxyTree            process.Tree
	peersTree            process.Tree
	emptyPSS             int64 // of the proxy before the load
	admin                string
	pages                *pages // nil: none are open
}

func (s *stage) stop() {
	if s.pages != nil {
		_ = s.pages.close()
	}
	for _, c := range []*process.Child{s.load, s.proxy, s.backend} {
		if c != nil {
			c.Stop()
		}
	}
}

// set starts backend, proxy and load, up to where the load is warm.
func (r rig) set(ctx context.Context, st *stage, c contender, sc scenario) error {
	var err error
	st.backend, err = process.Start(process.Config{
		Name: "backend", Argv: []string{r.self, "backend", fmt.Sprintf("--narrow=%t", sc.Load.Narrow), fmt.Sprintf("--tls=%t", sc.Demand.tls == passthrough), fmt.Sprintf("--resp=%t", sc.Load.RESP)}, Env: os.Environ(), Lines: true,
	})
	if err != nil {
		return err
	}
	address, err := st.backend.Line(ctx, startPatience)
	if err != nil {
		return err
	}
	if c.argv != nil {
		if address, err = r.setProxy(ctx, st, c, address, sc); err != nil {
			return err
		}
	}
	if sc.Memory {
		if err := r.lookEmpty(ctx, st); err != nil {
			return err
		}
	}
	if err := r.setLoad(ctx, st, sc, address); err != nil {
		return errors.Join(err, said("backend", st.backend), said(c.Name, st.proxy))
	}
	st.peersTree = process.Tree{st.backend.PID(), st.load.PID()}
	return st.lookForProxy()
}

// said is what a process complained of, or nil.
func said(name string, c *process.Child) error {
	if c == nil || c.Said() == "" {
		return nil
	}
	return fmt.Errorf("%s: %s", name, c.Said())
}

func (r rig) setLoad(ctx context.Context, st *stage, sc scenario, address string) error {
	cfg := sc.Load
	cfg.Address, cfg.Window, cfg.Patience = address, r.window(sc), r.pace.patience
	cfg.Warm = max(r.pace.warm, sc.Rest)
	encoded, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	st.load, err = process.Start(process.Config{
		Name: "load", Argv: []string{r.self, "load", "--load", string(encoded)}, Env: os.Environ(), Lines: true,
	})
	if err != nil {
		return err
	}
	_, err = st.load.Line(ctx, startPatience+cfg.Warm) // it says that it is ready
	return err
}

// setProxy starts the proxy and returns its address. Between the choice of a free port and its use somebody else may
// take it, hence more than one try.
func (r rig) setProxy(ctx context.Context, st *stage, c contender, backend string, sc scenario) (string, error) {
	const tries = 3
	var failure error
	for range tries {
		address, err := freeAddress()
		if err != nil {
			return "", err
		}
		at := site{
			listen: address, backend: backend, threads: r.threads, demand: sc.Demand,
			connections: sc.Load.Connections + spareConnections,
		}
		if at.dir, err = os.MkdirTemp(r.dir, c.Name+"-*"); err != nil {
			return "", err
		}
		st.admin = at.adminSocket()
		st.proxy, err = r.startProxy(c, at)
		if err != nil {
			return "", err
		}
		if failure = accepts(ctx, st.proxy, address); failure == nil {
			return address, nil
		}
		st.proxy.Stop()
		st.proxy = nil
		if ctx.Err() != nil {
			break
		}
	}
	return "", failure
}

func (r rig) startProxy(c contender, s site) (*process.Child, error) {
	argv, err := c.argv(s)
	if err != nil {
		return nil, err
	}
	// As many threads as the others are told to use.
	env := append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", s.threads))
	return process.Start(process.Config{Name: c.Name, Argv: argv, Env: env})
}

// lookForProxy learns the proxy's processes, which are all there once it has served.
func (s *stage) lookForProxy() error {
	if s.proxy == nil {
		return nil
	}
	var err error
	s.proxyTree, err = process.TreeOf(s.proxy.PID())
	return err
}

// lookEmpty learns the proxy's memory without connections, once it has set itself up.
func (r rig) lookEmpty(ctx context.Context, st *stage) error {
	if err := pause(ctx, r.pace.settle); err != nil {
		return err
	}
	if err := st.lookForProxy(); err != nil {
		return err
	}
	var err error
	st.emptyPSS, err = st.proxyTree.PSS()
	return err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// accepts waits until a proxy accepts connections.
func accepts(ctx context.Context, proxy *process.Child, address string) error {
	const every = 5 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-proxy.Ended():
			return proxy.Failure()
		case <-ctx.Done():
			return fmt.Errorf("does not accept at %s: %w", address, err)
		}
	}
}
