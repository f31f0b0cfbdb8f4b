package logsink

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hurry is the context of an Exchange that does not wait for the old destination.
func hurry(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestExchangesUnderLoadLoseNoLineAndTearNone(t *testing.T) {
	const writers, lines, exchanges = 4, 2000, 50
	dests := []*bytes.Buffer{{}}
	s := New(Config{Dest: NewDest(dests[0])})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range lines {
				fmt.Fprintf(s, "%d %d\n", w, i)
			}
		})
	}
	for range exchanges {
		next := &bytes.Buffer{}
		if err := s.Exchange(t.Context(), NewDest(next)); err != nil {
			t.Fatal(err)
		}
		dests = append(dests, next)
	}
	wg.Wait()
	closeSink(t, s)
	if n := s.Dropped(); n != 0 {
		t.Errorf("%d lines dropped", n)
	}
	next := make([]int, writers)
	for _, dest := range dests {
		for got := range strings.Lines(dest.String()) {
			var w, i int
			if _, err := fmt.Sscanf(got, "%d %d\n", &w, &i); err != nil || w >= writers || i != next[w] {
				t.Fatalf("%q, %v; the next lines are %v", got, err, next)
			}
			next[w]++
		}
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("writer %d: %d lines arrived, want %d", w, n, lines)
		}
	}
}

func TestLinesBeforeAnExchangeGoToTheOldDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		s := New(Config{Dest: NewDest(writer)})
		_, _ = s.Write(line(0))
		synctest.Wait() // the goroutine is within its write
		_, _ = s.Write(line(1))
		go func() {
			<-time.After(time.Second)
			received := bufio.NewReader(reader)
			expect(t, received, string(line(0)))
			expect(t, received, string(line(1)))
		}()
		start := time.Now()
		var next bytes.Buffer
		if err := s.Exchange(t.Context(), NewDest(&next)); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("it waited for %v, want 1s", waited)
		}
		_, _ = s.Write(line(2))
		closeSink(t, s)
		if next.String() != string(line(2)) {
			t.Errorf("the new destination has %q", next.String())
		}
	})
}

func TestStalledDestinationIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		s := New(Config{Dest: NewDest(writer), Bytes: 2 * len(line(0))})
		_, _ = s.Write(line(0))
		synctest.Wait() // the goroutine is within its write
		_, _ = s.Write(line(1))
		_, _ = s.Write(line(2)) // no room

		var next bytes.Buffer
		if err := s.Exchange(hurry(t), NewDest(&next)); !errors.Is(err, context.Canceled) {
			t.Errorf("Exchange gives %v", err)
		}
		synctest.Wait()
		for i := 3; i < 9; i += 2 { // all the room is there again
			_, _ = s.Write(line(i))
			_, _ = s.Write(line(i + 1))
			synctest.Wait()
		}
		if n := s.Dropped(); n != 1 {
			t.Errorf("%d lines dropped, want 1", n)
		}
		// The write to the old one fails.
		reader.Close()
		synctest.Wait()
		if n := s.Dropped(); n != 2 {
			t.Errorf("%d lines dropped, want 2", n)
		}
		closeSink(t, s)
		if want := all(1, 3, 4, 5, 6, 7, 8); next.String() != want {
			t.Errorf("the new destination has\n%swant\n%s", next.String(), want)
		}
	})
}

func TestWhatAStalledDestinationHoldsTakesNoRoomOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		s := New(Config{Dest: NewDest(writer), Bytes: len(line(0))})
		_, _ = s.Write(line(0))
		synctest.Wait() // the goroutine is within its write, and has taken all that fits
		var next bytes.Buffer
		_ = s.Exchange(hurry(t), NewDest(&next))
		_, _ = s.Write(line(1))
		closeSink(t, s)
		if want := all(1); next.String() != want {
			t.Errorf("the new destination has %q, want %q", next.String(), want)
		}
		reader.Close()
	})
}

func TestBytesIsKeptWhileADestinationIsExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		s := New(Config{Dest: NewDest(writer), Bytes: 3 * len(line(0))})
		_, _ = s.Write(line(0))
		synctest.Wait()
		_, _ = s.Write(line(1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			<-time.After(time.Second / 2)
			_, _ = s.Write(line(2))
			_, _ = s.Write(line(3)) // no room
		}()
		var next bytes.Buffer
		if err := s.Exchange(ctx, NewDest(&next)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Exchange gives %v", err)
		}
		closeSink(t, s)
		if want := all(1, 2); next.String() != want {
			t.Errorf("the new destination has\n%swant\n%s", next.String(), want)
		}
		reader.Close()
		synctest.Wait()
		if n := s.Dropped(); n != 2 {
			t.Errorf("%d lines dropped, want 2", n)
		}
	})
}

// TestAPatientCallerWaitsForASlowDestinationAndNotForAStalledOne closes a sink whose destination takes a write a second.
func TestAPatientCallerWaitsForASlowDestinationAndNotForAStalledOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lines = 10
		reader, writer := io.Pipe()
		s := New(Config{Dest: NewDest(writer), Format: func(b []byte, _ any) []byte {
			return append(append(b, bytes.Repeat([]byte("x"), writeBytes-1)...), '\n') // a write each
		}})
		for range lines {
			s.Put(true)
		}
		taken := 0
		go func() {
			buf := make([]byte, writeBytes)
			for range lines / 2 {
				<-time.After(time.Second)
				n, _ := io.ReadFull(reader, buf)
				taken += n
			}
		}()
		start := time.Now()
		ctx, cancel := s.Patient(1500 * time.Millisecond)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Close gives %v", err)
		}
		if waited := time.Since(start); waited < lines/2*time.Second || waited > (lines/2+3)*time.Second {
			t.Errorf("it waited for %v", waited)
		}
		synctest.Wait()
		if taken != lines/2*writeBytes {
			t.Errorf("%d bytes were taken", taken)
		}
		reader.Close()
		synctest.Wait()
		if n := s.Dropped(); n != lines/2 {
			t.Errorf("%d lines dropped, want %d", n, lines/2)
		}
	})
}

func all(numbers ...int) string {
	var b strings.Builder
	for _, i := range numbers {
		b.Write(line(i))
	}
	return b.String()
}

func TestDestinationThatStallsIsNotWrittenToTwiceAtOnce(t *testing.T) {
	reader, writer := io.Pipe()
	stalled, other := NewDest(writer), &bytes.Buffer{}
	s := New(Config{Dest: stalled})
	received := bufio.NewReaderSize(reader, 16)
	_, _ = s.Write(line(0))
	if _, err := received.Peek(1); err != nil { // the goroutine is within its write
		t.Fatal(err)
	}
	for range 5 { // away from it and back
		_ = s.Exchange(hurry(t), NewDest(other))
		_ = s.Exchange(hurry(t), stalled)
	}
	for i := 1; i < 6; i++ {
		_, _ = s.Write(line(i))
	}
	for i := range 6 {
		expect(t, received, string(line(i)))
	}
	go func() {
		defer writer.Close()
		closeSink(t, s)
	}()
	if rest, err := io.ReadAll(received); len(rest) > 0 || err != nil || other.Len() > 0 {
		t.Errorf("left over: %q, %v; the other has %q", rest, err, other.String())
	}
	if n := s.Dropped(); n != 0 {
		t.Errorf("%d lines dropped", n)
	}
}

func TestLinesThatWaitForAStalledDestinationCanGoToAnother(t *testing.T) {
	reader, writer := io.Pipe()
	stalled, other := NewDest(writer), &bytes.Buffer{}
	s := New(Config{Dest: stalled})
	_, _ = s.Write(line(0))
	if _, err := reader.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = s.Exchange(hurry(t), stalled)
	_, _ = s.Write(line(1))
	_ = s.Exchange(hurry(t), NewDest(other))
	closeSink(t, s)
	if want := all(1); other.String() != want {
		t.Errorf("the other has %q, want %q", other.String(), want)
	}
	reader.Close()
}

func TestCutLineIsEndedWhenItsDestinationIsComeBackTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scripted{takes: []int{3}}
		cut := NewDest(w)
		s := New(Config{Dest: cut})
		_, _ = s.Write(line(0))
		synctest.Wait() // until it was cut
		for _, dest := range []*Dest{NewDest(io.Discard), cut} {
			if err := s.Exchange(t.Context(), dest); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = s.Write(line(1))
		closeSink(t, s)
		if want := "lin\n" + all(1); w.String() != want {
			t.Errorf("the destination has %q, want %q", w.String(), want)
		}
	})
}
