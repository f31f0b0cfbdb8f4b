package gateway_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
)

// memcachedMessages counts requests and replies, of which some have several lines or packets (memcached's doc/protocol.txt and
// doc/protocol-binary.txt). No-ops are heartbeats.
func memcachedMessages(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	take := memcachedText
	if said[0][0] == 0x80 {
		take = memcachedBinary
	}
	for from, b := range said {
		for len(b) > 0 {
			rest, ends, noop := take(from, b)
			if b = rest; ends {
				n.messages[from]++
			}
			if noop {
				n.heartbeats[from]++
			}
		}
	}
	return n
}

func memcachedBinary(from int, b []byte) (rest []byte, ends, noop bool) {
	const noopCode, stat = 0x0a, 0x10
	size := binary.BigEndian.Uint32(b[8:])
	return b[24+size:], from == 0 || b[1] != stat || size == 0, b[1] == noopCode
}

func memcachedText(_ int, b []byte) (rest []byte, ends, noop bool) {
	line, rest, _ := bytes.Cut(b, []byte("\n")) // the lines of metadump end so
	words := strings.Fields(string(line))
	data := -1
	size := func(at int) {
		data, _ = strconv.Atoi(words[at])
	}
	ends = true
	switch words[0] {
	case "set", "add", "replace", "append", "prepend", "cas":
		size(4)
	case "ms":
		size(2)
	case "VA":
		size(1)
	case "VALUE":
		size(3)
		ends = false
	case "STAT":
		ends = false
	case "mg":
		ends = len(words) > 2 // else a line of mgdump
	case "mn", "MN":
		noop = true
	}
	if strings.HasPrefix(words[0], "key=") {
		ends = false
	}
	if data >= 0 {
		rest = rest[data+2:]
	}
	return rest, ends, noop
}

func runMemcached(t *testing.T) (socket string) {
	t.Helper()
	needs(t, "memcached", "memccp", "memccat", "memcrm", "memcstat", "memcping")
	socket = filepath.Join(t.TempDir(), "socket")
	launch(t, exec.Command("memcached", "-u", "root", "-s", socket), listens("unix:"+socket))
	return "unix:" + socket
}

func TestMemcachedClientsThroughTheGateway(t *testing.T) {
	server := runMemcached(t)
	t.Run("gomemcache", func(t *testing.T) {
		w, g := tapped(t, "memcached", server, "")
		client := memcache.New(g.address())
		client.Timeout = patience
		big := strings.Repeat("v\r\nEND\r\n", 100_000)
		for key, value := range map[string]string{"a": "", "b": "END\r\n", "big": big} {
			must(t, client.Set(&memcache.Item{Key: key, Value: []byte(value)}))
		}
		got, err := client.GetMulti([]string{"a", "b", "big", "none"})
		if err != nil || len(got) != 3 || string(got["big"].Value) != big {
			t.Errorf("%d items, %v", len(got), err)
		}
		got["b"].Value = []byte("1")
		must(t, client.CompareAndSwap(got["b"]))
		if n, err := client.Increment("b", 41); n != 42 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		must(t, client.Touch("b", 60))
		must(t, client.Ping())
		must(t, client.Delete("a"))
		if _, err := client.Get("a"); !errors.Is(err, memcache.ErrCacheMiss) {
			t.Errorf("what was deleted: %v", err)
		}
		must(t, client.Close())
		w.agrees(t, g, memcachedMessages)
	})
	t.Run("libmemcached", func(t *testing.T) {
		for _, dialect := range []string{"", "--binary"} {
			w, g := tapped(t, "memcached", server, "")
			file := filepath.Join(t.TempDir(), "file")
			must(t, os.WriteFile(file, bytes.Repeat([]byte("\r\nEND"), 40), 0o644))
			run := func(tool string, more ...string) string {
				args := append([]string{"--servers=" + g.address()}, more...)
				if dialect != "" {
					args = append(args, dialect)
				}
				return command(t, tool, args...)
			}
			run("memccp", file)
			if got := run("memccat", "file"); !strings.HasPrefix(got, "\r\nEND\r\nEND") {
				t.Errorf("memccat %s says %.40q", dialect, got)
			}
			run("memcrm", "file")
			command(t, "memcping", "--servers="+g.address()) // speaks text, as memcstat does
			if got := command(t, "memcstat", "--servers="+g.address()); !strings.Contains(got, "cmd_get") {
				t.Errorf("memcstat says %.200q", got)
			}
			w.agrees(t, g, memcachedMessages)
			if dialect != "" {
				w.capture(t, "memcached_binary", "memcached and libmemcached: memccp --binary", memcachedMessages, func(said [2][]byte) bool { return said[0][0] == 0x80 && bytes.Contains(said[0], []byte("END")) })
			}
		}
	})
	t.Run("lists of keys and other replies of the operator's", func(t *testing.T) {
		w, g := tapped(t, "memcached", server, "")
		c := g.dial("r")
		for _, step := range []struct{ say, last string }{
			{"set listed1 0 0 1\r\nx\r\nset listed2 0 0 1\r\ny\r\n", "STORED\r\nSTORED\r\n"},
			{"lru_crawler metadump all\r\n", "END\r\n"}, // it loses what is sent before its end
			{"lru_crawler mgdump all\r\n", "\r\n"},      // which 1.6.18 does not know
			{"get listed1\r\n", "VALUE listed1 0 1\r\nx\r\nEND\r\n"},
			{"stats items\r\nstats sizes\r\nstats reset\r\n", "END\r\nRESET\r\n"},
			{"stats detail on\r\nget listed1\r\nstats detail dump\r\nstats detail off\r\n", "END\r\nOK\r\n"},
			{"verbosity 0\r\nme listed1\r\nversion\r\nflush_all\r\nnothing\r\n", "OK\r\nERROR\r\n"},
		} {
			c.send(step.say)
			c.receiveUpTo(step.last)
		}
		c.send("quit\r\n")
		c.drained()
		must(t, c.Close())
		w.agrees(t, g, memcachedMessages)
	})
	t.Run("one that watches", func(t *testing.T) {
		_, g := tapped(t, "memcached", server, "")
		c := g.dial("r")
		c.send("watch mutations\r\n")
		c.receive("OK\r\n")
		if e := g.onlyConnection(); !e.Unpaired {
			t.Errorf("explain says %+v", e)
		}
		g.dial("r").send("set watched 0 0 1\r\nx\r\nquit\r\n")
		c.receiveUpTo("key=watched")
	})
	t.Run("meta", func(t *testing.T) {
		w, g := tapped(t, "memcached", server, "")
		c := g.dial("r")
		for _, step := range []struct{ say, answer string }{
			{"ms key 5 T60\r\nhello\r\nmg key v\r\n", "HD\r\nVA 5\r\nhello\r\n"},
			{"mg none v\r\nmg key v q\r\nmg none v q\r\nmn\r\n", "EN\r\nVA 5\r\nhello\r\nMN\r\n"},
			{"ma n N0 J13 v\r\nmd key\r\nmd key\r\n", "VA 2\r\n13\r\nHD\r\nNF\r\n"},
			{"ms big 100 c\r\n" + strings.Repeat("0123456\r\nx", 10) + "\r\nmn\r\n", "HD "},
		} {
			c.send(step.say)
			c.receive(step.answer)
		}
		c.send("mn\r\nquit\r\n")
		c.drained()
		must(t, c.Close())
		w.agrees(t, g, memcachedMessages)
		w.capture(t, "memcached_meta", "memcached: meta commands, some of them quiet", memcachedMessages, nil)
	})
}

// receiveUpTo reads up to and with a text.
func (c *client) receiveUpTo(text string) {
	c.t.Helper()
	var got []byte
	for b := make([]byte, 1); !bytes.HasSuffix(got, []byte(text)); got = append(got, b...) {
		if _, err := io.ReadFull(c, b); err != nil {
			c.t.Fatalf("received %.400q, %v; want %q at its end", got, err, text)
		}
	}
}
