package demo

import (
	"context"
	"net"
	"time"
)

// client is one connection to the gateway.
type client struct {
	conn    net.Conn
	began   time.Time   // before the connection was there, so never later than the gateway's accept
	replies chan string // bodies that came back; closed when nothing more will come
}

// outcome is what became of one client.
type outcome struct {
	sent    int           // whole messages
	back    int           // of those, how many came back unchanged and in order
	closed  bool          // the gateway ended the connection, not the client
	held    time.Duration // from what started the timer until the close was seen
	reason  string        // of the end, as the gateway's log has it
	logged  uint64        // messages from the client, as the gateway's log has it
	failure error         // what kept the client from playing its part
}

func dial(ctx context.Context, address string) (*client, error) {
	c := &client{began: time.Now(), replies: make(chan string)}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c.conn = conn
	go c.read()
	return c, nil
}

// name is how the gateway's log calls this client.
func (c *client) name() string { return c.conn.LocalAddr().String() }

func (c *client) read() {
	defer close(c.replies)
	for {
		body, err := readFrame(c.conn)
		if err != nil {
			return
		}
		c.replies <- body
	}
}

// leave closes the connection, which the gateway sees as the client's FIN where it has not closed it before.
func (c *client) leave() {
	c.conn.Close()
	for range c.replies { // lets read end
	}
}

// exchange sends one message and waits until it has come back.
func (c *client) exchange(ctx context.Context, body string, o *outcome) bool {
	return c.ask(ctx, body, body, o)
}

// ask sends one message and waits for the answer to it.
func (c *client) ask(ctx context.Context, body, answer string, o *outcome) bool {
	if _, err := c.conn.Write(frame(body)); err != nil {
		o.closed = true
		return false
	}
	o.sent++
	select {
	case reply, open := <-c.replies:
		o.closed = !open
		if reply != answer {
			return false
		}
		o.back++
		return true
	case <-ctx.Done():
		return false
	}
}

// pause waits for d. It is false where the connection ended before.
func (c *client) pause(ctx context.Context, d time.Duration, o *outcome) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case _, open := <-c.replies: // nothing is owed: an answer here is one too many
		o.closed = !open
		if open {
			o.back++
		}
		return false
	case <-ctx.Done():
		return false
	}
}
