package service

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestStatesReachTheSocketOfTheManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	told := Notify()
	told.Ready()
	done := told.Reloading()
	also := told.Reloading() // of two at a time the manager is told once
	done()
	done()
	also()
	told.Stopping()
	told.Stopping()
	told.Close()
	_ = manager.SetReadDeadline(time.Now().Add(10 * time.Second))
	buffer := make([]byte, 1024)
	for _, want := range []string{"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"} {
		n, err := manager.Read(buffer)
		if got := string(buffer[:n]); err != nil || got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestWithoutAManagerNothingIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	told := Notify()
	told.Ready()
	told.Reloading()()
	Watch(t.Context(), told, &fake{turns: true}) // returns
	told.Close()
}

func TestAManagerThatDoesNotReadHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		told := newTold(func(string) { <-stuck })
		for range 10 * room {
			told.Reloading()()
		}
		told.Close()
		close(stuck)
	})
}

func TestTheWatchdogHearsOfALoopThatTurnsAndOfNoneThatDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager := &record{}
		told := newTold(manager.add)
		g := &fake{turns: true}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); watch(ctx, told, g, 10*time.Second) }()

		<-time.After(25 * time.Second)
		synctest.Wait()
		if got := manager.take(); len(got) != 3 || got[0] != "WATCHDOG=1\nSTATUS=serving, 1 connection open" {
			t.Errorf("in 25 s it was told %q", got)
		}
		g.set(false, "")
		<-time.After(time.Minute)
		synctest.Wait()
		if got := manager.take(); len(got) != 0 {
			t.Errorf("of loops that do not turn it was told %q", got)
		}
		g.set(true, "draining")
		<-time.After(20 * time.Second)
		synctest.Wait()
		got := manager.take()
		if !slices.Contains(got, "STOPPING=1") || !slices.Contains(got, "WATCHDOG=1\nSTATUS=draining, 1 connection open\nEXTEND_TIMEOUT_USEC=40000000") {
			t.Errorf("of the drain it was told %q", got)
		}
		cancel()
		<-done
		told.Close()
	})
}

// record is a manager that reads.
type record struct {
	mu     sync.Mutex
	states []string
}

func (r *record) add(state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, strings.TrimSpace(state))
}

func (r *record) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.states
	r.states = nil
	return all
}

// fake is a gateway with one connection.
type fake struct {
	mu     sync.Mutex
	turns  bool
	reason string
}

func (f *fake) set(turns bool, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turns, f.reason = turns, reason
}

func (f *fake) Turning(ctx context.Context) error {
	f.mu.Lock()
	turns := f.turns
	f.mu.Unlock()
	if turns {
		return nil
	}
	<-ctx.Done()
	return errors.New("it does not turn")
}

func (f *fake) Ready() (bool, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reason == "", f.reason
}

func (f *fake) Open() int64 { return 1 }
