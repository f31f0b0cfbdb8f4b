package policy

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// quote is s in quotes and of bounded length, for a message.
func quote(s string) string { return strconv.Quote(clip(s)) }

// clip bounds the length of what a message cites.
func clip(s string) string {
	const most = 60 // bytes; enough to recognise it by
	return clipTo(s, most)
}

func clipTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}
