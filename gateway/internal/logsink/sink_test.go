package logsink

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func closeSink(t *testing.T, s *Sink) {
	t.Helper()
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRecordsOfALoggerArriveInOrder(t *testing.T) {
	var dest bytes.Buffer
	s := New(Config{Dest: NewDest(&dest)})
	logger := slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	var want strings.Builder
	for i := range 1000 {
		logger.Info("closed", "id", i)
		fmt.Fprintf(&want, "level=INFO msg=closed id=%d\n", i)
	}
	closeSink(t, s)
	if dest.String() != want.String() {
		t.Errorf("the destination has:\n%s", dest.String())
	}
	if n := s.Dropped(); n != 0 {
		t.Errorf("%d lines dropped", n)
	}
}

func TestRecordsAndLinesKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		formatted := 0
		s := New(Config{Dest: NewDest(writer), Bytes: 2*recordBytes + 2*len(line(0)), Format: func(b []byte, record any) []byte {
			formatted++
			return append(b, line(record.(int))...)
		}})
		_, _ = s.Write(line(0))
		synctest.Wait() // the goroutine is within its write
		s.Put(1)
		_, _ = s.Write(line(2))
		s.Put(3)
		s.Put(4) // no room
		if formatted > 0 {
			t.Error("a line was made of a record before its turn")
		}
		var next bytes.Buffer
		_ = s.Exchange(hurry(t), NewDest(&next)) // what waits goes along
		closeSink(t, s)
		if want := all(1, 2, 3); next.String() != want || formatted != 2 {
			t.Errorf("the destination has\n%swant\n%s%d records were formatted", next.String(), want, formatted)
		}
		if n := s.Dropped(); n != 1 {
			t.Errorf("%d lines dropped, want 1", n)
		}
		reader.Close()
	})
}

func TestARecordOfWhichNoLineIsMadeIsNotLost(t *testing.T) {
	var dest bytes.Buffer
	s := New(Config{Dest: NewDest(&dest), Format: func(b []byte, _ any) []byte { return b }})
	s.Put(1)
	closeSink(t, s)
	if n := s.Dropped(); n != 0 || dest.Len() > 0 {
		t.Errorf("%d lines dropped, and %q", n, dest.String())
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestStalledDestinationLosesLinesAndBlocksNobody(t *testing.T) {
	const lines, queued = 10000, 10
	reader, writer := io.Pipe()
	s := New(Config{Dest: NewDest(writer), Bytes: queued * len(line(0))})
	for i := range lines {
		if n, err := s.Write(line(i)); n != len(line(i)) || err != nil {
			t.Fatalf("Write gives %d, %v", n, err)
		}
	}
	if n := s.Dropped(); n != lines-queued {
		t.Errorf("%d lines dropped, want %d", n, lines-queued)
	}

	// Someone reads again: what was queued is all there.
	received := bufio.NewReader(reader)
	for i := range queued {
		expect(t, received, string(line(i)))
	}
	go func() {
		defer writer.Close()
		closeSink(t, s)
	}()
	if rest, err := io.ReadAll(received); len(rest) > 0 || err != nil {
		t.Errorf("left over: %q, %v", rest, err)
	}
}

func TestLinesGetThroughAgainAfterAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		s := New(Config{Dest: NewDest(writer), Bytes: len(line(0))})
		received := bufio.NewReader(reader)
		_, _ = s.Write(line(0))
		_, _ = s.Write(line(1)) // no room
		expect(t, received, string(line(0)))
		synctest.Wait() // until the write of the first line has returned
		_, _ = s.Write(line(2))
		expect(t, received, string(line(2)))
		closeSink(t, s)
		if n := s.Dropped(); n != 1 {
			t.Errorf("%d lines dropped, want 1", n)
		}
	})
}

func line(i int) []byte { return fmt.Appendf(nil, "line %5d\n", i) }

func expect(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	got, err := r.ReadString('\n')
	if got != want || err != nil {
		t.Fatalf("received %q, %v; want %q", got, err, want)
	}
}

func TestManyWritersLoseNoLineAndMixNone(t *testing.T) {
	const writers, lines = 8, 500
	var dest bytes.Buffer
	s := New(Config{Dest: NewDest(&dest)})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range lines {
				fmt.Fprintf(s, "%d %d\n", w, i)
			}
		})
	}
	wg.Wait()
	closeSink(t, s)
	next := make([]int, writers)
	for got := range strings.Lines(dest.String()) {
		var w, i int
		if _, err := fmt.Sscanf(got, "%d %d\n", &w, &i); err != nil || w >= writers || i != next[w] {
			t.Fatalf("%q, %v; the next lines are %v", got, err, next)
		}
		next[w]++
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("writer %d: %d lines arrived, want %d", w, n, lines)
		}
	}
}

func TestFailedLinesAreCountedAndLoggingGoesOn(t *testing.T) {
	reader, writer := io.Pipe()
	s := New(Config{Dest: NewDest(writer)})
	reader.Close()
	for i := range 100 {
		_, _ = s.Write(line(i))
	}
	closeSink(t, s)
	if n := s.Dropped(); n != 100 {
		t.Errorf("%d lines dropped, want 100", n)
	}
}

func TestLineLongerThanTheQueueIsDropped(t *testing.T) {
	var dest bytes.Buffer
	s := New(Config{Dest: NewDest(&dest), Bytes: 5})
	_, _ = s.Write([]byte("123456"))
	_, _ = s.Write([]byte("1234\n"))
	closeSink(t, s)
	if dest.String() != "1234\n" || s.Dropped() != 1 {
		t.Errorf("the destination has %q, %d lines dropped", dest.String(), s.Dropped())
	}
}

func TestCloseGivesUpWithItsContextAndCountsWhatIsLost(t *testing.T) {
	reader, writer := io.Pipe()
	s := New(Config{Dest: NewDest(writer)})
	_, _ = s.Write(line(0))
	if _, err := reader.Read(make([]byte, 1)); err != nil { // then the goroutine is within its write of the first line
		t.Fatal(err)
	}
	_, _ = s.Write(line(1))
	_, _ = s.Write(line(2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "2 dropped") {
		t.Errorf("Close gives %v", err)
	}
	_, _ = s.Write(line(3))
	if n := s.Dropped(); n != 3 {
		t.Errorf("%d lines dropped, want 3: two by Close and one after it", n)
	}
	reader.Close()
	closeSink(t, s)
	if n := s.Dropped(); n != 4 {
		t.Errorf("%d lines dropped in the end, want 4", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	s := New(Config{Dest: NewDest(io.Discard)})
	record := bytes.Repeat([]byte("x"), 250)
	b.ReportAllocs()
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		_, _ = s.Write(record)
	}
	_ = s.Close(b.Context())
}
