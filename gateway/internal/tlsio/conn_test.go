package tlsio

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// readAll reads until size bytes have come, or the stream has ended.
func readAll(t *testing.T, c *Conn, s *socket, size int) ([]byte, error) {
	t.Helper()
	var all []byte
	buf := make([]byte, 4<<10)
	for len(all) < size {
		n, more, err := c.Read(s, buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return all, err
		}
		if n == 0 && !more {
			s.wait()
		}
	}
	return all, nil
}

func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func TestWhatIsSentComesWholeInAnyParts(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, most := range []int{0, 1, 7, 4096} {
			client := anyServer()
			client.MaxVersion = version
			conn, s, peer := shaken(t, NewPool(8, 1), serverConfig(t), client)
			size := 100_000
			if most == 1 {
				size = 2000
			}
			want := pattern(size)
			go func() { _, _ = peer.Write(want) }()
			s.most = most
			if got, err := readAll(t, conn, s, size); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %d bytes a read: %d bytes, %v", tls.VersionName(version), most, len(got), err)
			}
			s.most = 0
			go func() { _ = conn.Write(s, want) }()
			got := make([]byte, size)
			if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: back: %v", tls.VersionName(version), err)
			}
		}
	}
}

func TestAReadSaysWhetherThereIsMore(t *testing.T) {
	conn, s, peer := shaken(t, NewPool(8, 1), serverConfig(t), anyServer())
	must(t, peer, "123456")
	s.wait()
	buf := make([]byte, 4)
	n, more, err := conn.Read(s, buf)
	if string(buf[:n]) != "1234" || !more || err != nil {
		t.Fatalf("%q, more: %v, %v", buf[:n], more, err)
	}
	n, more, err = conn.Read(s, buf)
	if string(buf[:n]) != "56" || more || err != nil {
		t.Fatalf("then %q, more: %v, %v", buf[:n], more, err)
	}
	if n, more, err = conn.Read(s, buf); n != 0 || more || err != nil {
		t.Fatalf("then %d bytes, more: %v, %v", n, more, err)
	}
}

// TestASmallRecordCostsOneReadOfTheSocket counts: a read that brings less than it has room for has brought all.
func TestASmallRecordCostsOneReadOfTheSocket(t *testing.T) {
	conn, s, peer := shaken(t, NewPool(8, 1), serverConfig(t), anyServer())
	buf := make([]byte, 4<<10)
	for i := range 3 {
		must(t, peer, strings.Repeat("x", 64))
		s.wait()
		before := s.n
		if n, more, err := conn.Read(s, buf); n != 64 || more || err != nil {
			t.Fatalf("%d bytes, more: %v, %v", n, more, err)
		}
		if s.n-before != 1 {
			t.Errorf("message %d took %d reads", i, s.n-before)
		}
	}
}

func must(t *testing.T, peer io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(peer, text); err != nil {
		t.Fatal(err)
	}
}

func TestAnEndIsWhatItWas(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(t *testing.T, peer *tls.Conn)
		want error
	}{
		"close_notify": {func(t *testing.T, peer *tls.Conn) {
			if err := peer.CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}, io.EOF},
		"a FIN without": {func(_ *testing.T, peer *tls.Conn) { peer.NetConn().Close() }, ErrCut},
		"a FIN within a record": {func(t *testing.T, peer *tls.Conn) {
			must(t, peer.NetConn(), "\x17\x03\x03\x00\x40part")
			peer.NetConn().Close()
		}, ErrCut},
		"a reset": {func(t *testing.T, peer *tls.Conn) {
			setter := peer.NetConn().(interface{ SetLinger(int) error })
			if err := setter.SetLinger(0); err != nil {
				t.Fatal(err)
			}
			peer.NetConn().Close()
		}, ErrCut},
		"a record that is none": {func(t *testing.T, peer *tls.Conn) {
			must(t, peer.NetConn(), "\x17\x03\x03\x00\x20"+strings.Repeat("z", 32))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			conn, s, peer := shaken(t, NewPool(8, 1), serverConfig(t), anyServer())
			must(t, peer, "before")
			test.end(t, peer)
			got, err := readAll(t, conn, s, 1<<20)
			if string(got) != "before" && name != "a reset" { // which destroys what is on its way
				t.Errorf("before it came %q", got)
			}
			for range 2 { // it stays
				switch {
				case test.want != nil && !errors.Is(err, test.want):
					t.Errorf("the error is %v, want %v", err, test.want)
				case test.want == nil && (err == nil || errors.Is(err, ErrCut) || errors.Is(err, ErrAlert) || errors.Is(err, io.EOF)):
					t.Errorf("the error is %v, want that of a bad record", err)
				}
				_, _, err = conn.Read(s, make([]byte, 10))
			}
		})
	}
}

func TestCloseWriteIsACloseNotify(t *testing.T) {
	conn, s, peer := shaken(t, NewPool(8, 1), serverConfig(t), anyServer())
	if err := conn.Write(s, []byte("last")); err != nil {
		t.Fatal(err)
	}
	conn.CloseWrite(s)
	if got, err := io.ReadAll(peer); string(got) != "last" || err != nil {
		t.Errorf("the peer reads %q, %v", got, err)
	}
	must(t, peer, "still heard")
	if got, err := readAll(t, conn, s, len("still heard")); string(got) != "still heard" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := conn.Write(s, []byte("more")); err == nil {
		t.Error("more can be written")
	}
}

// TestAMessageCostsNoMoreThanCryptoTLS holds what a message of 64 bytes allocates, in and out.
func TestAMessageCostsNoMoreThanCryptoTLS(t *testing.T) {
	conn, s, peer := shaken(t, NewPool(8, 1), serverConfig(t), anyServer())
	buf, back := make([]byte, 4<<10), make([]byte, 64)
	exchange := func() {
		_, _ = peer.Write(back)
		s.wait()
		n, _, _ := conn.Read(s, buf)
		_ = conn.Write(s, buf[:n])
		_, _ = io.ReadFull(peer, back)
	}
	exchange()
	all := testing.AllocsPerRun(200, exchange)
	t.Logf("%v allocations an exchange", all)
	const most = 10 // those of the test and of the client among them: 7, and up to 9 where the race detector has pools drop some
	if all > most {
		t.Errorf("an exchange allocates %v times", all)
	}
}

// TestMemoryOfAnIdleConnection holds the figure of the design: 8 KiB of heap. After large records it is what crypto/tls
// keeps of its input buffer, 18 to 40 KiB: how often that has grown depends on where the reads cut a record.
func TestMemoryOfAnIdleConnection(t *testing.T) {
	const many, most, mostLarge = 200, 8 << 10, 40 << 10
	for name, size := range map[string]int{"small messages": 64, "and a large one": 64 << 10} {
		pool, config := NewPool(8, 1), serverConfig(t)
		type pair struct {
			conn *Conn
			s    *socket
		}
		kept := make([]pair, many)
		before := heap()
		buf := make([]byte, 64<<10)
		for i := range kept {
			conn, s, peer := shaken(t, pool, config, anyServer())
			go func() { _, _ = peer.Write(pattern(size)) }()
			for got := 0; got < size; {
				s.wait()
				n, _, err := conn.Read(s, buf)
				if err != nil {
					t.Fatal(err)
				}
				got += n
			}
			kept[i] = pair{conn, s}
		}
		each := (heap() - before) / many
		for i := range kept {
			kept[i].conn = nil
		}
		without := (heap() - before) / many
		runtime.KeepAlive(kept)
		t.Logf("%s: %d bytes each, with all %d, without %d", name, each-without, each, without)
		if bound := map[bool]int64{false: most, true: mostLarge}[size > 16<<10]; each-without > bound {
			t.Errorf("%s: an idle connection has %d bytes, more than %d", name, each-without, bound)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
