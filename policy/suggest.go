package policy

import (
	"fmt"
	"slices"
	"strings"
)

// maxKnown is how many known words a message lists; the operator's own names may be thousands.
const maxKnown = 12

// didYouMean ends a message about an unknown word: with the nearest of known, or with all of them where none is near.
func didYouMean(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	switch {
	case len(known) == 0:
		return "; there are none here"
	case len(known) > maxKnown:
		return ""
	}
	return "; known: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// nearest is the word of known that word was probably meant to be, or "". Equally near ones go by alphabet.
func nearest(word string, known []string) string {
	word = plainForm(word)
	best, most := "", max(1, len(word)/3)
	for _, k := range slices.Sorted(slices.Values(known)) {
		plain := plainForm(k)
		d := 1
		if beginning := len(word) >= 4 && strings.HasPrefix(plain, word); !beginning {
			if max(len(word)-len(plain), len(plain)-len(word)) > most {
				continue // spares the comparison
			}
			d = distance(word, plain)
		}
		if d <= most && d < len(k) {
			best, most = k, d-1
		}
	}
	return best
}

// plainForm drops what differs between idle_timeout, idle-timeout and idleTimeout. It also bounds the length, and with it
// the cost of comparing.
func plainForm(s string) string {
	s = s[:min(len(s), 2*maxName)]
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
}

// distance counts the bytes to insert, drop, replace or swap with a neighbour to make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
