package gateway_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbit is a RabbitMQ server with its plugin for STOMP.
type rabbit struct{ amqp, stomp, log string }

// runRabbit starts one as the user rabbitmq, with an epmd of its own.
func runRabbit(t *testing.T) rabbit {
	t.Helper()
	const program = "/usr/lib/rabbitmq/bin/rabbitmq-server" // the one on the path changes the user and the folder by itself
	needs(t, program, "epmd")
	dir, as := asUser(t, "rabbitmq")
	r := rabbit{freeAddress(t), freeAddress(t), filepath.Join(dir, "log")}
	epmd, distribution := freeAddress(t), freeAddress(t)
	launch(t, exec.Command("epmd", "-address", "127.0.0.1", "-port", portOf(epmd)), listens(epmd))
	plugins, config := filepath.Join(dir, "plugins"), filepath.Join(dir, "rabbitmq.conf")
	must(t, os.WriteFile(plugins, []byte("[rabbitmq_stomp].\n"), 0o644))
	must(t, os.WriteFile(config, fmt.Appendf(nil, `
listeners.tcp.1 = %s
stomp.listeners.tcp.1 = %s
log.file = %s
log.file.level = info
`, r.amqp, r.stomp, r.log), 0o644))
	server := exec.Command("setpriv", append(as, program)...)
	server.Dir = dir
	server.Env = append(os.Environ(), "HOME="+dir, "RUNNING_UNDER_SYSTEMD=yes", // which is to say: no shell around it
		"RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_CONFIG_FILE="+config, "RABBITMQ_ENABLED_PLUGINS_FILE="+plugins,
		"RABBITMQ_NODENAME=idlegate@localhost", "RABBITMQ_MNESIA_BASE="+dir, "RABBITMQ_LOG_BASE="+dir,
		"RABBITMQ_PID_FILE="+filepath.Join(dir, "pid"), "RABBITMQ_DIST_PORT="+portOf(distribution),
		"ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT="+portOf(epmd), "ERL_CRASH_DUMP_SECONDS=0",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 +SDcpu 1:1 +A 1 +sbwt none +sbwtdcpu none +sbwtdio none") // starts in half the time
	launch(t, server, func() bool { return listens(r.amqp)() && listens(r.stomp)() })
	return r
}

// amqpFrames counts frames: AMQP 0-9-1, section 4.2.3.
func amqpFrames(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		if from == 0 {
			b = b[len("AMQP\x00\x00\x09\x01"):]
			n.messages[0]++
		}
		for ; len(b) > 0; n.messages[from]++ {
			size := 7 + int(binary.BigEndian.Uint32(b[3:])) + 1
			if b[size-1] != 0xce {
				t.Fatalf("a frame ends with %x", b[size-1])
			}
			if b[0] == 8 {
				n.heartbeats[from]++
			}
			b = b[size:]
		}
	}
	return n
}

func TestRabbitMQ(t *testing.T) {
	server := runRabbit(t)
	t.Run("AMQP, heartbeats of 2 s", func(t *testing.T) {
		w, g := tapped(t, "amqp", server.amqp, "")
		conn := rabbitExchange(t, g, 0, 1, 100)
		eventually(t, "both have sent two heartbeats", func() bool {
			h := g.route("r").Heartbeats
			return h[0] >= 2 && h[1] >= 2
		})
		must(t, conn.Close())
		w.agrees(t, g, amqpFrames)
		w.capture(t, "amqp_rabbitmq", "RabbitMQ and github.com/rabbitmq/amqp091-go: a queue, messages, heartbeats", amqpFrames, nil)
	})
	t.Run("AMQP, messages of several frames", func(t *testing.T) {
		w, g := tapped(t, "amqp", server.amqp, "")
		must(t, rabbitExchange(t, g, 300_000, 5_000_000).Close())
		w.agrees(t, g, amqpFrames)
	})
	t.Run("STOMP", func(t *testing.T) { rabbitSTOMP(t, server) })
	t.Run("goodbyes", func(t *testing.T) { rabbitGoodbyes(t, server) })
}

// rabbitExchange connects, and publishes messages of some sizes, each confirmed, consumed and acknowledged.
func rabbitExchange(t *testing.T, g *running, sizes ...int) *amqp.Connection {
	t.Helper()
	conn, err := amqp.DialConfig("amqp://guest:guest@"+g.address()+"/", amqp.Config{Heartbeat: 2 * time.Second})
	must(t, err)
	channel, err := conn.Channel()
	must(t, err)
	queue, err := channel.QueueDeclare("", false, true, true, false, nil)
	must(t, err)
	must(t, channel.Confirm(false))
	deliveries, err := channel.Consume(queue.Name, "", false, true, false, false, nil)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, size := range sizes {
		sent, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", queue.Name, false, false, amqp.Publishing{Body: make([]byte, size)})
		must(t, err)
		if ok, err := sent.WaitContext(ctx); !ok || err != nil {
			t.Errorf("%d bytes are not confirmed: %v", size, err)
		}
		select {
		case got := <-deliveries:
			if len(got.Body) != size {
				t.Errorf("%d bytes have come of %d", len(got.Body), size)
			}
			must(t, got.Ack(false))
		case <-ctx.Done():
			t.Fatalf("no message of %d bytes has come", size)
		}
	}
	return conn
}
