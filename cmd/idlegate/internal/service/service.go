// Package service speaks with the service manager that started the process, in systemd's protocols: sockets that it has bound
// (LISTEN_FDS), states that it is told (NOTIFY_SOCKET) and its watchdog (WATCHDOG_USEC). Without one, all of it does nothing.
//
//	told := service.Notify()
//	defer told.Close()
//	told.Ready()
//	go service.Watch(ctx, told, gateway)
//
// The states are those of sd_notify(3): READY, RELOADING with READY after it, STOPPING. A manager that does not read holds up
// nobody: states are sent by a goroutine, and what finds too many waiting is not told.
package service

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// Sockets are those that the manager has bound for this process. Programs that it starts do not inherit them.
func Sockets() []*os.File { return activation.Files(true) }

// Told is what the manager is told.
type Told struct {
	send  func(state string)
	ended chan struct{}

	mu      sync.Mutex
	states  chan string // Guarded by mu; nil: there is no manager, or all is over.
	reloads int         // Guarded by mu; how many are under way.
	stops   bool        // Guarded by mu; the end has begun, and no state but its own is told.
}

// room is how many states may wait for a manager that does not read. What comes after them is not told.
const room = 64

// Notify begins to tell the manager, if the environment names one.
func Notify() *Told {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return newTold(nil)
	}
	return newTold(func(state string) { _, _ = daemon.SdNotify(false, state) }) // who is not there is not told
}

// newTold tells by send; nil: nobody.
func newTold(send func(string)) *Told {
	t := &Told{send: send, ended: make(chan struct{})}
	if send == nil {
		close(t.ended)
		return t
	}
	t.states = make(chan string, room)
	go func(states <-chan string) {
		defer close(t.ended)
		for state := range states {
			send(state)
		}
	}(t.states)
	return t
}

// Ready says that clients are served.
func (t *Told) Ready() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(daemon.SdNotifyReady)
}

// Reloading says that a policy file is read; what it returns, that it is done. Of several at a time the manager is told once.
func (t *Told) Reloading() (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reloads++
	if t.reloads == 1 && !t.stops {
		t.tell(daemon.SdNotifyReloading)
	}
	return sync.OnceFunc(t.reloaded)
}

func (t *Told) reloaded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reloads--
	if t.reloads == 0 && !t.stops {
		t.tell(daemon.SdNotifyReady)
	}
}

// Stopping says that the end has begun. It is told once.
func (t *Told) Stopping() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stops {
		t.stops = true
		t.tell(daemon.SdNotifyStopping)
	}
}

// beat tells the watchdog that all is well, and in one line how it stands. While it stops it asks for so much time more.
func (t *Told) beat(line string, more time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	state := []string{daemon.SdNotifyWatchdog, "STATUS=" + strings.ReplaceAll(line, "\n", " ")}
	if t.stops {
		state = append(state, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", more.Microseconds()))
	}
	t.tell(strings.Join(state, "\n"))
}

// tell is called with mu held.
func (t *Told) tell(state string) {
	select {
	case t.states <- state: // never where it is nil
	default:
	}
}

// closePatience is how long Close waits for a manager that does not read.
const closePatience = time.Second

// Close ends it, after what waits has been told.
func (t *Told) Close() {
	t.mu.Lock()
	if t.states != nil {
		close(t.states)
		t.states = nil
	}
	t.mu.Unlock()
	select {
	case <-t.ended:
	case <-time.After(closePatience):
	}
}
