package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// process is a gateway in a process of its own.
type process struct {
	t       *testing.T
	command *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Scanner
	log     *logLines
	address string // of route r
	admin   string
}

// spawn runs a gateway with the policy in yaml, as start does. It ends with the test, and must end well.
func spawn(t *testing.T, yaml string, addresses ...any) *process {
	t.Helper()
	p := &process{t: t, command: exec.Command(os.Args[0]), log: &logLines{}}
	p.command.Env = append(os.Environ(), processPolicy+"=admin: {listen: \"127.0.0.1:0\"}\n"+fmt.Sprintf(yaml, addresses...))
	p.command.Stderr = p.log
	orders, err := p.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	p.orders, p.answers = orders, bufio.NewScanner(answers)
	t.Cleanup(func() {
		orders.Close()
		limit := time.AfterFunc(patience, func() { _ = p.command.Process.Kill() })
		defer limit.Stop()
		if err := p.command.Wait(); err != nil {
			t.Errorf("the gateway's process: %v\n%s", err, tail(p.log.String()))
		}
	})
	p.address, p.admin = p.answer(), p.answer()
	return p
}

// tail returns the end of a log.
func tail(log string) string { return log[max(0, len(log)-2000):] }

// answer reads the next line that the process writes.
func (p *process) answer() string {
	p.t.Helper()
	if !p.answers.Scan() {
		p.t.Fatalf("the gateway's process says nothing: %v\n%s", p.answers.Err(), tail(p.log.String()))
	}
	return p.answers.Text()
}

// order makes the process do something and returns what it answers.
func (p *process) order(words ...any) string {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.orders, words...); err != nil {
		p.t.Fatal(err)
	}
	return p.answer()
}

// file reads a file of the process in /proc.
func (p *process) file(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.command.Process.Pid, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// cpu returns the processor time that the process has used, in steps of 10 ms.
func (p *process) cpu() time.Duration {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.file("stat"), ") ") // behind the name, which may have spaces
	fields := strings.Fields(rest)
	const user, system = 14 - 3, 15 - 3 // proc(5) counts from 1, and rest begins with the third
	return ticks(p.t, fields[user]) + ticks(p.t, fields[system])
}

// ticks reads a time in USER_HZ, which is 100 wherever Go runs on Linux.
func ticks(t *testing.T, field string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(field)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * 10 * time.Millisecond
}

// pss returns the process's share of memory, in bytes.
func (p *process) pss() int {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.file("smaps_rollup"), "\nPss:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return kilobytes << 10
}

// heap returns the bytes on the process's heap that are in use.
func (p *process) heap() int {
	p.t.Helper()
	n, err := strconv.Atoi(p.order("heap"))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// page is a scraped /metrics.
type page struct {
	t        *testing.T
	families map[string]*dto.MetricFamily
}

func (p *process) scrape() page {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.admin+"/metrics", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return page{p.t, families}
}

// metric returns the first series of a metric that has all the label values.
func (p page) metric(name string, values ...string) *dto.Metric {
	p.t.Helper()
	for _, m := range p.families["idlegate_"+name].GetMetric() {
		found := 0
		for _, label := range m.GetLabel() {
			for _, value := range values {
				if label.GetValue() == value {
					found++
				}
			}
		}
		if found == len(values) {
			return m
		}
	}
	p.t.Fatalf("no %s of %q", name, values)
	return nil
}

func (p page) count(name string, values ...string) int {
	p.t.Helper()
	m := p.metric(name, values...)
	return int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
}

// quantile returns the bound of a histogram's bucket within which a share of what was observed lies.
func quantile(h *dto.Histogram, share float64) string {
	for _, bucket := range h.GetBucket() {
		if float64(bucket.GetCumulativeCount()) >= share*float64(h.GetSampleCount()) {
			return fmt.Sprintf("%gs", bucket.GetUpperBound())
		}
	}
	return "more"
}
