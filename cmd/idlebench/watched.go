package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// nameWatched is idlegate while ten status pages of it are open, to compare with idlegate by itself.
const nameWatched = "watched"

// pagesOpen is how many pages are open.
const pagesOpen = 10

// A page hears of events, and asks for figures every pageEvery, when others do: for this many connections where listEvery has passed, and for
// the last minutes where historyEvery has; twoAtOnce. These, and what it asks, are those of gateway/admin/page.
const (
	pageEvery    = 2 * time.Second
	listEvery    = 5 * time.Second
	historyEvery = 9 * time.Second
	twoAtOnce    = 2

	pageShared = time.Second // how old an answer may be

	pageHears    = "/events?last=50&kind=reload,health,deed,alarm,alarm_over,ended"
	pageShares   = "max-age=1" // when it asks by the timer
	figuresFirst = "/history /ended?limit=25"
	pageLists    = "/connections?sort=due&offset=0&limit=50"
	pageHistory  = "/history?minutes=3"
	pageSilence  = "/silence?route=bench"
)

// card says whether a page shows all that is known of a route.
type card uint8

const (
	folded card = iota
	unfolded
)

// cardOf is that of one page of many: one has a card open.
func cardOf(page int) card {
	if page == 0 {
		return unfolded
	}
	return folded
}

// watched is a contender that is watched by pages.
func watched(c contender) contender {
	c.Name, c.pages = nameWatched, pagesOpen
	return c
}

// pages are clients of an admin server that do what the status page does.
type pages struct {
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	rounds int   // Guarded by mu; that were answered whole.
	fault  error // Guarded by mu; the first.
}

// openPages opens n pages of the admin server at a unix socket, and returns when all have been drawn. From then on what they ask
// seldom is spread as that of pages which were opened at any time.
func openPages(ctx context.Context, n int, socket string) *pages {
	ctx, cancel := context.WithCancel(ctx)
	p := &pages{cancel: cancel}
	var drawn sync.WaitGroup
	for i := range n {
		drawn.Add(1)
		p.all.Go(func() {
			client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}}}
			defer client.CloseIdleConnections()
			one := page{pages: p, client: client, card: cardOf(i)}
			p.all.Go(func() { p.note(0, one.read(ctx, pageHears, "")) })
			opened := one.open(ctx)
			drawn.Done()
			if !opened {
				return
			}
			part := func(every time.Duration) time.Duration { return every * time.Duration(i) / time.Duration(n) }
			one.listed, one.historied = time.Now().Add(-part(listEvery)), time.Now().Add(-part(historyEvery))
			if pause(ctx, untilBeat()) == nil {
				one.look(ctx)
			}
		})
	}
	drawn.Wait()
	return p
}

// page is one of them.
type page struct {
	*pages
	client            *http.Client
	card              card
	listed, historied time.Time // when it has asked for connections, and for the last minutes
}

// open asks for all that there is to draw, and reports whether it was told.
func (p *page) open(ctx context.Context) bool {
	paths := append(p.figures(), strings.Fields(figuresFirst)...)
	return p.askAll(ctx, append(paths, pageLists), "") && p.askAll(ctx, []string{"/policies"}, "")
}

// look asks until ctx ends.
func (p *page) look(ctx context.Context) {
	for ctx.Err() == nil {
		paths := p.figures()
		if time.Since(p.historied) >= historyEvery {
			paths, p.historied = append(paths, pageHistory), time.Now()
		}
		if time.Since(p.listed) >= listEvery {
			paths, p.listed = append(paths, pageLists), time.Now()
		}
		if !p.askAll(ctx, paths, pageShares) {
			return
		}
		p.note(1, nil)
		_ = pause(ctx, untilBeat())
	}
}

// untilBeat returns how long it is until the pages ask next, all at once so that they share the answers.
func untilBeat() time.Duration {
	left := pageEvery - time.Duration(time.Now().UnixNano())%pageEvery
	if left < pageShared {
		left += pageEvery
	}
	return left
}

// figures are what is asked for each time. Who has unfolded a route's card is shown how long its connections have been silent.
func (p *page) figures() []string {
	paths := []string{"/status", "/routes", "/upstreams"}
	if p.card == unfolded {
		paths = append(paths, pageSilence)
	}
	return paths
}

// askAll asks, twoAtOnce, and reports whether all was told. control says how old an answer may be.
func (p *page) askAll(ctx context.Context, paths []string, control string) bool {
	left := make(chan string, len(paths))
	for _, path := range paths {
		left <- path
	}
	close(left)
	var work sync.WaitGroup
	var failed atomic.Bool
	for range twoAtOnce {
		work.Go(func() {
			for path := range left {
				if err := p.read(ctx, path, control); err != nil {
					failed.Store(true)
					p.note(0, err)
				}
			}
		})
	}
	work.Wait()
	return !failed.Load()
}

func (p *pages) note(rounds int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rounds += rounds
	if err != nil && !errors.Is(err, context.Canceled) && p.fault == nil {
		p.fault = err
	}
}

// close closes them, and returns why one of them could not look.
func (p *pages) close() error {
	p.cancel()
	p.all.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil && p.rounds == 0 {
		return errors.New("the pages have not seen anything")
	}
	return p.fault
}

// read reads an answer to its end.
func (p *page) read(ctx context.Context, path, control string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://idlegate/api/v1"+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	if control != "" {
		request.Header.Set("Cache-Control", control)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is answered with %s", path, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// adminSocket is where idlegate answers its operator.
func (s site) adminSocket() string { return filepath.Join(s.dir, "admin.sock") }
