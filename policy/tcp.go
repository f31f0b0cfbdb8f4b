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

func standardTCP() TCP {
	return TCP{Keepalive: standardKeepalive(), UserTimeout: 2 * time.Minute}
}

func standardKeepalive() Keepalive {
	return Keepalive{Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
}

func (c cursor) tcp() TCP {
	t := standardTCP()
	c.mapping(keys{
		"keepalive":    func(c cursor) { t.Keepalive = c.keepalive() },
		"user_timeout": span{none: true, most: maxUserTimeout}.into(&t.UserTimeout),
	})
	keepalive := c.child("keepalive")
	switch gaveUp := t.Keepalive.givesUp(); {
	case !keepalive.written() || gaveUp == 0:
	case !c.child("user_timeout").written():
		t.UserTimeout = min(gaveUp, maxUserTimeout)
	case keepalive.child("count").written() && t.UserTimeout != 0 && t.UserTimeout != min(gaveUp, maxUserTimeout):
		keepalive.child("count").warn("has no effect beside user_timeout (%s), by which the kernel gives up instead; "+
			"without user_timeout it follows from keepalive (%s)", units.FormatDuration(t.UserTimeout), units.FormatDuration(gaveUp))
	}
	return t
}

// givesUp is after how much silence the kernel gives a peer up that answers no probe; 0: never. Where TCP_USER_TIMEOUT is
// set, Linux goes by that and does not count probes (tcp_keepalive_timer in net/ipv4/tcp_timer.c).
func (k Keepalive) givesUp() time.Duration {
	if k.Idle == 0 {
		return 0
	}
	return k.Idle + k.Interval*time.Duration(k.Count)
}

// keepalive reads a mapping, or the word none.
func (c cursor) keepalive() Keepalive {
	if c.node.Kind == yaml.ScalarNode && c.node.Value == none {
		return Keepalive{}
	}
	k := standardKeepalive()
	seconds := span{unit: time.Second, most: maxKeepaliveTime}
	c.mapping(keys{
		"idle":     seconds.into(&k.Idle),
		"interval": seconds.into(&k.Interval),
		"count":    integer(&k.Count, 1, maxKeepaliveCount),
	})
	return k
}

func (t TCP) node() *yaml.Node {
	return flow(
		pair{"keepalive", t.Keepalive.node()},
		pair{"user_timeout", scalarNode(units.FormatDuration(t.UserTimeout))},
	)
}

func (k Keepalive) node() *yaml.Node {
	if k.Idle == 0 {
		return scalarNode(none)
	}
	return flow(
		pair{"idle", scalarNode(units.FormatDuration(k.Idle))},
		pair{"interval", scalarNode(units.FormatDuration(k.Interval))},
		pair{"count", numberNode(k.Count)},
	)
}
