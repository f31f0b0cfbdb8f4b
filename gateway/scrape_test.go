package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrapeOf is what a gateway answers a scraper after one connection.
func scrapeOf(t *testing.T) []byte {
	t.Helper()
	limited := strings.Replace(oneRoute, "policy: ", "limits: {connections: 100}, policy: ", 1)
	g := start(t, "%s", fmt.Sprintf(limited+`{long: {}}}`, backend(t, echoes)))
	c := g.dial("r")
	c.echo(framed("x"))
	c.finish()
	g.expectEnd("r", "client_fin")
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(newRequest(t, "http://"+g.g.AdminAddress()+"/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the scrape ends with %d, %v: %s", response.StatusCode, err, text)
	}
	return text
}

func newRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func TestPromlintHasNothingToSayOfAScrape(t *testing.T) {
	problems, err := promlint.New(bytes.NewReader(scrapeOf(t))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The reference has a row for each metric of a scrape, with its type and labels, and no other.
func TestTheReferenceHasTheMetricsOfAScrape(t *testing.T) {
	text := section(t, "Metrics")
	want := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (counter|gauge|histogram) \\| ([a-z, ]*) ?\\| .").FindAllStringSubmatch(text, -1) {
		want[m[1]] = describe(m[2], strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' }))
	}
	got := map[string]string{}
	families := familiesOf(t)
	page, err := os.ReadFile("../metrics/testdata/page.txt") // which has those, too, that need certificates, limits, names
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(families, parsed(t, page))
	for name, family := range families {
		if short, ok := strings.CutPrefix(name, "idlegate_"); ok {
			got[short] = describe(strings.ToLower(family.GetType().String()), slices.Collect(maps.Keys(labelsOf(family))))
		}
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-scrape +reference:\n%s", diff)
	}
}

// Every reason, cause and result that a scrape can have is explained in the reference.
func TestTheReferenceExplainsTheLabelsOfAScrape(t *testing.T) {
	families := familiesOf(t)
	for _, test := range []struct{ metric, label, section string }{
		{"connections_closed_total", "reason", "Why connections end"},
		{"connections_refused_total", "cause", "Why connections end"},
		{"upstream_connects_total", "result", "Metrics"},
		{"upstream_closed_total", "reason", "Metrics"},
	} {
		values := labelsOf(families["idlegate_"+test.metric])[test.label]
		if len(values) < 2 {
			t.Errorf("%s has the values %q of %s", test.metric, values, test.label)
		}
		quoted := regexp.MustCompile("`[a-z_]+`").FindAllString(section(t, test.section), -1)
		for _, value := range values {
			if !slices.Contains(quoted, "`"+value+"`") {
				t.Errorf("%s of %s: %q is not explained in %s", test.label, test.metric, value, test.section)
			}
		}
	}
}

func describe(kind string, labels []string) string {
	slices.Sort(labels)
	return kind + "{" + strings.Join(labels, ",") + "}"
}

func familiesOf(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	return parsed(t, scrapeOf(t))
}

func parsed(t *testing.T, page []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// labelsOf are the labels of a metric, with their values.
func labelsOf(family *dto.MetricFamily) map[string][]string {
	labels := map[string][]string{}
	for _, m := range family.GetMetric() {
		for _, label := range m.GetLabel() {
			if name := label.GetName(); !slices.Contains(labels[name], label.GetValue()) {
				labels[name] = append(labels[name], label.GetValue())
			}
		}
	}
	return labels
}

// section is what the reference of the admin server has under a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("admin/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := bytes.Cut(text, []byte("\n## "+heading+"\n"))
	if !found {
		t.Fatalf("the reference has no section %s", heading)
	}
	text, _, _ = bytes.Cut(text, []byte("\n## "))
	return string(text)
}
