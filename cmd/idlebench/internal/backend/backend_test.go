package backend

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idlegate/cmd/idlebench/internal/message"
)

// serving returns a connection to a backend of its own.
func serving(t *testing.T) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- Serve(l, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// converse sends a stream in pieces and returns all that comes back.
func converse(t *testing.T, c net.Conn, stream []byte, piece int) ([]byte, error) {
	t.Helper()
	go func() {
		for rest := stream; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			if _, err := c.Write(rest[:min(piece, len(rest))]); err != nil {
				return // the reader sees why
			}
		}
		_ = c.(*net.TCPConn).CloseWrite() // as above
	}()
	return io.ReadAll(c)
}

func TestMessagesAreAnsweredAsTheySay(t *testing.T) {
	receipts := message.Writer{Connection: 9, Size: message.MinBytes, Reply: message.Silence}
	w := message.Writer{Connection: 9, Size: 300}
	var stream, want []byte
	for _, reply := range []message.Reply{
		message.Echo, message.Echo, message.Silence, message.Receipt, message.Receipt, message.Echo, message.Silence,
	} {
		w.Reply = reply
		m := w.Append(nil)
		stream = append(stream, m...)
		switch reply {
		case message.Echo:
			want = append(want, m...)
		case message.Receipt:
			want = receipts.Append(want)
		}
	}
	for _, piece := range []int{7, 299, 301, len(stream)} {
		have, err := converse(t, serving(t), stream, piece)
		if diff := cmp.Diff(want, have); diff != "" || err != nil {
			t.Errorf("sent %d bytes at a time: %v, %s", piece, err, diff)
		}
	}
}

func TestLongMessagesAreSentBack(t *testing.T) {
	w := message.Writer{Connection: 9, Size: 3 << 20}
	stream := w.Append(w.Append(nil))
	have, err := converse(t, serving(t), stream, len(stream))
	if !bytes.Equal(have, stream) || err != nil {
		t.Errorf("%d bytes of %d came back, %v", len(have), len(stream), err)
	}
}

func TestAFaultResetsTheConnection(t *testing.T) {
	w := message.Writer{Connection: 9, Size: 300}
	whole := w.Append(w.Append(nil))
	bent := bytes.Clone(whole)
	bent[100] ^= 1
	for name, stream := range map[string][]byte{
		"a bent bit": bent, "a lost byte": append(whole[:100:100], whole[101:]...), "a message cut short": whole[:500],
	} {
		if _, err := converse(t, serving(t), stream, len(stream)); err == nil {
			t.Errorf("%s went unpunished", name)
		}
	}
}
