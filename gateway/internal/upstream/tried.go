package upstream

// tried remembers which endpoints one connection has tried, the last few of them if they are many. It is only a preference:
// IDs are used again after 65,535 endpoints.
type tried struct {
	ids      [4]ID
	attempts uint8
	next     uint8
}

func (t *tried) has(id ID) bool {
	for _, tried := range t.ids {
		if tried == id {
			return true
		}
	}
	return false
}

func (t *tried) add(id ID) {
	t.ids[t.next] = id
	t.next = (t.next + 1) % uint8(len(t.ids))
	t.attempts++
}

// forget lets the one that was added last be tried again. It still counts as an attempt.
func (t *tried) forget() {
	t.next = (t.next + uint8(len(t.ids)) - 1) % uint8(len(t.ids))
	t.ids[t.next] = 0
}
