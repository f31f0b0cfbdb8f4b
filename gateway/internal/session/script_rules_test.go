package session

import (
	"time"

	"idlegate/gateway/internal/protocol"
)

func (p *player) protocol(name string) {
	switch name {
	case "raw":
		p.rules.Protocol = protocol.NewFraming([2]protocol.Framer{protocol.NewRaw(), protocol.NewRaw()})
		p.rules.Bounded = false
	case "beats":
		newline, err := protocol.NewDelimiter([]byte("\n"), 64)
		if err != nil {
			p.t.Fatal(err)
		}
		p.rules.Protocol, err = protocol.NewHeartbeatFraming([2]protocol.Framer{newline, newline}, protocol.HeartbeatRule{Match: []byte("ping"), Answer: []byte("pong")})
		if err != nil {
			p.t.Fatal(err)
		}
		p.rules.Heartbeats = true
	case "mqtt":
		p.rules.Protocol, p.rules.Heartbeats = protocol.NewMQTT(protocol.Options{}), true
	case "websocket":
		p.rules.Protocol, p.rules.Heartbeats = protocol.NewWebSocket(protocol.Options{}), true
	case "resp":
		p.rules.Protocol, p.rules.Heartbeats, p.rules.Pairs = protocol.NewRESP(protocol.Options{}), true, true
	case "postgres":
		p.rules.Protocol, p.rules.Pairs = protocol.NewPostgres(protocol.Options{}), true
	default:
		p.t.Fatalf("%s: no protocol %s", p.where, name)
	}
}

func (p *player) bound(key, value string) {
	d, err := time.ParseDuration(value)
	if err != nil {
		p.t.Fatalf("%s: %v", p.where, err)
	}
	switch n := &p.rules.Negotiated; key {
	case "min":
		n.Min = d
	case "max":
		n.Max = d
	default:
		n.Otherwise = d
	}
}
