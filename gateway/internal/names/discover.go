package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// Discover answers a query of the kinds Every and SRV as the system's files say. before is what was known: of what cannot be looked up now
// it is kept, and then there are both targets and an error. A name that does not exist, or has no addresses, is an error without
// targets. Addresses that nobody can have are left out.
//
// Go's resolver does not say how long an answer may be kept.
func Discover(ctx context.Context, q Query, before []Target) ([]Target, error) {
	return discover(ctx, q, before, (&net.Dialer{}).DialContext)
}

func discover(ctx context.Context, q Query, before []Target, to dial) ([]Target, error) {
	r := resolver(to)
	if q.Kind == SRV {
		return services(ctx, r, q.Name, before)
	}
	return both(ctx, r, q.Name, before)
}

// both looks up A and AAAA, each by itself: where one of them fails the other still says what it says.
func both(ctx context.Context, r *net.Resolver, name string, before []Target) (all []Target, err error) {
	var found [2][]netip.Addr
	var failed [2]error
	var done sync.WaitGroup
	for i, network := range []string{"ip4", "ip6"} {
		done.Go(func() { found[i], failed[i] = r.LookupNetIP(ctx, network, name) })
	}
	done.Wait()
	none := 0
	for i := range found {
		switch {
		case failed[i] == nil:
		case isNone(failed[i]):
			none++
		default:
			err = errors.Join(err, failed[i])
			for _, t := range before {
				if t.Address.Addr().Is4() == (i == 0) {
					all = append(all, t)
				}
			}
		}
		for _, ip := range found[i] {
			if ip = ip.Unmap(); !ip.IsUnspecified() && !ip.IsMulticast() {
				all = append(all, Target{Address: netip.AddrPortFrom(ip, 0)})
			}
		}
	}
	switch {
	case none == 2:
		return nil, fmt.Errorf("look up %s: %w", name, failed[0])
	case err != nil:
		return all, fmt.Errorf("look up %s: %w", name, err)
	case len(all) == 0:
		return nil, fmt.Errorf("look up %s: no address that could be connected to", name)
	}
	return all, nil
}

// isNone reports whether a name has no addresses of the family that was asked for, or does not exist.
func isNone(err error) bool {
	var dns *net.DNSError
	var address *net.AddrError // the hosts file has it, with addresses of the other family
	return errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &address)
}

// mostServices is how many records of an SRV answer are looked up, and servicesAtOnce how many of them at a time.
const (
	mostServices   = 128
	servicesAtOnce = 8
)

// services looks up SRV records and then the addresses of their targets. A target that does not exist is left out; one that cannot be
// looked up now keeps the addresses that it had.
func services(ctx context.Context, r *net.Resolver, name string, before []Target) (all []Target, err error) {
	_, records, err := r.LookupSRV(ctx, "", "", name)
	if err != nil && len(records) == 0 {
		return nil, fmt.Errorf("look up SRV %s: %w", name, err)
	}
	if len(records) > mostServices {
		err = errors.Join(err, fmt.Errorf("%d records, of which %d are looked up", len(records), mostServices))
		records = records[:mostServices] // the best priorities come first
	}
	found, failed := make([][]Target, len(records)), make([]error, len(records))
	slots := make(chan struct{}, servicesAtOnce)
	var done sync.WaitGroup
	for i, record := range records {
		slots <- struct{}{}
		done.Go(func() {
			defer func() { <-slots }()
			found[i], failed[i] = service(ctx, r, record, before)
		})
	}
	done.Wait()
	heaviest := 0
	for _, record := range records {
		heaviest = max(heaviest, int(record.Weight))
	}
	for i, record := range records {
		if failed[i] != nil {
			err = errors.Join(err, failed[i])
		}
		for _, t := range found[i] {
			t.Weight, t.Backup = share(int(record.Weight), heaviest), record.Priority > records[0].Priority
			all = append(all, t)
		}
	}
	if err == nil && len(all) == 0 {
		err = errors.New("no target")
	}
	if err != nil {
		return all, fmt.Errorf("look up SRV %s: %w", name, err)
	}
	return all, nil
}

// service returns the addresses of one record's target.
func service(ctx context.Context, r *net.Resolver, record *net.SRV, before []Target) (all []Target, err error) {
	host := strings.TrimSuffix(record.Target, ".")
	if host == "" || record.Port == 0 {
		return nil, nil // 'decidedly not available' (RFC 2782)
	}
	had := []Target{}
	for _, t := range before {
		if t.Host == host && t.Address.Port() == record.Port {
			had = append(had, Target{Address: netip.AddrPortFrom(t.Address.Addr(), 0)})
		}
	}
	found, err := both(ctx, r, host, had)
	for _, t := range found {
		all = append(all, Target{Address: netip.AddrPortFrom(t.Address.Addr(), record.Port), Host: host})
	}
	return all, err
}

// share is a weight of 1 to 100 in proportion to the heaviest. A record of weight 0 has 'a very small chance' (RFC 2782).
func share(weight, heaviest int) int {
	if heaviest == 0 {
		return 1
	}
	return max(1, weight*100/heaviest)
}
