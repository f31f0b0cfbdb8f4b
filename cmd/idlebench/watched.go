package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// nameWatched is idlegate while ten status pages of it are open, to compare with idlegate by itself.
const nameWatched = "watched"

// pagesOpen is how many pages are open.
const pagesOpen = 10

// A page hears of events, asks for figures every pageEvery, and for what costs more once in slowRounds of that.
const (
	pageEvery  = 2 * time.Second
	slowRounds = 3
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

// openPages opens so many pages of the admin server at a unix socket, their rounds spread over pageEvery.
func openPages(ctx context.Context, n int, socket string) *pages {
	ctx, cancel := context.WithCancel(ctx)
	p := &pages{cancel: cancel}
	for i := range n {
		p.all.Go(func() {
			client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}}}
			defer client.CloseIdleConnections()
			p.all.Go(func() { p.note(0, read(ctx, client, "/events?kind=reload,health,deed,alarm,alarm_over,ended")) })
			if pause(ctx, pageEvery*time.Duration(i)/time.Duration(n)) == nil {
				p.look(ctx, client, cardOf(i))
			}
		})
	}
	return p
}

// look asks for figures until ctx ends. Who has unfolded a route's card is shown how long its connections have been silent.
func (p *pages) look(ctx context.Context, client *http.Client, card card) {
	for round := 0; ctx.Err() == nil; round++ {
		paths := []string{"/status", "/routes", "/upstreams"}
		if card == unfolded {
			paths = append(paths, "/silence")
		}
		if round%slowRounds == 0 {
			paths = append(paths, "/history", "/connections?sort=due&limit=50")
		}
		for _, path := range paths {
			if err := read(ctx, client, path); err != nil {
				p.note(0, err)
				return
			}
		}
		p.note(1, nil)
		_ = pause(ctx, pageEvery)
	}
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
func read(ctx context.Context, client *http.Client, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://idlegate/api/v1"+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
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
