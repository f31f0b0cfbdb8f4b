package top

import "io"

// key is what a viewer can ask for.
type key int

const (
	keyNone     key = iota
	keyQuit         // q, Ctrl-C
	keyNext         // s, j, down or right: the next order
	keyPrevious     // k, up or left: the order before
	keyRoute        // r: the next route
)

// sortOrders are those that the keys go through.
func sortOrders() []string {
	return []string{"due", "-silence", "-age", "-messages", "-bytes", "id"}
}

// listen sends what is typed until in ends, or done is closed and one more key is typed: a read of a terminal cannot be given up.
func listen(in io.Reader, keys chan<- key, done <-chan struct{}) {
	typed := make([]byte, 64)
	for {
		n, err := in.Read(typed)
		for _, k := range decode(typed[:n]) {
			select {
			case keys <- k:
			case <-done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// decode reads keys from what a terminal in raw mode sends: characters, and sequences that begin with an escape (ECMA-48, 5.4).
func decode(typed []byte) (keys []key) {
	for len(typed) > 0 {
		if len(typed) >= 3 && typed[0] == 0x1b && (typed[1] == '[' || typed[1] == 'O') {
			keys = append(keys, arrow(typed[2]))
			typed = typed[3:]
			continue
		}
		keys = append(keys, character(typed[0]))
		typed = typed[1:]
	}
	return keys
}

func arrow(last byte) key {
	switch last {
	case 'B', 'C': // down, right
		return keyNext
	case 'A', 'D': // up, left
		return keyPrevious
	}
	return keyNone
}

func character(c byte) key {
	const ctrlC = 3
	switch c {
	case 'q', 'Q', ctrlC:
		return keyQuit
	case 's', 'j':
		return keyNext
	case 'k':
		return keyPrevious
	case 'r':
		return keyRoute
	}
	return keyNone
}

// press changes what the viewer has chosen.
func (m *Model) press(k key) {
	switch k {
	case keyNext:
		m.Sort = step(sortOrders(), m.Sort, 1)
	case keyPrevious:
		m.Sort = step(sortOrders(), m.Sort, -1)
	case keyRoute:
		names := []string{""}
		for _, r := range m.Sample.Routes {
			names = append(names, r.Name)
		}
		m.Route = step(names, m.Route, 1)
	case keyNone, keyQuit:
	}
}

// step is the word that stands by steps after current, round and round; the first where current is not among them.
func step(words []string, current string, by int) string {
	for i, word := range words {
		if word == current {
			return words[(i+by+len(words))%len(words)]
		}
	}
	return words[0]
}
