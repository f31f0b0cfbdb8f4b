package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

type sourceFunc func(context.Context) (Snapshot, error)

func (f sourceFunc) Snapshot(ctx context.Context) (Snapshot, error) { return f(ctx) }

func scrape(h http.Handler, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPageHasGatewayRuntimeProcessAndBuild(t *testing.T) {
	h := Handler(sourceFunc(func(context.Context) (Snapshot, error) { return example(), nil }), "v1.2.3")
	w := scrape(h, nil)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	for _, want := range []string{
		`idlegate_connections_closed_total{reason="protocol_error",route="devices"} 0`,
		`idlegate_build_info{goversion="` + runtime.Version() + `",version="v1.2.3"} 1`,
		"go_goroutines ",
		"process_start_time_seconds ",
	} {
		if !strings.Contains(w.Body.String(), "\n"+want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestProtobufHasClassicAndNativeBucketsInOneMetric(t *testing.T) {
	h := Handler(sourceFunc(func(context.Context) (Snapshot, error) { return example(), nil }), "v1.2.3")
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	w := scrape(h, http.Header{"Accept": {string(format)}})
	families := decode(t, w.Body, expfmt.ResponseFormat(w.Header()))
	for name, observed := range map[string]uint64{
		"idlegate_timeout_lateness_seconds":    2,
		"idlegate_connection_duration_seconds": 7,
		"idlegate_message_gap_seconds":         99,
		"idlegate_silence_seconds":             3,
		"idlegate_upstream_connect_seconds":    10,
	} {
		if families[name] == nil {
			t.Errorf("%s is not there", name)
			continue
		}
		h := families[name].GetMetric()[0].GetHistogram()
		last := h.GetBucket()[len(h.GetBucket())-1].GetCumulativeCount()
		if h.GetSampleCount() != observed || last != observed {
			t.Errorf("%s: count %d and last bucket %d, want %d", name, h.GetSampleCount(), last, observed)
		}
		if h.GetSchema() != nativeSchema || len(h.GetPositiveDelta()) != 1 || h.GetPositiveDelta()[0] != int64(observed) {
			t.Errorf("%s: schema %d, native buckets %v, want one of %d", name, h.GetSchema(), h.GetPositiveDelta(), observed)
		}
	}
}

func decode(t *testing.T, page io.Reader, format expfmt.Format) map[string]*dto.MetricFamily {
	t.Helper()
	families := make(map[string]*dto.MetricFamily)
	decoder := expfmt.NewDecoder(page, format)
	for {
		family := new(dto.MetricFamily)
		err := decoder.Decode(family)
		if errors.Is(err, io.EOF) {
			return families
		}
		if err != nil {
			t.Fatal(err)
		}
		families[family.GetName()] = family
	}
}

func TestSeriesOfARouteThatIsGoneDisappear(t *testing.T) {
	s := example()
	h := Handler(sourceFunc(func(context.Context) (Snapshot, error) { return s, nil }), "v1.2.3")
	if before := scrape(h, nil).Body.String(); !strings.Contains(before, `route="devices"`) {
		t.Fatal("the route has no series while it is there")
	}
	s.Routes = nil
	if after := scrape(h, nil).Body.String(); strings.Contains(after, `route="devices"`) {
		t.Error("the route has series after it is gone")
	}
}

func TestFailingSourceIsA503ThatSaysWhy(t *testing.T) {
	h := Handler(sourceFunc(func(context.Context) (Snapshot, error) {
		return example(), errors.New("loop 3 does not answer")
	}), "v1.2.3")
	w := scrape(h, nil)
	if got := w.Body.String(); w.Code != http.StatusServiceUnavailable || got != "no figures: loop 3 does not answer\n" {
		t.Errorf("status %d, %q", w.Code, got)
	}
}

func TestSourceThatDoesNotAnswerIsGivenUpAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(sourceFunc(func(ctx context.Context) (Snapshot, error) {
			<-ctx.Done()
			return Snapshot{}, ctx.Err()
		}), "v1.2.3")
		began := time.Now()
		codes := make(chan int)
		for range 2 {
			go func() { codes <- scrape(h, nil).Code }()
		}
		for range 2 {
			if code := <-codes; code != http.StatusServiceUnavailable {
				t.Errorf("status %d, want 503", code)
			}
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("both scrapes took %v, want 5s", took)
		}
	})
}

// unread is a scraper that does not read until it may.
type unread struct {
	http.ResponseWriter
	writing chan<- struct{}
	may     <-chan struct{}
}

func (u unread) Write(b []byte) (int, error) {
	u.writing <- struct{}{}
	<-u.may
	return u.ResponseWriter.Write(b)
}

func TestScrapersThatDoNotReadHoldFewPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const scrapers = 60
		asked := 0
		h := Handler(sourceFunc(func(context.Context) (Snapshot, error) { asked++; return example(), nil }), "v1.2.3")
		writing, may, codes := make(chan struct{}, scrapers), make(chan struct{}), make(chan int, scrapers)
		for range scrapers {
			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(unread{w, writing, may}, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				codes <- w.Code
			}()
		}
		synctest.Wait()
		if len(writing) != maxPages || asked != maxPages {
			t.Errorf("%d pages are held and %d were made, want %d", len(writing), asked, maxPages)
		}
		<-time.After(scrapeTimeout) // of the test's own clock
		synctest.Wait()             // the others are told
		close(may)
		count := map[int]int{}
		for range scrapers {
			count[<-codes]++
		}
		if count[http.StatusOK] != maxPages || count[http.StatusServiceUnavailable] != scrapers-maxPages {
			t.Errorf("answers by status: %v", count)
		}
		if code := scrape(h, nil).Code; code != http.StatusOK {
			t.Errorf("afterwards: status %d", code)
		}
	})
}

func TestTheFormatIsNegotiated(t *testing.T) {
	h := Handler(sourceFunc(func(context.Context) (Snapshot, error) { return example(), nil }), "v1.2.3")
	for accept, want := range map[string]string{
		"": "text/plain; version=0.0.4",
		"application/openmetrics-text;version=1.0.0": "application/openmetrics-text; version=1.0.0",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain;version=0.0.4": "application/vnd.google.protobuf",
	} {
		w := scrape(h, http.Header{"Accept": {accept}})
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(got, want) {
			t.Errorf("Accept %q: status %d, %s", accept, w.Code, got)
		}
		if strings.HasPrefix(want, "application/openmetrics") && !strings.HasSuffix(w.Body.String(), "\n# EOF\n") {
			t.Errorf("OpenMetrics without its end: %.80q", w.Body)
		}
	}
}

// shown is the family of silence_seconds as a scraper gets it that accepts a format.
func shown(t *testing.T, s Snapshot, accept string) string {
	t.Helper()
	h := Handler(sourceFunc(func(context.Context) (Snapshot, error) { return s, nil }), "v1")
	return scrape(h, http.Header{"Accept": {accept}}).Body.String()
}

func TestSilenceIsAGaugeHistogramWhereTheFormatHasThem(t *testing.T) {
	const openMetrics = "application/openmetrics-text; version=1.0.0"
	for accept, want := range map[string]string{
		openMetrics:  "# TYPE idlegate_silence_seconds gaugehistogram\n",
		"text/plain": "# TYPE idlegate_silence_seconds histogram\n",
	} {
		if page := shown(t, example(), accept); !strings.Contains(page, want) {
			t.Errorf("%s: the page has no %q", accept, want)
		}
	}
}

func TestNativeOnlyLeavesClassicBucketsOut(t *testing.T) {
	s := example()
	s.NativeOnly = true
	page := shown(t, s, "text/plain")
	if n := strings.Count(page, "idlegate_message_gap_seconds_bucket"); n != 1 || !strings.Contains(page, `idlegate_message_gap_seconds_count{route="devices"} 99`) {
		t.Errorf("in text there are %d buckets of message_gap_seconds, want that at infinity alone, and the count:\n%s", n, page)
	}
}
