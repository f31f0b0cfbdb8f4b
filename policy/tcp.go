package policy

import (
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// TCP holds the socket options of both legs.
type TCP struct {
	Keepalive   Keepalive
	UserTimeout time.Duration // 0: the kernel's own; not written: Idle + Interval * Count where Keepalive is, else 2m
}

// Keepalive is the kernel's keepalive. Idle 0 switches it off.
type Keepalive struct {
	Idle     time.Duration
	Interval time.Duration
	Count    int
}

// What Linux takes for the options of a socket (MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT in
// include/net/tcp.h; TCP_USER_TIMEOUT is an int of milliseconds, tcp(7)).
const (
	maxKeepaliveTime  = 32767 * time.Second
	maxKeepaliveCount = 127
	maxUserTimeout    = 24 * units.Day
)

func (t *TCP) keys() keys {
	return keys{
		{name: "keepalive", takes: t.Keepalive.value(), doc: "the kernel's TCP keepalive, towards client and upstream, or `none`"},
		{name: "user_timeout", takes: span{none: true, most: maxUserTimeout}.into(&t.UserTimeout), standard: "2m",
			without: "where `keepalive` is written, `idle + interval * count` of it",
			doc: "how long sent bytes may stay unacknowledged, or probes unanswered, before the kernel gives up on a peer; " +
				"never less than `write_timeout`. What the kernel holds for a peer that never reads it after a FIN ends by this. `none`: as the kernel does"},
	}
}

func (k *Keepalive) keys() keys {
	seconds := span{unit: time.Second, most: maxKeepaliveTime}
	return keys{
		{name: "idle", takes: seconds.into(&k.Idle), standard: "60s", doc: "silence before the first keepalive probe; whole seconds"},
		{name: "interval", takes: seconds.into(&k.Interval), standard: "15s", doc: "time between two keepalive probes; whole seconds"},
		{name: "count", takes: integer(&k.Count, 1, maxKeepaliveCount), standard: "4",
			doc: "unanswered probes before the kernel gives up on a peer. It acts through the default of `user_timeout`: where that is written, `count` has no effect"},
	}
}

// value takes a mapping, or the word none, which is the zero Keepalive.
func (k *Keepalive) value() value {
	off := value{
		read: func(c cursor) {
			if c.node.Value == none && c.node.Kind == yaml.ScalarNode {
				*k = Keepalive{}
				return
			}
			c.mapping(k.keys())
		},
		schema: func() schema { return noneSchema() },
	}
	list := k.keys()
	v := either(off, mapping(list)).printed(func() *yaml.Node {
		if k.Idle == 0 {
			return scalarNode(none)
		}
		return flow(list.pairs()...)
	})
	v.nested = true
	return v
}

// settle makes user_timeout follow from keepalive where only that is written.
func (t *TCP) settle(c cursor) {
	keepalive := c.child("keepalive")
	switch gaveUp := t.Keepalive.givesUp(); {
	case !keepalive.written() || gaveUp == 0:
	case !c.child("user_timeout").written():
		t.UserTimeout = min(gaveUp, maxUserTimeout)
	case keepalive.child("count").written() && t.UserTimeout != 0 && t.UserTimeout != min(gaveUp, maxUserTimeout):
		keepalive.child("count").warn("has no effect beside user_timeout (%s), by which the kernel gives up instead; "+
			"without user_timeout it follows from keepalive (%s)", units.FormatDuration(t.UserTimeout), units.FormatDuration(gaveUp))
	}
}

// givesUp is after how much silence the kernel gives a peer up that answers no probe; 0: never. Where TCP_USER_TIMEOUT is
// set, Linux goes by that and does not count probes (tcp_keepalive_timer in net/ipv4/tcp_timer.c).
func (k Keepalive) givesUp() time.Duration {
	if k.Idle == 0 {
		return 0
	}
	return k.Idle + k.Interval*time.Duration(k.Count)
}
