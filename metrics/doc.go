// Package metrics holds every figure the gateway gives away and turns them into a Prometheus page.
//
// It knows no policy and no sockets. Who counts keeps plain data (an event loop has its own Histograms, which no one
// else writes) and hands out a copy as a Snapshot when asked; Handler asks once per scrape and builds the page from that
// Snapshot alone, so that a route which is gone takes its series with it.
//
//	http.Handle("/metrics", metrics.Handler(gateway, version))
//
// Names, labels and units are public interface. Every histogram is exposed as classic and as native in the same metric: an
// old scraper reads the buckets with decimal bounds, a new one takes those of a fixed ratio.
package metrics
