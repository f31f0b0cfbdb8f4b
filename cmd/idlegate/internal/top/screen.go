package top

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Control sequences of terminals (ECMA-48; ?1049 and ?25 are xterm's, which all of them have).
const (
	alternate  = "\x1b[?1049h"
	original   = "\x1b[?1049l"
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	home       = "\x1b[H"
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"
	inverse    = "\x1b[7m"
	normal     = "\x1b[m"
)

// What a terminal that does not know its size is taken for.
const (
	usualWidth  = 80
	usualHeight = 24
)

// Screen is a terminal that shows frames.
type Screen struct {
	in, out *os.File
	before  *term.State
}

// Enter takes a terminal over: keys come as they are typed, and what was on it comes back with Leave, which must follow.
func Enter(in, out *os.File) (*Screen, error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	s := &Screen{in: in, out: out, before: before}
	_, err = io.WriteString(out, alternate+hideCursor)
	if err != nil {
		s.Leave()
		return nil, err
	}
	return s, nil
}

// Leave gives the terminal back as it was.
func (s *Screen) Leave() {
	_, _ = io.WriteString(s.out, normal+showCursor+original) // a terminal that is gone needs none of it
	_ = term.Restore(int(s.in.Fd()), s.before)
}

// IsTerminal reports whether both are terminals, so that Enter can take them.
func IsTerminal(in, out *os.File) bool {
	return term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

func (s *Screen) size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return usualWidth, usualHeight
	}
	return width, height
}

// draw shows a frame in the place of the one before, without clearing in between, which would flicker.
func (s *Screen) draw(lines []string) error {
	_, err := io.WriteString(s.out, painted(lines))
	return err
}

// painted is what to send to a terminal so that it shows lines, the first of them inverse. In raw mode a new line is no return.
func painted(lines []string) string {
	var b strings.Builder
	b.WriteString(home)
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if i == 0 {
			line = inverse + line + normal
		}
		b.WriteString(line + clearRight)
	}
	b.WriteString(clearBelow)
	return b.String()
}
