package advice

import "time"

// head is how many numbers come before the rows of a Tally in Numbers.
const (
	head    = 7
	perRung = 6 // quiets, tails, tailSum's two, dead, deadCut
)

// Numbers are all that t has counted, as plain numbers to be written down. TallyOf makes t of them again.
func (t *Tally) Numbers() []int64 {
	all := make([]int64, 0, head+perRung*(rungs+1))
	all = append(all, int64(t.connections), int64(t.spoke), int64(t.longest), int64(t.cut), int64(t.shortestCut), int64(t.resumed), int64(t.longestResumed))
	for i := range t.quiets {
		all = append(all, int64(t.quiets[i]), int64(t.tails[i]), int64(t.tailSum[i].hi), int64(t.tailSum[i].lo), t.dead[i], t.deadCut[i])
	}
	return all
}

// TallyOf returns the Tally that has such Numbers. It reports false where no counting could have led to them.
func TallyOf(numbers []int64) (t Tally, ok bool) {
	if len(numbers) != head+perRung*(rungs+1) {
		return Tally{}, false
	}
	for _, n := range numbers[:head] {
		if n < 0 {
			return Tally{}, false
		}
	}
	t.connections, t.spoke, t.longest = uint64(numbers[0]), uint64(numbers[1]), time.Duration(numbers[2])
	t.cut, t.shortestCut = uint64(numbers[3]), time.Duration(numbers[4])
	t.resumed, t.longestResumed = uint64(numbers[5]), time.Duration(numbers[6])
	var quiets, tails uint64
	var dead, deadCut int64
	for i := range t.quiets {
		row := numbers[head+perRung*i:]
		t.quiets[i], t.tails[i] = uint64(row[0]), uint64(row[1])
		t.tailSum[i] = total{uint64(row[2]), uint64(row[3])}
		t.dead[i], t.deadCut[i] = row[4], row[5]
		quiets, tails, dead, deadCut = quiets+t.quiets[i], tails+t.tails[i], dead+row[4], deadCut+row[5]
		if row[0] < 0 || row[1] < 0 || dead < 0 || deadCut < 0 || deadCut > dead {
			return Tally{}, false
		}
	}
	return t, quiets == t.connections && tails == t.connections && t.spoke <= t.connections && t.cut <= t.connections
}

// Connections is how many t has counted.
func (t *Tally) Connections() uint64 { return t.connections }
