package units

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// None is the word that switches a duration or a limit off.
const None = "none"

// MaxDuration bounds every duration of the file, so that no sum of an instant and a duration can overflow.
const MaxDuration = 3650 * Day

const Day = 24 * time.Hour

const (
	KiB = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

// MaxSize bounds every size of the file, for the same reason.
const MaxSize = 1024 * TiB

// unit is one unit of a duration or a size.
type unit struct {
	name  string
	worth int64
}

// durationUnits are those of a duration, in nanoseconds, greatest first.
func durationUnits() []unit {
	return []unit{
		{"d", int64(Day)}, {"h", int64(time.Hour)}, {"m", int64(time.Minute)}, {"s", int64(time.Second)},
		{"ms", int64(time.Millisecond)},
	}
}

// sizeUnits are those of a size, in bytes, greatest first.
func sizeUnits() []unit {
	return []unit{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}
}

// ParseDuration reads 10s, 1m30s, 250ms, 7d: whole numbers, each with its unit, the greatest unit first. The result is
// never negative and at most MaxDuration.
func ParseDuration(s string) (time.Duration, error) {
	if err := noAmount(s, "10s"); err != nil {
		return 0, err
	}
	units := durationUnits()
	var total int64
	for rest := s; rest != ""; {
		number, name, tail := cutTerm(rest)
		if err := checkTerm(s, number, name, tail, "s"); err != nil {
			return 0, err
		}
		at := indexUnit(units, name)
		if at < 0 {
			return 0, unknownUnit(s, name, durationUnits(), "ms, s, m, h and d")
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n > (int64(MaxDuration)-total)/units[at].worth {
			return 0, errors.New(clip(s) + " is too long; the longest is " + FormatDuration(MaxDuration))
		}
		total += n * units[at].worth
		units, rest = units[at+1:], tail
	}
	return time.Duration(total), nil
}

// ParseSize reads 64KiB, 1MiB, 512B. The result is never negative and at most MaxSize.
func ParseSize(s string) (int64, error) {
	if err := noAmount(s, "64KiB"); err != nil {
		return 0, err
	}
	number, name, tail := cutTerm(s)
	if err := checkTerm(s, number, name, tail, "B"); err != nil {
		return 0, err
	}
	units := sizeUnits()
	at := indexUnit(units, name)
	if at < 0 || tail != "" {
		return 0, unknownSizeUnit(s, number, name)
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > MaxSize/units[at].worth {
		return 0, errors.New(clip(s) + " is too much; the most is " + FormatSize(MaxSize))
	}
	return n * units[at].worth, nil
}

// ParsePercent reads 10% as 0.1.
func ParsePercent(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || n > 100 {
		return 0, errors.New("must be a whole percentage from 0% to 100%, as in 10%, not " + quote(s))
	}
	return float64(n) / 100, nil
}

// noAmount refuses what is no amount at all.
func noAmount(s, example string) error {
	switch strings.ToLower(s) {
	case "":
		return errors.New("is empty; write a number and a unit, as in " + example)
	case "off", "false", "no", "never", "unlimited", "infinite", "infinity", "inf", "forever", "disabled":
		return errors.New("is " + quote(s) + "; the word for that is none")
	}
	if s[0] < '0' || s[0] > '9' {
		return errors.New("must be a number and a unit, as in " + example + ", not " + quote(s))
	}
	return nil
}

// cutTerm cuts the first number and the letters after it off s.
func cutTerm(s string) (number, name, tail string) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	rest := s[digits:]
	letters := strings.IndexAny(rest, "0123456789.")
	if letters < 0 {
		letters = len(rest)
	}
	return s[:digits], rest[:letters], rest[letters:]
}

// checkTerm refuses fractions and a number without a unit. s is the whole and usual the unit that is most likely meant.
func checkTerm(s, number, name, tail, usual string) error {
	if name == "" && strings.HasPrefix(tail, ".") {
		return errors.New(quote(s) + " is a fraction; write a whole number of a smaller unit")
	}
	if name == "" && number == s {
		return errors.New(clip(s) + " has no unit; write " + clip(number) + usual + " if that was meant")
	}
	if name == "" || number == "" {
		return errors.New(quote(s) + " is not a number and a unit")
	}
	return nil
}

func unknownUnit(s, name string, units []unit, known string) error {
	if indexUnit(units, name) >= 0 {
		return errors.New(quote(s) + " must have its greatest unit first, and each but once")
	}
	return errors.New(quote(s) + " has the unknown unit " + quote(name) + "; units are " + known)
}

func unknownSizeUnit(s, number, name string) error {
	for _, u := range sizeUnits() {
		letter := u.name[:1]
		if u.name != "B" && (strings.EqualFold(name, letter) || strings.EqualFold(name, letter+"B") || strings.EqualFold(name, u.name)) {
			return errors.New(quote(s) + " must be written " + clip(number) + u.name + "; units are B, KiB, MiB, GiB and TiB")
		}
	}
	return errors.New(quote(s) + " is not a size; write a whole number and B, KiB, MiB, GiB or TiB, as in 64KiB")
}

func indexUnit(units []unit, name string) int {
	for i, u := range units {
		if u.name == name {
			return i
		}
	}
	return -1
}

// FormatDuration writes d as ParseDuration reads it, and 0 as none.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return None
	}
	if d < 0 || d%time.Millisecond != 0 {
		return d.String() // never from a file
	}
	var b strings.Builder
	rest := int64(d)
	for _, u := range durationUnits() {
		if n := rest / u.worth; n > 0 {
			b.WriteString(strconv.FormatInt(n, 10) + u.name)
		}
		rest %= u.worth
	}
	return b.String()
}

// FormatSize writes n in the greatest unit that divides it, and 0 as none.
func FormatSize(n int64) string {
	if n == 0 {
		return None
	}
	for _, u := range sizeUnits() {
		if n%u.worth == 0 {
			return strconv.FormatInt(n/u.worth, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

func FormatPercent(share float64) string {
	return strconv.Itoa(int(math.Round(share*100))) + "%"
}

// quote is s in quotes and of bounded length.
func quote(s string) string { return strconv.Quote(clip(s)) }

// clip bounds the length of what a message cites.
func clip(s string) string {
	const most = 60 // bytes; enough to recognise it by
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
