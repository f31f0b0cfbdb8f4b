package relay

import (
	"sync/atomic"

	"idlegate/gateway/internal/reactor"
)

// Memory for bytes that a peer would not take. Chunks come in few sizes so that they can be used again, and the process
// as a whole holds at most a Budget of them. What came through a pipe stays in it, and counts too.

const (
	readSize = 64 << 10 // of a loop's read buffer, and so the most of it that is held for one direction
	keep     = 16       // free chunks of one size that a loop keeps
)

var chunkSizes = [...]int{512, 4 << 10, 16 << 10, readSize}

// Budget bounds the bytes held by all loops.
type Budget struct {
	limit atomic.Int64 // that a read keeps to
	most  atomic.Int64 // that is held: limit, or while it is being lowered the one before
	used  atomic.Int64

	finisher atomic.Uint64 // id of the connection whose first message may use what the others leave; 0: none
}

// NewBudget returns a budget of limit bytes.
func NewBudget(limit int64) *Budget {
	b := &Budget{}
	b.Set(limit)
	return b
}

// Set changes the limit. What is held above a lower one goes as its receivers take it; what is read meanwhile by a loop that
// has still looked at the one before can be held until Settle.
func (b *Budget) Set(limit int64) {
	b.most.Store(max(limit, b.most.Load()))
	b.limit.Store(limit)
}

// Limit returns how many bytes may be held, as Set was told last.
func (b *Budget) Limit() int64 { return b.limit.Load() }

// Settle is called when all loops have had a turn since Set.
func (b *Budget) Settle() { b.most.Store(b.limit.Load()) }

// LeastBudget is the least that this many loops can work with: what is kept in reserve, and a chunk to hold, or a first message of
// hold bytes.
func LeastBudget(loops, hold int) int64 { return reserve(loops) + int64(max(readSize, hold)) }

// reserve is what the next reads of all loops may need before one of them looks at the budget again: a chunk for what was
// read, and one for what its receiver had sent, if that turns out to be gone.
func reserve(loops int) int64 { return 2 * readSize * int64(loops) }

// Used returns how many bytes are held.
func (b *Budget) Used() int64 { return b.used.Load() }

// take reserves n bytes, or says that they are not to be had.
func (b *Budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.most.Load() {
		return true
	}
	b.used.Add(int64(-n))
	return false
}

// own reserves n bytes that cannot be refused: few, of what has been read already or is the gateway's own.
func (b *Budget) own(n int) { b.used.Add(int64(n)) }

// finish lets the connection with that id use what others leave for a first message. It reports false while another does.
func (b *Budget) finish(id uint64) bool {
	return b.finisher.Load() == id || b.finisher.CompareAndSwap(0, id)
}

// finished lets another finish.
func (b *Budget) finished(id uint64) { b.finisher.CompareAndSwap(id, 0) }

func (b *Budget) give(n int) { b.used.Add(int64(-n)) }

// pool is one loop's supply of chunks.
type pool struct {
	budget *Budget
	free   [len(chunkSizes)][]*chunk
	pipes  pipes
}

// newPool returns a pool with room for most pipes.
func newPool(b *Budget, most int) *pool {
	p := &pool{budget: b, pipes: pipes{most: most, create: reactor.NewPipe}}
	for i := range p.free {
		p.free[i] = make([]*chunk, 0, keep)
	}
	return p
}

func sizeClass(n int) int {
	for i, size := range chunkSizes {
		if n <= size {
			return i
		}
	}
	return len(chunkSizes) - 1
}

// get returns a chunk with room for n bytes, at most readSize, or nil when the budget is spent.
func (p *pool) get(n int) *chunk {
	class := sizeClass(n)
	if !p.budget.take(chunkSizes[class]) {
		return nil
	}
	return p.chunk(class)
}

// own is get for bytes that cannot be refused.
func (p *pool) own(n int) *chunk {
	class := sizeClass(n)
	p.budget.own(chunkSizes[class])
	return p.chunk(class)
}

// chunk returns an empty chunk for which memory has been reserved.
func (p *pool) chunk(class int) *chunk {
	free := p.free[class]
	if len(free) == 0 {
		return &chunk{buf: make([]byte, chunkSizes[class])}
	}
	got := free[len(free)-1]
	p.free[class] = free[:len(free)-1]
	return got
}

// put takes a chunk back that was held.
func (p *pool) put(done *chunk) {
	if done.buf == nil {
		p.budget.give(done.to)
		p.pipes.put(done)
		return
	}
	class := sizeClass(len(done.buf))
	p.budget.give(len(done.buf))
	done.from, done.to = 0, 0
	if len(p.free[class]) < keep {
		p.free[class] = append(p.free[class], done)
	}
}
