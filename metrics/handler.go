package metrics

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

const (
	scrapeTimeout = 5 * time.Second  // for a Snapshot, and for other scrapes: loops answer within milliseconds
	sendTimeout   = 10 * time.Second // for a page to be taken
	maxPages      = 4                // at once: a page of 2,000 routes is some 20 MiB
)

// Handler serves the figures of src, those of the Go runtime and of the process, and idlegate_build_info. Where src gives
// an error, or no answer for 5 s, the scrape is a 503 that says why; half a page is never served. At most four pages are held at
// once, each for at most 10 s: scrapers that do not read cost others a wait, and no more memory than that.
func Handler(src Source, version string) http.Handler {
	process := prometheus.NewRegistry()
	process.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(version),
	)
	return &handler{source: src, process: process, descs: newDescs(), turn: make(chan struct{}, 1), pages: make(chan struct{}, maxPages)}
}

type handler struct {
	// Set once, then read only.
	source  Source
	process *prometheus.Registry // what needs no Snapshot
	descs   *descs

	turn  chan struct{} // held while a page is made: many scrapers do not multiply what they cost
	pages chan struct{} // holds one for each page that is made or sent
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout)
	defer cancel()
	if err := take(ctx, h.pages); err != nil {
		unavailable(w, err)
		return
	}
	defer func() { <-h.pages }()
	made, err := h.page(ctx, r)
	if err != nil {
		unavailable(w, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendTimeout)) // which what is no connection has not
	made.send(w)
}

func unavailable(w http.ResponseWriter, err error) {
	http.Error(w, "no figures: "+err.Error(), http.StatusServiceUnavailable)
}

// take waits for a place among the scrapes.
func take(ctx context.Context, place chan struct{}) error {
	select {
	case place <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another scrape: %w", ctx.Err())
	}
}

// page makes a whole answer, so that the figures it was made from are not held until a scraper has read it.
func (h *handler) page(ctx context.Context, r *http.Request) (*page, error) {
	if err := take(ctx, h.turn); err != nil {
		return nil, err
	}
	defer func() { <-h.turn }()
	snapshot, err := h.source.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	gateway := prometheus.NewRegistry()
	gateway.MustRegister(collector{descs: h.descs, snapshot: &snapshot}) // which refuses no collector that announces nothing
	made := &page{header: http.Header{}, status: http.StatusOK}
	all := prometheus.Gatherers{h.process, gauged{gateway}}
	promhttp.HandlerFor(all, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(made, r)
	return made, nil
}

// gauged marks the histograms whose counts fall as well as rise, for which the client library has no type.
type gauged struct{ prometheus.Gatherer }

// Gather implements prometheus.Gatherer.
func (g gauged) Gather() ([]*dto.MetricFamily, error) {
	families, err := g.Gatherer.Gather()
	for _, f := range families {
		if f.GetName() == silenceName {
			f.Type = dto.MetricType_GAUGE_HISTOGRAM.Enum()
		}
	}
	return families, err
}

// page is an answer that is held in memory. It implements http.ResponseWriter.
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *page) Header() http.Header         { return p.header }
func (p *page) WriteHeader(status int)      { p.status = status }
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

func (p *page) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), p.header)
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body.Bytes()) // the caller may have gone
}

func buildInfo(version string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "idlegate_build_info",
		Help:        "Always 1. The labels tell the version of idlegate and of the Go it was built with.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
