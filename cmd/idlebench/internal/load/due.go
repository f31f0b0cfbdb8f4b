package load

import "time"

// due is the work of mode Due: connections that fall silent one after the other, and wait until the proxy closes them.
type due struct {
	cfg      Config
	fleet    fleet
	closings closings
}

// open leaves connecting to measure, since the proxy counts its timeouts from there.
func (*due) open() error { return nil }

func (d *due) close() { d.fleet.close() }

func (d *due) measure(r *Result) error {
	var err error
	if d.fleet, err = d.cfg.dialAll(); err != nil {
		return err
	}
	var h histogram
	start := time.Now()
	err = d.fleet.each(func(c *connection) error {
		first := d.cfg.Every * time.Duration(c.number) / time.Duration(d.cfg.Connections)
		return d.one(c, start.Add(first), start.Add(d.cfg.Window), &h)
	})
	r.count(&h)
	r.Closes = d.closings.sum()
	return err
}

// one exchanges a message at the instant first, and then waits until end.
func (d *due) one(c *connection, first, end time.Time, h *histogram) error {
	if err := c.conn.SetDeadline(end); err != nil {
		return err
	}
	<-time.After(time.Until(first))
	asked := time.Now()
	if err := d.cfg.exchanger(c).exchange(limit{count: 1}, nil, h); err != nil {
		return err
	}
	answered := time.Now()
	closed, err := c.awaitClose()
	if err == nil {
		d.closings.record(closed, asked.Add(d.cfg.Timeout), answered.Add(d.cfg.Timeout))
	}
	return err
}
