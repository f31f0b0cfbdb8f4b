package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns one Snapshot into metrics. It serves a single scrape.
type collector struct {
	descs    *descs
	snapshot *Snapshot
}

// Describe implements prometheus.Collector. It announces nothing, since each scrape has a registry of its own; gathering
// checks every metric all the same.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := sink(ch)
	c.gateway(s)
	for cause, n := range c.snapshot.Unrouted {
		s.counter(c.descs.refused, n, noRoute, cause)
	}
	for i := range c.snapshot.Routes {
		c.route(s, &c.snapshot.Routes[i])
	}
	for i := range c.snapshot.Upstreams {
		c.upstream(s, &c.snapshot.Upstreams[i])
	}
}

// noRoute is the route of clients that were refused before one was chosen for them. No route can have that name.
const noRoute = "none"

func (c collector) gateway(s sink) {
	config := c.snapshot.Config
	s.gauge(c.descs.bufferBytes, float64(c.snapshot.BufferBytes))
	s.gauge(c.descs.bufferLimit, float64(c.snapshot.BufferLimit))
	s.gauge(c.descs.draining, oneIf(c.snapshot.Draining))
	for i, busy := range c.snapshot.LoopsBusy {
		s.seconds(c.descs.loopBusy, busy, strconv.Itoa(i))
	}
	for code, n := range c.snapshot.AdminRequests {
		s.counter(c.descs.adminRequests, n, strconv.Itoa(code))
	}
	s.gauge(c.descs.connectionsMax, float64(c.snapshot.ConnectionsMax))
	s.gauge(c.descs.acceptPaused, oneIf(c.snapshot.AcceptPaused))
	s.seconds(c.descs.acceptPauses, c.snapshot.AcceptPauses)
	s.counter(c.descs.logDropped, c.snapshot.LogDropped)
	s.gauge(c.descs.configGeneration, float64(config.Generation))
	s.gauge(c.descs.configPendingRestart, float64(config.PendingRestart))
	s.gauge(c.descs.configHash, float64(config.Hash))

	var stamp float64
	if !config.LastReloadSuccess.IsZero() {
		stamp = float64(config.LastReloadSuccess.UnixMilli()) / 1e3
	}
	s.gauge(c.descs.configReloadSuccessful, oneIf(config.LastReloadSuccessful))
	s.gauge(c.descs.configReloadSuccessStamp, stamp)
	for _, cert := range c.snapshot.Certificates {
		s.gauge(c.descs.certificateExpiry, float64(cert.Expires.Unix()), cert.Name)
	}
}

func (c collector) route(s sink, r *Route) {
	s.gauge(c.descs.connections, float64(r.Connections), r.Name)
	if r.Limit > 0 {
		s.gauge(c.descs.connectionLimit, float64(r.Limit), r.Name)
	}
	s.counter(c.descs.opened, r.Opened, r.Name)
	for reason, n := range r.Closed {
		s.counter(c.descs.closed, n, r.Name, reason)
	}
	for cause, n := range r.Refused {
		s.counter(c.descs.refused, n, r.Name, cause)
	}
	for _, t := range r.Timeouts {
		s.counter(c.descs.timeouts, t.Count, r.Name, t.Timeout, t.Action)
	}
	for from := range sides {
		s.counter(c.descs.messages, r.Messages[from]-r.Heartbeats[from], r.Name, from.String(), "data")
		s.counter(c.descs.messages, r.Heartbeats[from], r.Name, from.String(), "heartbeat")
		s.counter(c.descs.bytes, r.Bytes[from], r.Name, from.String())
	}
	s.counter(c.descs.opaque, r.Opaque, r.Name)
	for result, n := range r.Probes {
		s.counter(c.descs.probes, n, r.Name, result)
	}
	c.histogram(s, c.descs.probe, &r.Probe, r.Name)
	c.histogram(s, c.descs.lateness, &r.Lateness, r.Name)
	c.histogram(s, c.descs.duration, &r.Duration, r.Name)
	c.histogram(s, c.descs.gap, &r.Gap, r.Name)
	c.histogram(s, c.descs.silence, &r.Silence, r.Name)
	s.counter(c.descs.falseCuts, r.FalseCuts, r.Name)
	for _, v := range r.Values {
		s.gauge(c.descs.timeoutValue, v.Value.Seconds(), r.Name, v.Timeout)
	}
}

func (c collector) upstream(s sink, u *Upstream) {
	c.histogram(s, c.descs.upstreamConnect, &u.Connect, u.Name)
	s.counter(c.descs.upstreamRetries, u.Retries, u.Name)
	if u.Lookups != nil {
		s.counter(c.descs.upstreamLookups, u.Lookups.OK, u.Name, "ok")
		s.counter(c.descs.upstreamLookups, u.Lookups.Failed, u.Name, "failed")
		var failing float64
		if u.Lookups.Failing {
			failing = 1
		}
		s.gauge(c.descs.upstreamLookupFailing, failing, u.Name)
	}
	for _, e := range u.Endpoints {
		s.gauge(c.descs.upstreamConnections, float64(e.Connections), u.Name, e.Address)
		var healthy float64
		if e.Healthy {
			healthy = 1
		}
		s.gauge(c.descs.upstreamHealthy, healthy, u.Name, e.Address)
		for result, n := range e.Connects {
			s.counter(c.descs.upstreamConnects, n, u.Name, e.Address, result)
		}
		for reason, n := range e.Closed {
			s.counter(c.descs.upstreamClosed, n, u.Name, e.Address, reason)
		}
	}
}

// sink takes metrics. What cannot be one, as with a label that is not UTF-8, becomes the error of the scrape: the client
// library's Must functions would end the process.
type sink chan<- prometheus.Metric

func (s sink) counter(d *prometheus.Desc, n uint64, labels ...string) {
	s.value(d, prometheus.CounterValue, float64(n), labels)
}

func (s sink) seconds(d *prometheus.Desc, spent time.Duration, labels ...string) {
	s.value(d, prometheus.CounterValue, spent.Seconds(), labels)
}

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.value(d, prometheus.GaugeValue, v, labels)
}

func (s sink) value(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels []string) {
	metric, err := prometheus.NewConstMetric(d, kind, v, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(d, err)
	}
	s <- metric
}

func (c collector) histogram(s sink, d histogramDesc, h *Histogram, labels ...string) {
	s <- histogramMetric{desc: d, labels: prometheus.MakeLabelPairs(d.Desc, labels), histogram: h, nativeOnly: c.snapshot.NativeOnly}
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
