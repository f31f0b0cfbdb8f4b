package relay

import (
	"syscall"
	"testing"
	"unsafe"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

func TestThePoolKeepsToTheBudget(t *testing.T) {
	budget := NewBudget(100 << 10)
	p := newPool(budget, 0)
	big := p.get(readSize)
	if big == nil || len(big.buf) != readSize {
		t.Fatal("no piece though the budget has room")
	}
	if p.get(readSize) != nil {
		t.Error("a second piece of 64 KiB out of 100")
	}
	small := p.get(1)
	if small == nil || len(small.buf) != chunkSizes[0] {
		t.Error("no small piece though there is room for one")
	}
	if got, want := budget.Used(), int64(readSize+chunkSizes[0]); got != want {
		t.Errorf("%d bytes are counted, want %d", got, want)
	}
	p.put(big)
	p.put(small)
	if budget.Used() != 0 {
		t.Errorf("%d bytes are counted after all was given back", budget.Used())
	}
	if again := p.get(readSize); again != big {
		t.Error("a piece that was given back is not used again")
	}
}

func TestALowerBudgetHoldsWhatIsBeingRead(t *testing.T) {
	budget := NewBudget(1 << 20)
	p := newPool(budget, 0)
	budget.Set(1)
	if p.get(readSize) == nil {
		t.Error("what a loop has read that saw the budget of before cannot be held")
	}
	budget.Settle()
	if p.get(1) != nil {
		t.Error("a piece above the lower budget")
	}
	budget.Set(1 << 20)
	if p.get(1) == nil {
		t.Error("no piece though the budget is raised again")
	}
}

func TestPipesAreUsedAgainOnceTheyAreEmpty(t *testing.T) {
	p := newPool(NewBudget(1<<20), 2)
	first, second := p.pipes.get(0), p.pipes.get(0)
	if first == nil || second == nil || p.pipes.get(0) != nil {
		t.Fatal("want two pipes and no third")
	}
	p.pipes.put(first)
	if p.pipes.get(0) != first {
		t.Error("an empty pipe is not used again")
	}
	first.to = 100 // bytes that are still in it
	if !p.budget.take(first.to) {
		t.Fatal("no room for them")
	}
	p.put(first)
	if p.budget.Used() != 0 {
		t.Errorf("%d bytes are counted after all was given back", p.budget.Used())
	}
	third := p.pipes.get(0)
	if third == nil || third == first {
		t.Error("a pipe that was closed has no successor")
	}
	p.pipes.put(second)
	p.pipes.put(third)
	p.pipes.close()
	if p.pipes.open != 0 {
		t.Errorf("%d pipes are still open", p.pipes.open)
	}
}

// TestAPipeThatCannotBeHadIsNotAskedForAtOnceAgain makes the kernel refuse pipes, as it does to an ordinary user who has many.
func TestAPipeThatCannotBeHadIsNotAskedForAtOnceAgain(t *testing.T) {
	asked, errno := 0, syscall.EPERM
	p := newPool(NewBudget(1<<20), 2)
	p.pipes.create = func(want reactor.PipeSize) (reactor.Pipe, syscall.Errno) {
		if asked++; want != (reactor.PipeSize{Most: pipeSize, Least: leastPipe}) {
			t.Errorf("a pipe of %+v is asked for", want)
		}
		if errno != 0 {
			return reactor.Pipe{}, errno
		}
		return reactor.NewPipe(want)
	}
	start := deadline.Instant(1)
	for _, at := range []deadline.Instant{start, start.After(1), start.After(pipeRetry - 1)} {
		if p.pipes.get(at) != nil {
			t.Error("a pipe where the kernel has none")
		}
	}
	if asked != 1 {
		t.Errorf("%d pipes were asked for within %v", asked, pipeRetry)
	}
	errno = 0
	got := p.pipes.get(start.After(pipeRetry))
	if got == nil {
		t.Fatal("no pipe though the kernel has them again")
	}
	p.pipes.put(got)
	p.pipes.close()
}

// TestAConnectionIsSmall keeps an eye on what every idle connection costs on the Go side. The aim for a whole connection
// is 700 bytes.
func TestAConnectionIsSmall(t *testing.T) {
	size := unsafe.Sizeof(conn{})
	t.Logf("a connection takes %d bytes", size)
	if size > 512 {
		t.Errorf("a connection takes %d bytes, want at most 512", size)
	}
}

func TestSlotsAreToldApartByGeneration(t *testing.T) {
	var s slab
	first := s.take()
	first.phase = relaying
	old := first.token(1)
	if c, side := s.find(old); c != first || side != 1 {
		t.Fatal("a connection is not found by its token")
	}
	s.put(first)
	if c, _ := s.find(old); c != nil {
		t.Error("a vacant slot is found")
	}
	again := s.take()
	again.phase = relaying
	if again != first {
		t.Error("a slot that was just used is not used again")
	}
	if c, _ := s.find(old); c != nil {
		t.Error("an event of the slot's former connection finds the new one")
	}
	if c, _ := s.find(again.token(0)); c != again {
		t.Error("the new one is not found")
	}
	if c, _ := s.find(listenerToken | 5); c != nil {
		t.Error("a listener's token names a connection")
	}
}

// TestAConnectionIsNeverTakenForAListener uses one slot more often than its generation can count. A busy gateway with
// short connections gets there within days, as a slot that was used is used again first.
func TestAConnectionIsNeverTakenForAListener(t *testing.T) {
	var s slab
	c := s.take()
	for _, generation := range []uint32{0, 1<<30 - 1, 1 << 30, 1<<31 - 1, 1<<32 - 1} {
		c.generation = generation - 1
		s.put(c)
		c = s.take()
		c.phase = relaying
		token := c.token(session.Upstream)
		if token&listenerToken != 0 {
			t.Errorf("generation %#x: the token %#x is a listener's", generation, token)
		}
		if found, side := s.find(token); found != c || side != session.Upstream {
			t.Errorf("generation %#x: the connection is not found by its token", generation)
		}
	}
}
