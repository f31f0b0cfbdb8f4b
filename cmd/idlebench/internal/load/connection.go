package load

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"idlegate/cmd/idlebench/internal/message"
	"idlegate/cmd/idlebench/internal/narrow"
	"idlegate/cmd/idlebench/internal/resp"
)

const (
	// dialers bounds the connects under way, to stay well within a listen backlog.
	dialers = 64
	// leastBuffer and mostBuffer bound what a connection reads at once.
	leastBuffer = 512
	mostBuffer  = 256 << 10
)

// connection is one client's connection with the messages that go each way.
type connection struct {
	number uint32
	conn   net.Conn
	out    message.Writer
	in     message.Reader
	read   []byte
	held   int // bytes at the start of read, too few for a message to be told by them
}

func (cfg Config) dial(number uint32) (*connection, error) {
	dialer := net.Dialer{Timeout: cfg.Patience}
	if cfg.Narrow {
		dialer.Control = narrow.Control
	}
	c, err := dialer.Dial("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("connection %d: %w", number, err)
	}
	if cfg.TLS {
		if c, err = cfg.secure(c); err != nil {
			return nil, fmt.Errorf("connection %d: %w", number, err)
		}
	}
	if cfg.RESP {
		c = resp.NewConn(c)
	}
	out := message.Writer{Connection: number, Size: cfg.Size}
	if cfg.Beats {
		out = message.Writer{Size: cfg.Size, Reply: message.Beat}
	}
	return &connection{
		number: number,
		conn:   c,
		out:    out,
		in:     message.NewReader(number),
		read:   make([]byte, min(max(cfg.Size*cfg.Depth, leastBuffer), mostBuffer)),
	}, nil
}

// secure makes a whole handshake: no session is resumed. Who the server is does not matter here.
func (cfg Config) secure(c net.Conn) (net.Conn, error) {
	conn := tls.Client(c, &tls.Config{
		InsecureSkipVerify: true, ServerName: ServerName, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519},
		DynamicRecordSizingDisabled: true,
	})
	_ = c.SetDeadline(time.Now().Add(cfg.Patience))
	if err := conn.Handshake(); err != nil {
		c.Close()
		return nil, err
	}
	return conn, c.SetDeadline(time.Time{})
}

// receive reads once, and returns how many messages are whole with that, all of them checked.
func (c *connection) receive() (whole int, err error) {
	n, err := c.conn.Read(c.read[c.held:])
	if err != nil {
		return 0, err
	}
	c.held += n
	at := 0
	for {
		n, complete, err := c.in.Next(c.read[at:c.held])
		if err != nil {
			return whole, err
		}
		if n == 0 {
			break
		}
		if complete {
			whole++
		}
		at += n
	}
	c.held = copy(c.read, c.read[at:c.held])
	return whole, nil
}

// fleet is the connections of a load, in the order of their numbers.
type fleet []*connection

// dialAll returns also where it fails those that it has opened.
func (cfg Config) dialAll() (fleet, error) {
	f := make(fleet, cfg.Connections)
	var next atomic.Int64
	err := each(min(dialers, len(f)), func(int) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(f) {
				return nil
			}
			var err error
			if f[i], err = cfg.dial(uint32(i)); err != nil {
				return err
			}
		}
	})
	return f, err
}

// each runs work for all connections at once.
func (f fleet) each(work func(*connection) error) error {
	return each(len(f), func(i int) error {
		if err := work(f[i]); err != nil {
			return fmt.Errorf("connection %d: %w", f[i].number, err)
		}
		return nil
	})
}

func (f fleet) close() {
	for _, c := range f {
		if c != nil {
			c.conn.Close()
		}
	}
}
