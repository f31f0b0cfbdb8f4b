package hosts_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// fleet is a number of clients that ask, read the answer and pause, and connect again after some questions or when their connection
// has ended. A connection that ended in good order while a question was on its way is no fault: the client asks it again.
type fleet struct {
	answered, again, resets atomic.Int64
	leave                   context.CancelFunc
	all                     sync.WaitGroup

	mu     sync.Mutex
	faults []string // what such a client cannot mend
}

const (
	questions = 20                    // of a connection, of a client that ends it by itself
	endless   = 1 << 30               // of one that does not
	thinking  = 20 * time.Millisecond // between an answer and the next question
	patience  = 2 * time.Minute       // for a connection, or an answer
)

func startFleet(t *testing.T, address string, clients, questions int) *fleet {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	f := &fleet{leave: leave}
	for range clients {
		f.all.Go(func() {
			for ctx.Err() == nil {
				if err := f.visit(ctx, address, questions); err != nil && ctx.Err() == nil {
					f.mu.Lock()
					f.faults = append(f.faults, err.Error())
					f.mu.Unlock()
				}
			}
		})
	}
	t.Cleanup(f.end)
	return f
}

func (f *fleet) end() { f.leave(); f.all.Wait() }

// done ends the fleet. There must have been no fault, and no more resets than are given: each stands for a server that was lost.
func (f *fleet) done(t *testing.T, resets float64) {
	t.Helper()
	f.end()
	t.Logf("%d questions were answered, %d asked again, %d connections reset", f.answered.Load(), f.again.Load(), f.resets.Load())
	if float64(f.resets.Load()) > resets {
		t.Errorf("%d connections were reset, and %v may have been", f.resets.Load(), resets)
	}
	if len(f.faults) > 0 {
		t.Errorf("%d faults, the first are %q", len(f.faults), f.faults[:min(5, len(f.faults))])
	}
}

// more waits until that many more questions were answered.
func (f *fleet) more(t *testing.T, n *topology, answers int64) {
	t.Helper()
	want := f.answered.Load() + answers
	n.await(t, "clients are answered", func() bool { return f.answered.Load() >= want })
}

// visit is one connection.
func (f *fleet) visit(ctx context.Context, address string, questions int) error {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	answers := bufio.NewReader(conn)
	for i := range questions {
		if i > 0 && hasEnded(conn, answers) {
			return nil
		}
		err := ask(conn, answers, strconv.Itoa(i))
		if errors.Is(err, io.EOF) {
			f.again.Add(1)
			return nil
		}
		if errors.Is(err, syscall.ECONNRESET) {
			f.resets.Add(1)
			return nil
		}
		if err != nil {
			return err
		}
		f.answered.Add(1)
	}
	return nil
}

// hasEnded pauses, and says whether the other side ended the connection meanwhile.
func hasEnded(conn net.Conn, answers *bufio.Reader) bool {
	_ = conn.SetReadDeadline(time.Now().Add(thinking)) // it fails where the connection was closed; then reading does, too
	_, err := answers.Peek(1)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// ask asks Redis to say a word, and reads it. It returns io.EOF where the connection has ended instead, and other errors where that
// was not in good order.
func ask(conn net.Conn, answers *bufio.Reader, word string) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n", len(word), word); err != nil {
		return err
	}
	want := fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
	answer := make([]byte, len(want))
	if _, err := io.ReadFull(answers, answer); err != nil {
		return err
	}
	if string(answer) != want {
		return fmt.Errorf("asked for %q, got %q", want, answer)
	}
	return nil
}
