package names

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// nameServer answers every question of type A with address, if it is valid, and others with nothing. It is silent where mute.
func nameServer(t *testing.T, address netip.Addr, mute bool) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if !mute {
				_, _ = conn.WriteTo(answer(b[:n], address), from)
			}
		}
	})
	t.Cleanup(func() {
		conn.Close()
		wg.Wait()
	})
	return conn.LocalAddr().String()
}

// answer is the DNS message (RFC 1035) that answers the one question of query.
func answer(query []byte, address netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root label, type and class
	const typeA = 1
	isA := binary.BigEndian.Uint16(query[end-4:]) == typeA
	header := append([]byte{}, query[:2]...)
	header = append(header, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0) // a response, without error; one question
	message := append(header, query[12:end]...)
	if !isA || !address.IsValid() {
		return message
	}
	message[7] = 1
	message = append(message, 0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4) // the name of the question, for 60 s, 4 bytes
	return append(message, address.AsSlice()...)
}

// TestTheSecondNameServerIsAskedWhereTheFirstIsSilent sends each question first to a server that does not answer. The context
// ends before the system's own 5 s are over.
func TestTheSecondNameServerIsAskedWhereTheFirstIsSilent(t *testing.T) {
	want := netip.MustParseAddr("192.0.2.7")
	first, second := nameServer(t, netip.Addr{}, true), nameServer(t, want, false)
	var mu sync.Mutex
	asked := 0
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	found, err := lookup(ctx, "backend.example.", func(ctx context.Context, _, _ string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		to := second
		if asked <= 2 { // one for A, one for AAAA
			to = first
		}
		return (&net.Dialer{}).DialContext(ctx, "udp", to)
	})
	if err != nil || len(found) != 1 || found[0] != want {
		t.Errorf("found %v, %v; want %v", found, err, want)
	}
}
