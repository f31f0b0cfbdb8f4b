package advice

import (
	"slices"
	"time"
)

// rungs is how many candidates there are.
const rungs = 24

// ladder holds candidates, shortest first.
type ladder [rungs]time.Duration

// silences are the candidates for all timers but max_lifetime. They are such as people write, each up to twice and a half the one before.
var silences = ladder{
	1 * time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second,
	30 * time.Second, 45 * time.Second, 1 * time.Minute, 90 * time.Second, 2 * time.Minute, 3 * time.Minute,
	5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute,
	1 * time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// ages are those for max_lifetime.
var ages = ladder{
	10 * time.Second, 30 * time.Second, 1 * time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
	15 * time.Minute, 30 * time.Minute, 1 * time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
	8 * time.Hour, 12 * time.Hour, 18 * time.Hour, 1 * day, 2 * day, 3 * day,
	4 * day, 7 * day, 10 * day, 14 * day, 21 * day, 30 * day,
}

// Shortest is the shortest candidate for a silence: a shorter silence is none to any.
const Shortest = time.Second

// ladder returns the candidates for t, shortest first.
func (t Timer) ladder() *ladder {
	if t == MaxLifetime {
		return &ages
	}
	return &silences
}

// exceeded returns how many candidates a time is longer than: exactly those before that index would have cut it.
func (l *ladder) exceeded(d time.Duration) int {
	if d <= l[0] {
		return 0 // most are
	}
	at, _ := slices.BinarySearch(l[:], d)
	return at
}
