package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"idlegate/gateway/internal/names"
	"idlegate/policy"
)

// lookupsAtOnce is how many names are asked for at a time.
const lookupsAtOnce = 16

// names looks up every name. One that a listener has must mean an address. One of an endpoint that does not exist is a
// problem; one that cannot be told at present is a warning, since the gateway would start without its address.
func (l *look) names(resolve resolver) {
	failed := l.lookUp(resolve)
	l.listeners(func(path string, a policy.Address) {
		l.problem(path, failed[a.Host])
	})
	l.discoveries()
	for _, u := range l.cfg.Upstreams {
		for i, e := range u.Endpoints {
			if err := failed[e.Address.Host]; err != nil {
				l.warnings = append(l.warnings, l.cfg.ProblemAt(policy.EndpointPath(u.Name, i), nameText(err)))
			}
		}
	}
}

// discoveries looks up the names that upstreams have their endpoints from.
func (l *look) discoveries() {
	for _, u := range l.cfg.Upstreams {
		if u.DNS.IsZero() {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		found, err := names.Discover(ctx, discovery(u), nil)
		cancel()
		for _, t := range found {
			if u.DNS.Name != "" {
				l.hosts[u.DNS.Name] = append(l.hosts[u.DNS.Name], t.Address.Addr())
			}
		}
		if err != nil {
			l.warnings = append(l.warnings, l.cfg.ProblemAt(u.DNSPath(), nameText(err)))
		}
	}
}

// nameText says why the name of an endpoint has no address, which makes it one that gets no connections.
func nameText(err error) string {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return err.Error()
	case dns.IsNotFound:
		return fmt.Sprintf("the name %s does not exist", dns.Name)
	}
	return fmt.Sprintf("the name %s cannot be looked up now: %s", dns.Name, dns.Err)
}

// lookUp fills in hosts, and returns why it could not, by name.
func (l *look) lookUp(resolve resolver) map[string]error {
	var mu sync.Mutex // guards failed and l.hosts
	failed := map[string]error{}
	places := make(chan struct{}, lookupsAtOnce)
	var all sync.WaitGroup
	for host := range l.namesOf() {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			found, err := resolve.host(host)
			mu.Lock()
			defer mu.Unlock()
			l.hosts[host] = found
			if err != nil {
				failed[host] = err
			}
		})
	}
	all.Wait()
	return failed
}

// namesOf is the set of the policy's hosts that are no addresses.
func (l *look) namesOf() map[string]bool {
	names := map[string]bool{}
	note := func(a policy.Address) {
		if _, err := netip.ParseAddr(a.Host); a.Host != "" && err != nil {
			names[a.Host] = true
		}
	}
	l.listeners(func(_ string, a policy.Address) { note(a) })
	for _, u := range l.cfg.Upstreams {
		for _, e := range u.Endpoints {
			note(e.Address)
		}
	}
	return names
}
