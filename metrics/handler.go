package metrics

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapeTimeout bounds how long a scrape waits for its Snapshot. Loops answer within milliseconds.
const scrapeTimeout = 5 * time.Second

// Handler serves the figures of src, those of the Go runtime and of the process, and idlegate_build_info. Where src gives
// an error, or no answer for 5 s, the scrape is a 503 that says why; half a page is never served.
func Handler(src Source, version string) http.Handler {
	process := prometheus.NewRegistry()
	process.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(version),
	)
	return &handler{source: src, process: process, descs: newDescs(), turn: make(chan struct{}, 1)}
}

type handler struct {
	// Set once, then read only.
	source  Source
	process *prometheus.Registry // what needs no Snapshot
	descs   *descs

	turn chan struct{} // held while the source is asked: many scrapers do not multiply what they cost the loops
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	snapshot, err := h.snapshot(r.Context())
	if err != nil {
		http.Error(w, "no figures: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	gateway := prometheus.NewRegistry()
	gateway.MustRegister(collector{descs: h.descs, snapshot: &snapshot}) // which refuses no collector that announces nothing
	page := prometheus.Gatherers{h.process, gateway}
	promhttp.HandlerFor(page, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

func (h *handler) snapshot(ctx context.Context) (Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return Snapshot{}, fmt.Errorf("wait for another scrape: %w", ctx.Err())
	}
	return h.source.Snapshot(ctx)
}

func buildInfo(version string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "idlegate_build_info",
		Help:        "Always 1. The labels tell the version of idlegate and of the Go it was built with.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
