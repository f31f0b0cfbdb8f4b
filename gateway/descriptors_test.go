package gateway_test

import (
	"strings"
	"testing"
	"time"
)

const (
	noneLeft  = "no file descriptors are left"
	freeAgain = "file descriptors are free again"
)

// TestClientsWaitWhileThereAreNoDescriptors takes every descriptor from a gateway that has places for more clients.
func TestClientsWaitWhileThereAreNoDescriptors(t *testing.T) {
	g := spawn(t, oneRoute+`{long: {}}}`, backend(t, echoes))
	inside := dial(t, g.address)
	inside.echo(framed("before"))
	g.must("hoard 0")

	const waiting = 20
	var outside []*client
	for range waiting { // the kernel connects them
		c := dial(t, g.address)
		c.send(framed("let me in"))
		outside = append(outside, c)
	}
	g.logs(noneLeft, 1)
	g.staysCalm(inside)
	if n := strings.Count(g.log.String(), freeAgain); n > 0 {
		t.Errorf("the log says %d times that descriptors are free, which they were not", n)
	}

	g.must("release")
	for _, c := range outside {
		c.receive(framed("let me in"))
		c.echo(framed("and on"))
	}
	g.logs(freeAgain, 1)
	inside.echo(framed("after"))
	page := g.scrape()
	if opened, refused := page.count("connections_opened_total"), page.count("connections_refused_total", "r", "fd_limit"); opened != 1+waiting || refused != 0 {
		t.Errorf("%d were served and %d refused, want %d and none", opened, refused, 1+waiting)
	}
}

// TestAClientIsRefusedWhereItsUpstreamHasNoDescriptor leaves one descriptor, which is enough to accept a client and no more.
func TestAClientIsRefusedWhereItsUpstreamHasNoDescriptor(t *testing.T) {
	g := spawn(t, oneRoute+`{long: {}}}`, backend(t, echoes))
	inside := dial(t, g.address)
	inside.echo(framed("before"))
	g.must("hoard 1")

	const turnedAway = 4
	for range turnedAway {
		refused(t, g.address)
	}
	g.logs(noneLeft, 1)
	g.staysCalm(inside)
	if n := strings.Count(g.log.String(), freeAgain); n > 0 {
		t.Errorf("the log says %d times that descriptors are free, which they were not", n)
	}

	g.must("release")
	late := dial(t, g.address)
	late.echo(framed("let me in"))
	g.logs(freeAgain, 1)
	inside.echo(framed("after"))
	page := g.scrape()
	if opened, away := page.count("connections_opened_total"), page.count("connections_refused_total", "r", "fd_limit"); opened != 2 || away != turnedAway {
		t.Errorf("%d were served and %d refused, want 2 and %d", opened, away, turnedAway)
	}
}

// TestDescriptorsOfEndedConnectionsLetOthersIn makes accepting go on though the hoard is kept. One loop gives both descriptors of a
// connection back before it accepts; with several, one could be taken for a client whose upstream then gets none.
func TestDescriptorsOfEndedConnectionsLetOthersIn(t *testing.T) {
	g := spawn(t, "gateway: {loops: 1}"+oneRoute+`{long: {}}}`, backend(t, echoes))
	inside := dial(t, g.address)
	inside.echo(framed("before"))
	g.must("hoard 0")
	outside := dial(t, g.address)
	g.logs(noneLeft, 1)
	inside.Close()
	outside.echo(framed("in its place"))
	g.must("release")
}

// must makes the process do something that can fail.
func (p *process) must(order string) {
	p.t.Helper()
	if answer := p.order(order); answer != "<nil>" {
		p.t.Fatalf("%s: %s", order, answer)
	}
}

// logs waits until the log has said something n times.
func (p *process) logs(text string, n int) {
	p.t.Helper()
	eventually(p.t, "the log says "+text, func() bool { return strings.Count(p.log.String(), text) >= n })
}

// staysCalm checks that the gateway does not spin for two seconds, in which it accepts nobody, and that what is open
// goes on.
func (p *process) staysCalm(open *client) {
	p.t.Helper()
	const pause, times = 200 * time.Millisecond, 10
	tick := time.NewTicker(pause)
	defer tick.Stop()
	before := p.cpu()
	for range times {
		open.echo(framed("still here"))
		<-tick.C
	}
	if used := p.cpu() - before; used > pause*times/5 {
		p.t.Errorf("%v of processor time in %v", used, pause*times)
	}
	if n := strings.Count(p.log.String(), "\n"); n > 30 {
		p.t.Errorf("%d lines of log:\n%s", n, p.log)
	}
}
