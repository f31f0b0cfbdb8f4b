package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// exchange is a session of a usual policy, and a message of size bytes for it.
func exchange(t testing.TB, size int) (*Session, *Rules, []byte) {
	t.Helper()
	framer, err := protocol.NewLengthField(protocol.LengthField{Size: 4, Limit: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := &Rules{Protocol: protocol.NewFraming([2]protocol.Framer{framer, framer}), ResetOn: deadline.ResetOnClient, Bounded: true}
	r.Enforced[deadline.IdleTimeout] = time.Minute
	r.Enforced[deadline.Message] = 10 * time.Second
	r.Enforced[deadline.ClientWrite], r.Enforced[deadline.UpstreamWrite] = 30*time.Second, 30*time.Second
	message := make([]byte, size)
	binary.BigEndian.PutUint32(message, uint32(size-4))
	s := Accept(1, 0)
	return &s, r, message
}

// BenchmarkReceived is what the session costs for each message: one of the client, whole or with its body not looked at.
func BenchmarkReceived(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		for _, looked := range slices.Compact([]int{size, 64}) {
			b.Run(fmt.Sprintf("size=%d/looked=%d", size, looked), func(b *testing.B) {
				s, r, message := exchange(b, size)
				now := deadline.Instant(1)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					now++
					s.Received(r, protocol.FromClient, Read{message[:looked], looked, uint64(size - looked)}, now)
				}
				if s.FromClient.Messages == 0 {
					b.Error("no message was completed")
				}
			})
		}
	}
}

// BenchmarkNext is what it costs to find out when a session's timers must be looked at.
func BenchmarkNext(b *testing.B) {
	s, r, message := exchange(b, 64)
	s.Received(r, protocol.FromClient, Read{Bytes: message}, 2)
	b.ReportAllocs()
	for b.Loop() {
		if s.Next(r) == deadline.Never {
			b.Fatal("no timer runs")
		}
	}
}

func TestMessagesDoNotAllocate(t *testing.T) {
	s, r, message := exchange(t, 100)
	now := deadline.Instant(1)
	allocs := testing.AllocsPerRun(100, func() {
		now++
		s.Received(r, protocol.FromClient, Read{Bytes: message}, now)
		s.Received(r, protocol.FromUpstream, Read{Bytes: message[:10]}, now)
		s.Received(r, protocol.FromUpstream, Read{Bytes: message[10:20], Unread: 80}, now)
		if s.Ahead(r, protocol.FromClient, message[:10]) != 90 {
			t.Fatal("the message's end is not found")
		}
		s.Next(r)
	})
	if allocs != 0 || s.FromClient.Messages == 0 || s.FromClient.Messages != s.FromUpstream.Messages {
		t.Errorf("%v allocations, %d and %d messages; want none, and as many",
			allocs, s.FromClient.Messages, s.FromUpstream.Messages)
	}
}
