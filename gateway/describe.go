package gateway

import (
	"net/netip"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
)

// describe puts a connection into the words of the API.
func (g *Gateway) describe(v *relay.View) api.Connection {
	s := &v.Session
	c := api.Connection{
		ID: v.ID, Route: v.Route.Name, Client: clientText(v.Client), State: stateOf(v),
		OpenedAt: g.clock.Wall(int64(s.Events.Accepted)), AgeSeconds: s.Age(v.At).Seconds(),
		SilenceSeconds: v.At.Since(s.LastMessage).Seconds(),
		ClientBytes:    s.FromClient.Bytes, ClientMessages: s.FromClient.Messages,
		UpstreamBytes: s.FromUpstream.Bytes, UpstreamMessages: s.FromUpstream.Messages,
		ClientHeartbeats: uint64(s.FromClient.Heartbeats), UpstreamHeartbeats: uint64(s.FromUpstream.Heartbeats),
	}
	c.Endpoint = endpointOf(v)
	c.Proxy, c.ServerName = proxyText(v.Origin.Proxy()), v.Origin.ServerName()
	c.TLS, c.UpstreamTLS = tlsOf(v.TLS[session.Client]), tlsOf(v.TLS[session.Upstream])
	if f := v.TLS[session.Client]; f != nil && c.ServerName == "" {
		c.ServerName = f.ServerName
	}
	if t, at := s.NextTimer(&v.Route.Rules); t != deadline.None {
		c.NextTimer, c.DueSeconds = t.String(), until(at, v.At)
	}
	if left := until(v.DrainBy, v.At); left != nil && (c.DueSeconds == nil || *left < *c.DueSeconds) {
		c.NextTimer, c.DueSeconds = "drain_timeout", left
	}
	return c
}

// endpointOf is the name of the endpoint that serves v, "" where there is none yet.
func endpointOf(v *relay.View) string {
	if v.Endpoint == nil {
		return ""
	}
	return v.Endpoint.Name
}

// tlsOf describes what a handshake has settled, nil for none.
func tlsOf(f *tlsio.Facts) *api.TLS {
	if f == nil {
		return nil
	}
	return &api.TLS{
		Version: f.VersionName(), Cipher: f.CipherName(), ServerName: f.ServerName, ALPN: f.Protocol, Certificate: f.Subject, Resumed: f.Resumed,
	}
}

// until returns in seconds how long it is from now to at, nil for never. What is overdue is due now.
func until(at, now deadline.Instant) *float64 {
	if at == deadline.Never {
		return nil
	}
	seconds := max(0, at.Since(now)).Seconds()
	return &seconds
}

func stateOf(v *relay.View) api.State {
	switch {
	case v.Draining != session.Open:
		return api.Draining
	case v.State == relay.Shaking:
		return api.Handshake
	case v.State == relay.Awaiting:
		return api.Waiting
	case v.State == relay.Dialling:
		return api.Connecting
	case v.Session.FromClient.FIN || v.Session.FromUpstream.FIN:
		return api.HalfClosed
	}
	return api.Open
}

// seconds is d for the API, nil where 0 says that it is off.
func seconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	s := d.Seconds()
	return &s
}

func clientText(client netip.AddrPort) string {
	if !client.IsValid() {
		return "unix"
	}
	return client.String()
}

// proxyText is the address of a proxy, "" where there is none.
func proxyText(proxy netip.AddrPort) string {
	if !proxy.IsValid() {
		return ""
	}
	return proxy.String()
}
