package logsink

import (
	"bytes"
	"errors"
	"testing"
)

// scripted is a destination that answers as it is told, then takes everything.
type scripted struct {
	bytes.Buffer
	takes []int // bytes of each Write; fewer than given is an error
}

func (d *scripted) Write(p []byte) (int, error) {
	if len(d.takes) == 0 {
		return d.Buffer.Write(p)
	}
	n := min(d.takes[0], len(p))
	d.takes = d.takes[1:]
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func TestFailedWriteLosesItsLinesOnly(t *testing.T) {
	const all = 100
	for name, test := range map[string]struct {
		takes   []int
		want    string
		arrived []int // of the batches a-b, c-d, e
	}{
		"no error":                                {nil, "aa\nbb\ncc\ndd\nee\n", []int{2, 2, 1}},
		"nothing is taken: the batch is lost":     {[]int{0}, "cc\ndd\nee\n", []int{0, 2, 1}},
		"one line is taken: the other is lost":    {[]int{3}, "aa\ncc\ndd\nee\n", []int{1, 2, 1}},
		"cut in the first line: it is ended":      {[]int{1}, "a\ncc\ndd\nee\n", []int{0, 2, 1}},
		"cut in the second line: it is ended":     {[]int{4}, "aa\nb\ncc\ndd\nee\n", []int{1, 2, 1}},
		"cut before the line's end: it is ended":  {[]int{5}, "aa\nbb\ncc\ndd\nee\n", []int{1, 2, 1}},
		"the cut line cannot be ended yet":        {[]int{1, 0}, "a\nee\n", []int{0, 0, 1}},
		"cut again after the cut line was ended":  {[]int{1, 1, 4}, "a\ncc\nd\nee\n", []int{0, 1, 1}},
		"nothing taken after the cut was ended":   {[]int{1, 1, 0}, "a\nee\n", []int{0, 0, 1}},
		"fails to the end":                        {[]int{0, 0, 0}, "", []int{0, 0, 0}},
		"a destination that counts more than all": {[]int{all, 4, all, all}, "aa\nbb\ncc\nd\nee\n", []int{2, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &scripted{takes: test.takes}
			dest := NewDest(w)
			for i, b := range []batch{batchOf("aa\n", "bb\n"), batchOf("cc\n", "dd\n"), batchOf("ee\n")} {
				if arrived := dest.write(b); arrived != test.arrived[i] {
					t.Errorf("batch %d: %d lines arrived, want %d", i, arrived, test.arrived[i])
				}
			}
			if got := w.String(); got != test.want {
				t.Errorf("the destination has %q, want %q", got, test.want)
			}
		})
	}
}

func batchOf(lines ...string) (b batch) {
	for _, l := range lines {
		b.add([]byte(l), nil)
	}
	return b
}
