package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// scrape reads the gateway's metrics as a scraper does.
func (s *stage) scrape(ctx context.Context) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metricsURL(), nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", s.metricsURL(), response.Status)
	}
	return readFigures(response.Body)
}

// readFigures reads the Prometheus text format into values by name and labels, as they stand there.
func readFigures(r io.Reader) (map[string]float64, error) {
	figures := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		split := strings.LastIndexByte(line, ' ')
		if split < 0 {
			return nil, fmt.Errorf("%q is no sample", line)
		}
		value, err := strconv.ParseFloat(line[split+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no sample: %w", line, err)
		}
		figures[line[:split]] = value
	}
	return figures, lines.Err()
}
