package relay

import "sync"

// mailbox is what others want of a loop.
type mailbox struct {
	mu     sync.Mutex
	mail   []func() // Guarded by mu.
	closed bool     // Guarded by mu.
}

// put adds f, and calls wake if there was nothing. It reports false, and f is never called, when the mailbox is closed.
func (m *mailbox) put(f func(), wake func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.mail = append(m.mail, f)
	if len(m.mail) == 1 {
		wake()
	}
	return true
}

// take empties it.
func (m *mailbox) take() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	mail := m.mail
	m.mail = nil
	return mail
}

// close takes no more.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
}
