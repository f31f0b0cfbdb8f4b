package advice

import (
	"slices"
	"time"
)

// rungs is how many candidates there are.
const rungs = 24

// ladder holds the candidates, which are such as people write, each up to twice and a half the one before.
var ladder = [rungs]time.Duration{
	1 * time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second,
	30 * time.Second, 45 * time.Second, 1 * time.Minute, 90 * time.Second, 2 * time.Minute, 3 * time.Minute,
	5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute,
	1 * time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// Shortest is the first rung of the Ladder: a shorter silence is none to any candidate.
const Shortest = time.Second

// Ladder returns the candidates, shortest first.
func Ladder() []time.Duration { return slices.Clone(ladder[:]) }

// exceeded returns how many candidates a silence is longer than: exactly those before that index would have cut it.
func exceeded(silence time.Duration) int {
	at, _ := slices.BinarySearch(ladder[:], silence)
	return at
}
