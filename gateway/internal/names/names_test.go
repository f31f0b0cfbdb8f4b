package names

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// zone answers look-ups in tests.
type zone struct {
	mu      sync.Mutex
	answers map[string][]netip.Addr
	err     error
	silent  bool // until the context ends
	asked   []time.Duration
	began   time.Time
}

func (z *zone) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, time.Since(z.began))
	if z.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return z.answers[host], z.err
}

// give says how look-ups are answered from now on.
func (z *zone) give(err error, texts ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.err, z.answers["a"] = err, addresses(texts...)
}

func addresses(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// following runs f with a table that follows one name. What it brings is in news.
func following(t *testing.T, f func(t *testing.T, z *zone, table *Table, news *[]News)) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{answers: map[string][]netip.Addr{"a": addresses("10.0.0.1", "10.0.0.2")}, began: time.Now()}
		var news []News
		table := New(Config{Lookup: z.lookup, Changed: func(_ Query, n News) { news = append(news, n) }})
		defer table.Close()
		f(t, z, table, &news)
	})
}

// pass lets time go by, and what is due then be done.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (z *zone) expect(t *testing.T, table *Table, want []netip.Addr, wantError bool) {
	t.Helper()
	got, err := table.Addresses("a")
	if !slices.Equal(got, want) || (err != nil) != wantError {
		t.Errorf("known are %v, %v; want %v", got, err, want)
	}
}

func TestANameThatDoesNotResolveKeepsItsLastKnownAddresses(t *testing.T) {
	following(t, func(t *testing.T, z *zone, table *Table, news *[]News) {
		table.Follow([]Query{Host("a")})
		table.Wait(t.Context())
		z.expect(t, table, addresses("10.0.0.1", "10.0.0.2"), false)
		z.give(errors.New("no name server"))
		pass(standardEvery + time.Minute)
		z.expect(t, table, addresses("10.0.0.1", "10.0.0.2"), true)
		z.give(nil, "10.0.0.3")
		pass(standardEvery + time.Second)
		z.expect(t, table, addresses("10.0.0.3"), false)
		if want := []News{Moved, Failing, Resolving}; !slices.Equal(*news, want) {
			t.Errorf("news are %v, want %v", *news, want)
		}
	})
}

func TestAddressesInAnotherOrderAreNoNews(t *testing.T) {
	following(t, func(t *testing.T, z *zone, table *Table, news *[]News) {
		table.Follow([]Query{Host("a")})
		pass(time.Second)
		z.give(nil, "10.0.0.2", "10.0.0.1")
		pass(standardEvery)
		if len(*news) != 1 || len(z.asked) != 2 {
			t.Errorf("news are %v after %d look-ups, want those of the first only", *news, len(z.asked))
		}
	})
}

func TestAFailingLookupIsRepeatedEverMoreRarely(t *testing.T) {
	following(t, func(t *testing.T, z *zone, table *Table, _ *[]News) {
		z.give(errors.New("no name server"))
		table.Follow([]Query{Host("a"), Host("a")})
		table.Follow([]Query{Host("a")})
		pass(100 * time.Second)
		s := time.Second
		if want := []time.Duration{0, s, 3 * s, 7 * s, 15 * s, 31 * s, 61 * s, 91 * s}; !slices.Equal(z.asked, want) {
			t.Errorf("asked at %v, want %v", z.asked, want)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	following(t, func(t *testing.T, z *zone, table *Table, _ *[]News) {
		z.silent = true
		table.Follow([]Query{Host("a")})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		table.Wait(ctx)
		synctest.Wait()
		if waited := time.Since(z.began); waited != 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		z.expect(t, table, nil, true)
	})
}

func TestANameThatIsForgottenIsAskedForNoMore(t *testing.T) {
	following(t, func(t *testing.T, z *zone, table *Table, _ *[]News) {
		table.Follow([]Query{Host("a")})
		table.Wait(t.Context())
		table.Keep([]Query{Host("b")})
		pass(time.Hour)
		if len(z.asked) != 1 {
			t.Errorf("asked %d times", len(z.asked))
		}
	})
}
