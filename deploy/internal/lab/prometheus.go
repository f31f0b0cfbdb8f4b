package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Prometheus is the real server, in a process of its own.
type Prometheus struct {
	URL string // set once, then read only
	t   testing.TB
}

// PrometheusConfig says what it scrapes, and how.
type PrometheusConfig struct {
	Config string // the configuration file; files that it names are in Dir
	Dir    string
	Flags  []string // beside those that a test needs
}

// NativeHistograms is the flag that has Prometheus keep native histograms.
const NativeHistograms = "--enable-feature=native-histograms"

var webListens = regexp.MustCompile(`component=web msg="Listening on" address=(\S+)`)

// StartPrometheus starts a server on a free port of loopback and waits until it is ready.
func StartPrometheus(t testing.TB, cfg PrometheusConfig) *Prometheus {
	t.Helper()
	Needs(t, "prometheus")
	file := filepath.Join(cfg.Dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(cfg.Config), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(cfg.Dir, "data"), "--web.listen-address=127.0.0.1:0",
	}, cfg.Flags...)
	cmd := exec.Command("prometheus", args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := &prometheusLog{address: make(chan string, 1), over: make(chan struct{})}
	go log.follow(stderr)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		<-log.over
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the log of Prometheus:\n%s", log.text)
		}
	})
	select {
	case address := <-log.address:
		return PrometheusAt(t, address)
	case <-log.over:
		t.Fatal("Prometheus did not start")
		return nil
	}
}

// PrometheusAt is a server that runs already, or is about to, at an address. It waits until that is ready.
func PrometheusAt(t testing.TB, address string) *Prometheus {
	t.Helper()
	p := &Prometheus{URL: "http://" + address, t: t}
	Until(t, "Prometheus is ready", func() bool {
		_, err := p.get("/-/ready", nil)
		return err == nil
	})
	return p
}

// prometheusLog is what the server writes to standard error.
type prometheusLog struct {
	address chan string   // where it listens, once
	over    chan struct{} // closed at its end
	text    []byte        // to be read once it is over
}

func (l *prometheusLog) follow(stderr io.Reader) {
	defer close(l.over)
	var once sync.Once
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if m := webListens.FindStringSubmatch(lines.Text()); m != nil {
			once.Do(func() { l.address <- m[1] })
		}
		if len(l.text) < logKept {
			l.text = append(l.text, lines.Text()+"\n"...)
		}
	}
}

// Sample is one series of an answer, with its value at that instant. That of a native histogram is its count.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query evaluates an expression as of now.
func (p *Prometheus) Query(expr string) ([]Sample, error) {
	var answer struct {
		Type   string `json:"resultType"`
		Result json.RawMessage
	}
	if err := p.ask("/api/v1/query", url.Values{"query": {expr}}, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	if answer.Type != "vector" {
		return nil, fmt.Errorf("%s: it gives a %s, not a vector", expr, answer.Type)
	}
	var vector []struct {
		Metric    map[string]string
		Value     [2]any
		Histogram [2]json.RawMessage
	}
	if err := json.Unmarshal(answer.Result, &vector); err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	var samples []Sample
	for _, row := range vector {
		text, _ := row.Value[1].(string)
		if row.Histogram[1] != nil {
			var histogram struct{ Count string }
			if err := json.Unmarshal(row.Histogram[1], &histogram); err != nil {
				return nil, fmt.Errorf("%s: %w", expr, err)
			}
			text = histogram.Count
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", expr, err)
		}
		samples = append(samples, Sample{row.Metric, value})
	}
	return samples, nil
}

// Values are the values of a label among the series that match.
func (p *Prometheus) Values(label, match string) (values []string, err error) {
	err = p.ask("/api/v1/label/"+label+"/values", url.Values{"match[]": {match}}, &values)
	return values, err
}

// Alert is an alert that is pending or firing.
type Alert struct {
	Labels, Annotations map[string]string
	State               string
}

// Alerts are those that are pending or firing.
func (p *Prometheus) Alerts() ([]Alert, error) {
	var answer struct{ Alerts []Alert }
	err := p.ask("/api/v1/alerts", nil, &answer)
	return answer.Alerts, err
}

// ask calls the API and reads the data of its answer.
func (p *Prometheus) ask(path string, query url.Values, data any) error {
	body, err := p.get(path, query)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, &struct{ Data any }{data})
}

func (p *Prometheus) get(path string, query url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return body, err
}
