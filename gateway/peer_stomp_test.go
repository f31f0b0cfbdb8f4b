package gateway_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// stompClient is a program on Debian's python3-stomp. Its arguments are port, version, the queue's name and by how much one
// message is larger than the one before. It sends 20 messages to itself, the last with a NUL in it, waits for heartbeats of the
// server, and says goodbye.
const stompClient = `
import sys, threading, stomp
port, version, queue, step = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
sizes, done, beats = [], threading.Event(), threading.Event()

class Listener(stomp.ConnectionListener):
    heartbeats = 0
    def on_message(self, frame):
        sizes.append(len(frame.body))
        if len(sizes) == 20: done.set()
    def on_heartbeat(self):
        self.heartbeats += 1
        if self.heartbeats == 3: beats.set()
    def on_error(self, frame): print("error", frame.headers, frame.body)
    def on_heartbeat_timeout(self): print("heartbeat timeout")

kind = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}[version]
more = {} if version == "1.0" else {"heartbeats": (500, 500)}
if version != "1.0": more["vhost"] = "/"
c = kind([("127.0.0.1", port)], reconnect_attempts_max=1, **more)
c.set_listener("", Listener())
c.connect("guest", "guest", wait=True)
c.subscribe("/queue/" + queue, **({} if version == "1.0" else {"id": "1"}), ack="auto")
for n in range(19):
    c.send("/queue/" + queue, "x" * (n * step))
c.send("/queue/" + queue, "a\0b")
print("received" if done.wait(20) else "not received", sum(sizes))
if version != "1.0":
    print("alive" if beats.wait(20) else "no heartbeats")
c.disconnect(receipt="bye")
`

// needsStomp skips a test where python3-stomp is not installed.
func needsStomp(t *testing.T) {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, whatever is on the path
	needs(t, python)
	err := exec.CommandContext(t.Context(), python, "-c", "import stomp").Run()
	switch {
	case err == nil:
	case os.Getenv("IDLEGATE_REQUIRE_REAL") != "":
		t.Fatalf("IDLEGATE_REQUIRE_REAL is set: python3-stomp: %v", err)
	default:
		t.Skip("needs python3-stomp, which is not installed")
	}
}

// stompFrames counts frames and the ends of line between them: STOMP 1.2, "STOMP Frames". RabbitMQ has one behind each frame.
func stompFrames(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		for ; len(b) > 0; n.messages[from]++ {
			if rest, beat := bytes.CutPrefix(bytes.TrimPrefix(b, []byte("\r")), []byte("\n")); beat {
				n.heartbeats[from]++
				b = rest
				continue
			}
			head, body, _ := bytes.Cut(b, []byte("\n\n"))
			if crlf, rest, found := bytes.Cut(b, []byte("\r\n\r\n")); found && len(crlf) < len(head) {
				head, body = crlf, rest
			}
			size := bytes.IndexByte(body, 0)
			for line := range strings.Lines(string(head)) {
				if value, found := strings.CutPrefix(strings.TrimSpace(line), "content-length:"); found {
					var err error
					size, err = strconv.Atoi(value)
					must(t, err)
				}
			}
			if size < 0 || body[size] != 0 {
				t.Fatalf("a frame of %d bytes has no end: %.80q", size, b)
			}
			b = body[size+1:]
		}
	}
	return n
}

func rabbitSTOMP(t *testing.T, server rabbit) {
	needsStomp(t)
	for _, row := range []struct {
		version string
		step    int
	}{{"1.0", 10}, {"1.1", 10}, {"1.2", 10}, {"1.2", 10_000}} {
		name := fmt.Sprintf("%s, messages %d bytes apart", row.version, row.step)
		t.Run(name, func(t *testing.T) {
			w, g := tapped(t, "stomp", server.stomp, "")
			client := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", stompClient, g.port(), row.version, name, strconv.Itoa(row.step))
			output, err := client.CombinedOutput()
			want := fmt.Sprintf("received %d\n", 171*row.step+3)
			if row.version != "1.0" {
				want += "alive\n"
			}
			if err != nil || string(output) != want {
				t.Errorf("the client says %v:\n%s", err, output)
			}
			n := w.agrees(t, g, stompFrames)
			if n.messages[0]-n.heartbeats[0] != 23 { // CONNECT, SUBSCRIBE, SEND, DISCONNECT
				t.Errorf("%v", n)
			}
			if row.step == 10 {
				w.capture(t, "stomp_"+strings.ReplaceAll(row.version, ".", ""), "RabbitMQ and python3-stomp, STOMP "+row.version, stompFrames, nil)
			}
		})
	}
}
