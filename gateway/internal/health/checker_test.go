package health

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pass is a dial that connects.
func pass(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	go func() { _, _ = far.Read(make([]byte, 1)); far.Close() }()
	return near, nil
}

func refuse(context.Context) (net.Conn, error) { return nil, errors.New("refused") }

// instants collects when checks have ended.
type instants struct {
	mu  sync.Mutex
	all []time.Time
}

func (i *instants) note() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.all = append(i.all, time.Now())
}

func (i *instants) between() (gaps []time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := 1; n < len(i.all); n++ {
		gaps = append(gaps, i.all[n].Sub(i.all[n-1]))
	}
	return gaps
}

func TestChecksComeATenthMoreOrLessThanEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, began := New(), time.Now()
		var ends instants
		c.Follow(map[any]Target{1: {
			Rule: Rule{Every: 10 * time.Second, Timeout: time.Second}, Dial: pass,
			Ended: func(error) bool { ends.note(); return false },
		}})
		<-time.After(10 * time.Minute) // of the bubble
		c.Close()
		if first := ends.all[0].Sub(began); first > firstWithin {
			t.Errorf("the first came after %v", first)
		}
		different := map[time.Duration]bool{}
		for _, gap := range ends.between() {
			different[gap] = true
			if gap < 9*time.Second || gap > 11*time.Second {
				t.Errorf("%v between two", gap)
			}
		}
		if len(different) < 20 {
			t.Errorf("only %d waits differ: those of many gateways would come together", len(different))
		}
	})
}

func TestTheFirstChecksOfManyAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, began := New(), time.Now()
		var early atomic.Int64
		all := map[any]Target{}
		for i := range 1000 {
			once := sync.Once{}
			all[i] = Target{Rule: Rule{Every: time.Minute, Timeout: time.Second}, Dial: pass, Ended: func(error) bool {
				once.Do(func() {
					if time.Since(began) < firstWithin/2 {
						early.Add(1)
					}
				})
				return false
			}}
		}
		c.Follow(all)
		<-time.After(firstWithin + time.Second) // of the bubble
		c.Close()
		if n := early.Load(); n < 400 || n > 600 {
			t.Errorf("%d of 1000 came in the first half of the time", n)
		}
	})
}

func TestChecksComeSoonerWhileThatIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		var ends instants
		c.Follow(map[any]Target{1: {
			Rule: Rule{Every: 10 * time.Second, Timeout: time.Second}, Dial: refuse,
			Ended: func(error) bool { ends.note(); return true },
		}})
		<-time.After(time.Minute) // of the bubble
		c.Close()
		for _, gap := range ends.between() {
			if gap < 1800*time.Millisecond || gap > 2200*time.Millisecond {
				t.Errorf("%v between two, want a fifth of 10s", gap)
			}
		}
	})
}

func TestNoMoreThanSoManyChecksRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		var running, most atomic.Int64
		all := map[any]Target{}
		var served atomic.Int64
		for i := range 4 * AtOnce {
			all[i] = Target{
				Rule: Rule{Every: time.Second, Timeout: 2 * time.Second},
				Dial: func(ctx context.Context) (net.Conn, error) { // a black hole
					most.Store(max(most.Load(), running.Add(1)))
					<-ctx.Done()
					running.Add(-1)
					return nil, ctx.Err()
				},
				Ended: func(error) bool { served.Add(1); return true },
			}
		}
		c.Follow(all)
		<-time.After(time.Minute) // of the bubble
		c.Close()
		if n := most.Load(); n != AtOnce {
			t.Errorf("%d at once, want %d", n, AtOnce)
		}
		if n := served.Load(); n < 20*AtOnce {
			t.Errorf("%d checks in a minute, want every slot used", n)
		}
	})
}

func TestATargetThatIsLeftOutIsNeverHeardOfAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		var over atomic.Bool
		hang := func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		c.Follow(map[any]Target{1: {Rule: Rule{Every: time.Second, Timeout: time.Hour}, Dial: hang, Ended: func(error) bool {
			if over.Load() {
				t.Error("it is told of a check after Follow has left it out")
			}
			return false
		}}})
		<-time.After(time.Minute) // a check is under way
		c.Follow(nil)
		over.Store(true)
		<-time.After(time.Hour) // of the bubble
		c.Close()
	})
}

func TestAnotherRuleHoldsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		var ends instants
		target := Target{Rule: Rule{Every: time.Hour, Timeout: time.Second}, Dial: pass, Ended: func(error) bool { ends.note(); return false }}
		c.Follow(map[any]Target{1: target})
		<-time.After(time.Minute) // of the bubble
		target.Rule.Every = time.Second
		c.Follow(map[any]Target{1: target})
		<-time.After(time.Minute) // of the bubble
		c.Close()
		if n := len(ends.all); n < 50 || n > 70 {
			t.Errorf("%d checks, want one of the first rule and one a second of the other", n)
		}
	})
}
