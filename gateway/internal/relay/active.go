package relay

// act notes that there is something to do, which may change what the loop has counted. Others are told once until they look, so that a
// loop which is busy writes to no memory that they read.
func (l *Loop) act() {
	if !l.acted {
		l.acted = true
		l.active.Store(true)
	}
}

// ClearActive begins to look for something to do again. It is called through Post, together with what is looked at.
func (l *Loop) ClearActive() {
	l.acted = false
	l.active.Store(false)
}

// Active reports whether there may have been something to do since ClearActive: else what is counted now is what was counted then.
// It may be called from anywhere.
func (l *Loop) Active() bool { return l.active.Load() }
