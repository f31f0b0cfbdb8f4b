package policy

import (
	"time"

	"gopkg.in/yaml.v3"
)

// TCP holds the socket options of both legs.
type TCP struct {
	Keepalive   Keepalive
	UserTimeout time.Duration // 0: the kernel's own
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
	maxUserTimeout    = 24 * day
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
	c.keepaliveAndUserTimeout(&t)
	return t
}

// keepaliveAndUserTimeout makes the two agree where keepalive is written: once TCP_USER_TIMEOUT is set, Linux gives up on a silent
// peer after that time and ignores TCP_KEEPCNT (tcp_keepalive_timer in net/ipv4/tcp_timer.c).
func (c cursor) keepaliveAndUserTimeout(t *TCP) {
	keepalive, user := c.child("keepalive"), c.child("user_timeout")
	lost := t.Keepalive.lost()
	switch {
	case !keepalive.written() || t.Keepalive.Idle == 0:
	case !user.written():
		t.UserTimeout = lost
	case t.UserTimeout != 0 && t.UserTimeout != lost && keepalive.child("count").written():
		keepalive.child("count").warn("has no effect beside user_timeout, after which the kernel gives a silent peer up; "+
			"without user_timeout that is %s, as keepalive says", formatDuration(lost))
	}
}

// lost is how long a peer is silent that k gives up.
func (k Keepalive) lost() time.Duration {
	return min(k.Idle+k.Interval*time.Duration(k.Count), maxUserTimeout)
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
		pair{"user_timeout", scalarNode(formatDuration(t.UserTimeout))},
	)
}

func (k Keepalive) node() *yaml.Node {
	if k.Idle == 0 {
		return scalarNode(none)
	}
	return flow(
		pair{"idle", scalarNode(formatDuration(k.Idle))},
		pair{"interval", scalarNode(formatDuration(k.Interval))},
		pair{"count", numberNode(k.Count)},
	)
}
