package gateway_test

import (
	"io"
	"testing"
	"time"
)

// TestReplyTimeoutIsExact has replies that come slowly, whole messages of them and bytes of one, and stop: the timer counts from the last.
func TestReplyTimeoutIsExact(t *testing.T) {
	const limit, step, steps = 600 * time.Millisecond, 50 * time.Millisecond, 20
	for _, row := range []struct {
		name, protocol string
		request        string // the backend sends it back at first where it is to greet
		parts          string // sent again and again
		first          string
	}{
		{"elements of one array", "resp", "*1\r\n$4\r\nTIME\r\n", ":1\r\n", "*100\r\n"},
		{"bytes of one body", "resp", "*1\r\n$4\r\nTIME\r\n", "x", "$100\r\n"},
		{"values", "memcached", "get a b\r\n", "VALUE a 0 1\r\nx\r\n", ""},
		{"bytes of a response", "kafka", "\x00\x00\x00\x0e\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff\x00\x00\x00\x00", "x", "\x00\x00\x01\x00\x00\x00\x00\x07"},
		{"bytes of a reply", "modbus", "\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01", "x", "\x00\x01\x00\x00\x00\x50\x01\x03\x4c"},
	} {
		t.Run(row.name+" of "+row.protocol, func(t *testing.T) {
			for range 5 {
				var last time.Time
				inTime, done := true, make(chan struct{})
				g := start(t, speaks(row.protocol, "reply_timeout: "+limit.String()+", idle_timeout: 50ms", ""), backend(t, func(c *client) {
					defer close(done)
					c.receive(row.request)
					_, _ = c.Write([]byte(row.first))
					tick := time.NewTicker(step)
					defer tick.Stop()
					for range steps {
						before := last
						<-tick.C
						last = time.Now()
						inTime = inTime && (before.IsZero() || last.Sub(before) < limit/2)
						if _, err := c.Write([]byte(row.parts)); err != nil {
							return
						}
					}
					_, _ = io.Copy(io.Discard, c)
				}))
				c := g.dial("r")
				c.send(row.request)
				_, _ = io.Copy(io.Discard, c) // until it is ended
				ended := time.Now()
				<-done
				if !inTime {
					continue // a machine that has other work has made the backend late
				}
				line := g.expectEnd("r", "reply_timeout")
				if silence := ended.Sub(last); silence < limit || line.Duration < steps*step+limit {
					t.Errorf("it ended %v after the last of its reply, %v after accept; want %v", silence, line.Duration, limit)
				}
				return
			}
			t.Skip("the machine has too much other work")
		})
	}
}

// TestAReplyThatTakesLongInSumIsNotCut has requests in flight all the time, each replied to in time.
func TestAReplyThatTakesLongInSumIsNotCut(t *testing.T) {
	const request = "*1\r\n$4\r\nTIME\r\n"
	g := start(t, speaks("resp", "reply_timeout: 1500ms", ""), backend(t, func(c *client) {
		c.receive(request)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for range 20 {
			c.receive(request) // so that one is always owed
			<-tick.C
			_, _ = c.Write([]byte("+now\r\n"))
		}
		_, _ = c.Write([]byte("+now\r\n"))
		_, _ = io.Copy(io.Discard, c)
	}))
	c := g.dial("r")
	c.send(request)
	for range 20 {
		c.send(request)
		c.receive("+now\r\n")
	}
	c.receive("+now\r\n")
	c.Close()
	g.expectEnd("r", "client_fin")
}
