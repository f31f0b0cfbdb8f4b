package gateway_test

import (
	"testing"

	"idlegate/gateway/admin/api"
)

func TestTheHistoryHasWhatHappenedInEachMinute(t *testing.T) {
	r := start(t, alarming, 100, backend(t, echoes), ", limits: {connections: 3}")
	var all []*client
	for range 3 {
		c := r.dial("r")
		c.echo("hello")
		all = append(all, c)
	}
	eventually(t, "three are seen open", func() bool { _, most := r.hour(); return most == 3 })
	r.refused("r")
	for _, c := range all {
		c.finish()
	}
	for range 3 {
		r.ended("r", 3)
	}
	eventually(t, "the hour has all of it", func() bool {
		sum, most := r.hour()
		return sum.Opened == 3 && sum.Refused == 1 && sum.ClientBytes == 15 && sum.UpstreamBytes == 15 && sum.Closed["client_fin"] == 3 &&
			most == 3 && sum.OpenedPeak >= 1 && sum.OpenedPeak <= 3 && sum.BytesPeak >= 10 && sum.BytesPeak <= 30
	})
}

// hour adds up the minutes of the route r; of peaks it returns the greatest.
func (r *running) hour() (sum api.Minute, most int64) {
	r.t.Helper()
	all, err := r.g.Histories(r.t.Context(), "r", 60)
	if err != nil {
		r.t.Fatal(err)
	}
	sum.Closed = map[string]uint64{}
	for _, m := range all.Histories[0].Minutes {
		sum.Opened, sum.Refused = sum.Opened+m.Opened, sum.Refused+m.Refused
		sum.ClientBytes, sum.UpstreamBytes = sum.ClientBytes+m.ClientBytes, sum.UpstreamBytes+m.UpstreamBytes
		sum.OpenedPeak, sum.BytesPeak, most = max(sum.OpenedPeak, m.OpenedPeak), max(sum.BytesPeak, m.BytesPeak), max(most, m.OpenMax)
		for reason, n := range m.Closed {
			sum.Closed[reason] += n
		}
	}
	return sum, most
}
