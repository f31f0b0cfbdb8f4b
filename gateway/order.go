package gateway

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"strings"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
)

// leading keeps the first views of a list that is never held whole, as a heap with the last of them on top.
type leading struct {
	most  int
	by    func(a, b *relay.View) int
	total int          // that were added
	room  []relay.View // for those that will be kept, so that the loops need no memory
	kept  []*relay.View
}

// newLeading returns one that keeps most views at most, in the order of by; expected is about how many will be added.
func newLeading(most int, by func(a, b *relay.View) int, expected int64) *leading {
	return &leading{most: most, by: by, room: make([]relay.View, min(int64(most), expected)), kept: make([]*relay.View, 0, min(int64(most), expected))}
}

func (l *leading) add(v *relay.View) {
	l.total++
	if len(l.kept) < l.most {
		if len(l.room) == 0 {
			l.room = make([]relay.View, 1)
		}
		l.room[0] = v.Clone()
		heap.Push(l, &l.room[0])
		l.room = l.room[1:]
		return
	}
	if l.by(v, l.kept[0]) < 0 {
		*l.kept[0] = v.Clone()
		heap.Fix(l, 0)
	}
}

// from returns those that are kept, in their order, from an offset on.
func (l *leading) from(offset int) []*relay.View {
	slices.SortFunc(l.kept, l.by)
	return l.kept[min(offset, len(l.kept)):]
}

// Len implements heap.Interface.
func (l *leading) Len() int { return len(l.kept) }

// Less implements heap.Interface.
func (l *leading) Less(i, j int) bool { return l.by(l.kept[i], l.kept[j]) > 0 }

// Swap implements heap.Interface.
func (l *leading) Swap(i, j int) { l.kept[i], l.kept[j] = l.kept[j], l.kept[i] }

// Push implements heap.Interface.
func (l *leading) Push(v any) { l.kept = append(l.kept, v.(*relay.View)) }

// Pop implements heap.Interface. Nothing is taken out before all have been added.
func (l *leading) Pop() any {
	last := len(l.kept) - 1
	v := l.kept[last]
	l.kept = l.kept[:last]
	return v
}

// order compares connections as api.Sort does what describes them, before there are descriptions.
func order(sort string) func(a, b *relay.View) int {
	key, down := strings.CutPrefix(sort, "-")
	by := orderBy(key)
	return func(a, b *relay.View) int {
		n := by(a, b)
		endless := key == "due" && (dueIn(a) == never) != (dueIn(b) == never) // those that no timer ends are last either way
		if down && !endless {
			n = -n
		}
		return cmp.Or(n, cmp.Compare(a.ID, b.ID))
	}
}

func orderBy(key string) func(a, b *relay.View) int {
	switch key {
	case "route":
		return byOf(func(v *relay.View) string { return v.Route.Name })
	case "client":
		return byClient
	case "endpoint":
		return byOf(endpointOf)
	case "state":
		return byOf(stateOf)
	case "age":
		return byOf(func(v *relay.View) time.Duration { return v.Session.Age(v.At) })
	case "silence":
		return byOf(silenceOf)
	case "bytes":
		return byOf(func(v *relay.View) uint64 { return v.Session.FromClient.Bytes + v.Session.FromUpstream.Bytes })
	case "messages":
		return byOf(func(v *relay.View) uint64 { return v.Session.FromClient.Messages + v.Session.FromUpstream.Messages })
	case "due":
		return byOf(dueIn)
	}
	return byOf(func(v *relay.View) uint64 { return v.ID })
}

func byOf[T cmp.Ordered](figure func(*relay.View) T) func(a, b *relay.View) int {
	return func(a, b *relay.View) int { return cmp.Compare(figure(a), figure(b)) }
}

// byClient orders addresses as numbers; those of unix sockets, which have none, are last.
func byClient(a, b *relay.View) int {
	if !a.Client.IsValid() || !b.Client.IsValid() {
		return cmp.Compare(clientText(a.Client), clientText(b.Client))
	}
	return a.Client.Compare(b.Client)
}

func silenceOf(v *relay.View) time.Duration { return v.At.Since(v.Session.LastMessage) }

// never is what dueIn says of a connection that nothing ends by itself.
const never = time.Duration(math.MaxInt64)

// dueIn returns how long it is until a timer or a drain ends v, unless something comes before that; 0 where it is overdue.
func dueIn(v *relay.View) time.Duration {
	_, at := v.Session.NextTimer(&v.Route.Rules)
	if at = min(at, v.DrainBy); at == deadline.Never {
		return never
	}
	return max(0, at.Since(v.At))
}
