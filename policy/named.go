package policy

import (
	"fmt"
	"slices"
	"strings"
)

// checkNamed reports what a protocol by itself does not let a route have.
func (r *Route) checkNamed(c cursor) {
	client, upstream := r.Protocol.Traits(), r.UpstreamProtocol.Traits()
	if at := c.child("upstream_protocol"); at.written() && (client.Named || upstream.Named) {
		name := client.Name
		if !client.Named {
			name = upstream.Name
		}
		at.fail("%s is a protocol of both directions; write it as protocol, and remove upstream_protocol", name)
	}
	if client.ServerSpeaksFirst && r.ConnectOn == ConnectOnFirstMessage {
		c.child("connect_on").fail("a server of %s speaks first, so that a client never sends a first message; remove connect_on", client.Name)
	}
}

// otherNames are what people call a protocol by, besides its name here.
var otherNames = map[string]Framing{
	"redis": RESP, "valkey": RESP, "mosquitto": MQTT, "postgresql": Postgres, "mariadb": MySQL, "pgsql": Postgres, "ws": WebSocket, "rabbitmq": AMQP,
	"amqp091": AMQP, "activemq": STOMP, "fixt": FIX, "memcache": Memcached, "modbustcp": Modbus, "tcp": Raw, "line": Delimiter, "lines": Delimiter,
}

// meantProtocol ends a message about an unknown protocol.
func meantProtocol(name string) string {
	if f, ok := otherNames[plainForm(name)]; ok {
		return fmt.Sprintf("; did you mean %q?", f)
	}
	known := knownWords[Framing]()
	if best := nearest(name, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; known: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}
