package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// respValues counts values: requests, replies, pushes. PING and PONG are heartbeats.
func respValues(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		for ; len(b) > 0; n.messages[from]++ {
			rest := respAfter(t, b)
			switch value := strings.ToUpper(string(b[:min(len(b)-len(rest), 32)])); {
			case from == 0 && (value == "PING\r\n" || value == "*1\r\n$4\r\nPING\r\n"), from == 1 && value == "+PONG\r\n":
				n.heartbeats[from]++
			}
			b = rest
		}
	}
	return n
}

// respAfter returns what follows the value at the start of b (redis.io/docs, "Redis serialization protocol specification").
func respAfter(t *testing.T, b []byte) []byte {
	t.Helper()
	line, rest, found := bytes.Cut(b, []byte("\r\n"))
	if !found {
		t.Fatalf("no line: %.40q", b)
	}
	if len(line) == 0 { // redis-cli sends an empty line
		return rest
	}
	count, _ := strconv.Atoi(string(line[1:]))
	switch line[0] {
	case '$', '!', '=':
		if count >= 0 {
			rest = rest[count+2:]
		}
		return rest
	case '%':
		count *= 2
	case '|':
		count = 2*count + 1
	case '*', '~', '>':
	default: // a line, also one of words
		return rest
	}
	for range count {
		rest = respAfter(t, rest)
	}
	return rest
}

// handled is how many commands the server has processed, and how many rejected: some that the client sends are new to it. Two
// are its own.
func (r redis) handled() int {
	r.t.Helper()
	found := regexp.MustCompile(`total_error_replies:(\d+)`).FindStringSubmatch(command(r.t, "redis-cli", "-s", r.path, "info", "stats"))
	n, err := strconv.Atoi(found[1])
	must(r.t, err)
	return n + r.commands()
}

func TestGoRedisThroughTheGateway(t *testing.T) {
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", version), func(t *testing.T) {
			server := runRedis(t)
			w, g := tapped(t, "resp", server.address(), "")
			before := server.handled()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			client := goredis.NewClient(&goredis.Options{Addr: g.address(), Protocol: version, ReadTimeout: patience, PoolSize: 4})
			must(t, client.Ping(ctx).Err())
			goRedisTransaction(ctx, t, client)
			goRedisBlocking(ctx, t, client)
			goRedisSubscriber(ctx, t, client)
			must(t, client.HSet(ctx, "hash", "a", "1", "b", "2.5").Err())
			if got, err := client.HGetAll(ctx, "hash").Result(); err != nil || len(got) != 2 {
				t.Errorf("%v, %v", got, err)
			}
			if got, err := client.ZAddArgs(ctx, "set", goredis.ZAddArgs{Members: []goredis.Z{{Score: 1.5, Member: "m"}}}).Result(); err != nil || got != 1 {
				t.Errorf("%v, %v", got, err)
			}
			if got, err := client.ZRangeWithScores(ctx, "set", 0, -1).Result(); err != nil || got[0].Score != 1.5 {
				t.Errorf("%v, %v", got, err)
			}
			if err := client.Get(ctx, "nothing").Err(); err != goredis.Nil { //nolint:errorlint // the library returns it so
				t.Errorf("a key that is not there: %v", err)
			}
			must(t, client.Close())
			n := w.agrees(t, g, respValues)
			if processed := uint64(server.handled() - before - 2); n.messages[0] != processed {
				t.Errorf("%v on the wire, but redis has processed %d commands", n, processed)
			}
			w.capture(t, fmt.Sprintf("resp_%d_subscriber", version), fmt.Sprintf("Redis and go-redis, RESP %d: a subscriber", version), respValues, func(said [2][]byte) bool {
				return bytes.Contains(said[0], []byte("subscribe")) && len(said[0]) < 8000
			})
			w.capture(t, fmt.Sprintf("resp_%d_client", version), fmt.Sprintf("Redis and go-redis, RESP %d: MULTI, BLPOP, maps, doubles", version), respValues, func(said [2][]byte) bool {
				return bytes.Contains(said[0], []byte("multi")) && len(said[0])+len(said[1]) < 10_000
			})
		})
	}
}

func goRedisTransaction(ctx context.Context, t *testing.T, client *goredis.Client) {
	t.Helper()
	commands, err := client.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		p.Set(ctx, "key", strings.Repeat("v\r\n", 100), 0)
		p.Incr(ctx, "counter")
		p.Ping(ctx)
		return nil
	})
	if err != nil || len(commands) != 3 {
		t.Errorf("%v, %v", commands, err)
	}
	err = client.Watch(ctx, func(tx *goredis.Tx) error {
		_, err := tx.TxPipelined(ctx, func(p goredis.Pipeliner) error { return p.Incr(ctx, "counter").Err() })
		return err
	}, "counter")
	must(t, err)
}

// goRedisBlocking waits for an element, once in vain.
func goRedisBlocking(ctx context.Context, t *testing.T, client *goredis.Client) {
	t.Helper()
	if err := client.BLPop(ctx, time.Second, "queue").Err(); err != goredis.Nil { //nolint:errorlint // the library returns it so
		t.Errorf("an empty queue: %v", err)
	}
	popped := make(chan error, 1)
	go func() { popped <- client.BLPop(ctx, patience, "queue").Err() }()
	eventually(t, "a client is blocked", func() bool {
		return strings.Contains(client.Info(ctx, "clients").Val(), "blocked_clients:1")
	})
	must(t, client.RPush(ctx, "queue", strings.Repeat("x", 100_000)).Err())
	must(t, <-popped)
}

func goRedisSubscriber(ctx context.Context, t *testing.T, client *goredis.Client) {
	t.Helper()
	subscriber := client.Subscribe(ctx, "channel")
	_, err := subscriber.Receive(ctx)
	must(t, err)
	must(t, subscriber.PSubscribe(ctx, "ch*"))
	_, err = subscriber.Receive(ctx)
	must(t, err)
	must(t, client.Publish(ctx, "channel", "hello").Err())
	for range 2 {
		if _, err := subscriber.ReceiveMessage(ctx); err != nil {
			t.Error(err)
		}
	}
	must(t, subscriber.Ping(ctx))
	if got, err := subscriber.Receive(ctx); err != nil || fmt.Sprintf("%T", got) != "*redis.Pong" {
		t.Errorf("%v, %v", got, err)
	}
	must(t, subscriber.Close())
}

func TestRedisCLIPipes(t *testing.T) {
	server := runRedis(t)
	w, g := tapped(t, "resp", server.address(), "")
	before := server.commands()
	pipe := func(input string, replies int, args ...string) {
		t.Helper()
		cli := exec.CommandContext(t.Context(), "redis-cli", append(addressArgs(g), args...)...)
		cli.Stdin = strings.NewReader(input)
		output, err := cli.CombinedOutput()
		if want := fmt.Sprintf("errors: 0, replies: %d", replies); err != nil || !strings.Contains(string(output), want) {
			t.Errorf("redis-cli says %v, %q", err, output)
		}
	}
	pipe("SET a 1\r\nGET a\r\n", 2, "--pipe")
	pipe(strings.Repeat("SET key value\r\n", 10_000), 10_000, "--pipe")
	pipe(strings.Repeat("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$5\r\nv\r\nw\n\r\n", 10_000), 10_000, "--pipe")
	if got := command(t, "redis-cli", append(addressArgs(g), "-3", "hello")...); !strings.Contains(got, "proto") {
		t.Errorf("redis-cli -3 says %q", got)
	}
	monitor := exec.CommandContext(t.Context(), "redis-cli", append(addressArgs(g), "monitor")...)
	var seen lockedBuffer
	monitor.Stdout = &seen
	must(t, monitor.Start())
	eventually(t, "MONITOR is on", func() bool { return strings.Contains(seen.String(), "OK") })
	for range 3 {
		command(t, "redis-cli", append(addressArgs(g), "incr", "counter")...)
	}
	eventually(t, "MONITOR has told", func() bool { return strings.Count(seen.String(), "counter") == 3 })
	must(t, monitor.Process.Kill())
	_ = monitor.Wait() // it was killed
	n := w.agrees(t, g, respValues)
	const empty = 3 // lines, each the beginning of the end of a --pipe
	if processed := uint64(server.commands() - before - 1); n.messages[0] != processed+empty {
		t.Errorf("%v on the wire, but redis has processed %d commands", n, processed)
	}
	w.capture(t, "resp_2_pipe", "Redis and redis-cli --pipe, which ends with an empty line and ECHO", respValues, nil)
}
