package policy

// Metrics says how figures are published.
type Metrics struct {
	Histograms Histograms
}

func (m *Metrics) keys() keys {
	return keys{
		{name: "histograms", takes: word(&m.Histograms), standard: "both",
			doc: "`both` publishes histograms with classic buckets and, to scrapers that take them, native ones; `native` leaves the classic buckets out: fewer series, for Prometheus with native histograms only"},
	}
}
