package policy

import (
	"fmt"
	"strings"
	"time"

	"idlegate/policy/units"
)

// The readers of durations, sizes and percentages, made as those in scalar.go.

// span says which durations a key takes.
type span struct {
	none bool          // the word none is allowed, which is 0
	unit time.Duration // only multiples of it; 0: any
	most time.Duration // 0: as every duration
}

func (limits span) read(to *time.Duration) func(cursor) {
	return func(c cursor) {
		s, ok := c.amount(limits.none)
		if !ok {
			return
		}
		if s == none {
			*to = 0
			return
		}
		d, err := units.ParseDuration(s)
		if err == nil {
			err = limits.check(d)
		}
		if err != nil {
			c.fail("%s", err)
			return
		}
		*to = d
	}
}

func (limits span) check(d time.Duration) error {
	if limits.most != 0 && d > limits.most {
		return fmt.Errorf("must be at most %s, which is what the kernel can, not %s",
			units.FormatDuration(limits.most), units.FormatDuration(d))
	}
	if limits.unit != 0 && d%limits.unit != 0 {
		return fmt.Errorf("must be a multiple of %s, which is what the kernel can, not %s",
			units.FormatDuration(limits.unit), units.FormatDuration(d))
	}
	return nil
}

// readSize reads bytes, at least least. Where off, the word none is allowed, which is 0.
func readSize(to *int64, least int64, off bool) func(cursor) {
	return func(c cursor) {
		s, ok := c.amount(off)
		if !ok {
			return
		}
		if s == none {
			*to = 0
			return
		}
		n, err := units.ParseSize(s)
		switch {
		case err != nil:
			c.fail("%s", err)
		case n < least:
			c.fail("must be at least %s, not %s", units.FormatSize(least), units.FormatSize(n))
		default:
			*to = n
		}
	}
}

// amount is the text of a duration or a size; it is none only if that is allowed, and neither 0 nor less.
func (c cursor) amount(off bool) (string, bool) {
	s, ok := c.scalar()
	if !ok {
		return "", false
	}
	number, negative := strings.CutPrefix(s, "-")
	numeric := number != "" && number[0] >= '0' && number[0] <= '9'
	zero := strings.Trim(number, "0dhmsKMGTiB") == ""
	switch {
	case s == none && !off:
		c.fail("cannot be none; write a value, or remove the key")
	case numeric && (negative || zero) && off:
		c.fail("must be more than 0; write none to switch it off")
	case numeric && (negative || zero):
		c.fail("must be more than 0")
	default:
		return s, true
	}
	return "", false
}

func readPercent(to *float64) func(cursor) {
	return func(c cursor) {
		s, ok := c.scalar()
		if !ok {
			return
		}
		share, err := units.ParsePercent(s)
		if err != nil {
			c.fail("%s", err)
			return
		}
		*to = share
	}
}
