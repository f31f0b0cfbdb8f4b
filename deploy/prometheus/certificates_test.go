package prometheus_test

import (
	"time"

	"idlegate/deploy/internal/lab"
)

const day = 24 * time.Hour

// expiring has a certificate put in place that is valid for ten days, and another for one.
func (s *stage) expiring() fault {
	dir := s.TempDir()
	put := func(soon, now time.Duration) {
		lab.Certificate(s, dir, "soon", soon)
		lab.Certificate(s, dir, "now", now)
	}
	put(300*day, 300*day)
	const keys = `, tls: {certificates: [{cert: soon.pem, key: soon.key}, {cert: now.pem, key: now.key}]}`
	s.gatewayIn(dir, "expiring", lab.GatewayConfig{Policy: lines("any", patient, keys, lab.StartBackend(s).Address)})
	return fault{
		job:     "expiring",
		provoke: func() { put(10*day, day) },
		mend:    func() { put(300*day, 300*day) },
		fires: []expected{
			{"IdlegateCertificateExpiring", map[string]string{"certificate": "soon.pem"}},
			{"IdlegateCertificateAboutToExpire", map[string]string{"certificate": "now.pem"}},
		},
	}
}
