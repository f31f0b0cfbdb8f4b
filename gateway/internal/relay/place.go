package relay

// places decides which loop gets a new connection: the one with the fewest, but while most connections close soon, the loop
// that accepts keeps a client unless it has more than tolerance ahead of another. To hand one over costs a message, a
// wake-up and cold caches: see 'What paid' in PERFORMANCE.md. Connections that last are spread evenly, since 8 of them that
// have much to send would else share one loop.
type places struct {
	since  uint64 // id of the connection with which this window began
	closed uint64 // connections that had closed by then
	brief  bool   // most of those in the window before have closed
}

const (
	placeWindow = 64 // connections after which is looked whether they last
	tolerance   = 8
)

// note counts a connection that was accepted, before which closed ones have closed.
func (p *places) note(id, closed uint64) {
	if id-p.since < placeWindow {
		return
	}
	p.brief = closed-p.closed > placeWindow/2
	p.since, p.closed = id, closed
}

// placeOf returns the loop for a connection that has been counted as open.
func (a *acceptor) placeOf(id uint64) *Loop {
	g := a.loop.cfg.Admission
	a.places.note(id, id-min(id, uint64(g.open.Load())))
	least := g.least()
	if a.places.brief && a.loop.sessions.Load() <= least.sessions.Load()+tolerance {
		return a.loop
	}
	return least
}
