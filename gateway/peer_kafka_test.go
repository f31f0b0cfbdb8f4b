package gateway_test

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafkaFrames counts requests and responses (kafka.apache.org/protocol.html, "Network"), has franz-go decode each request, and
// wants the responses to be in their order.
func kafkaFrames(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	var awaited []uint32 // correlations
	for from, b := range said {
		for ; len(b) > 0; n.messages[from]++ {
			size := int(binary.BigEndian.Uint32(b))
			if from == 0 {
				request := kafkaRequest(t, b[4:4+size])
				if produce, ok := request.(*kmsg.ProduceRequest); !ok || produce.Acks != 0 {
					awaited = append(awaited, binary.BigEndian.Uint32(b[8:]))
				}
			} else if correlation := binary.BigEndian.Uint32(b[4:]); len(awaited) > 0 && correlation == awaited[0] {
				awaited = awaited[1:]
			} else {
				t.Errorf("a response to %d, while %d are awaited", correlation, awaited)
			}
			b = b[4+size:]
		}
	}
	return n
}

func kafkaRequest(t *testing.T, b []byte) kmsg.Request {
	t.Helper()
	r := kbin.Reader{Src: b}
	request := kmsg.RequestForKey(r.Int16())
	request.SetVersion(r.Int16())
	r.Int32() // correlation
	r.NullableString()
	if request.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if err := request.ReadFrom(r.Src); err != nil {
		t.Fatalf("a request of %T: %v", request, err)
	}
	return request
}

func TestKafkaThroughTheGateway(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "topic"))
	must(t, err)
	t.Cleanup(cluster.Close)
	var seen atomic.Uint64
	cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		seen.Add(1)
		cluster.KeepControl()
		return nil, nil, false
	})
	w, g := tapped(t, "kafka", cluster.ListenAddrs()[0], "")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	connect := func(more ...kgo.Opt) *kgo.Client {
		// The broker tells its own address; all ways to it lead through the gateway.
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", g.address())
		}
		client, err := kgo.NewClient(append(more, kgo.SeedBrokers(g.address()), kgo.Dialer(dial), kgo.DefaultProduceTopic("topic"))...)
		must(t, err)
		return client
	}
	var sent, received []int
	for _, sizes := range [][]int{{1, 10, 1000}, {700_000}} {
		for name, acks := range map[string]kgo.Acks{"all": kgo.AllISRAcks(), "leader": kgo.LeaderAck(), "none": kgo.NoAck()} {
			producer := connect(kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(kgo.NoCompression()))
			for _, size := range sizes {
				if err := producer.ProduceSync(ctx, &kgo.Record{Value: make([]byte, size)}).FirstErr(); err != nil {
					t.Errorf("acks of %s, %d bytes: %v", name, size, err)
				}
				sent = append(sent, size)
			}
			producer.Close()
		}
	}
	consumer := connect(kgo.ConsumerGroup("group"), kgo.ConsumeTopics("topic"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for len(received) < len(sent) && ctx.Err() == nil {
		fetched := consumer.PollFetches(ctx)
		for _, failure := range fetched.Errors() {
			t.Errorf("fetch: %v", failure.Err)
		}
		fetched.EachRecord(func(r *kgo.Record) { received = append(received, len(r.Value)) })
	}
	must(t, consumer.CommitUncommittedOffsets(ctx))
	consumer.Close()
	slices.Sort(sent)
	slices.Sort(received)
	if !slices.Equal(received, sent) {
		t.Errorf("received records of %v bytes, want %v", received, sent)
	}
	n := w.agrees(t, g, kafkaFrames)
	if n.messages[0] != seen.Load() {
		t.Errorf("%v on the wire, but the broker has seen %d requests", n, seen.Load())
	}
	w.capture(t, "kafka_consumer", "kfake and franz-go: a consumer of a group", kafkaFrames, func(said [2][]byte) bool {
		return kafkaHas(t, said, 11) && len(said[1]) < 8<<10
	})
	w.capture(t, "kafka_unanswered", "kfake and franz-go: a producer that wants no acks", kafkaFrames, func(said [2][]byte) bool {
		return kafkaHas(t, said, 0) && len(said[0]) < 8<<10
	})
}

// kafkaHas reports whether there is a request with that key.
func kafkaHas(t *testing.T, said [2][]byte, key int16) bool {
	t.Helper()
	for b := said[0]; len(b) > 0; {
		size := int(binary.BigEndian.Uint32(b))
		if kafkaRequest(t, b[4:4+size]).Key() == key {
			return true
		}
		b = b[4+size:]
	}
	return false
}
