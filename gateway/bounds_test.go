package gateway

import (
	"path/filepath"
	"strings"
	"testing"

	"idlegate/gateway/internal/relay"
	"idlegate/policy"
)

func TestFewDescriptorsAreToldOfAtTheStart(t *testing.T) {
	for _, row := range []struct {
		name        string
		settings    policy.Gateway
		descriptors int
		admission   *relay.Admission
		want        bool
	}{
		{name: "a usual limit of shells", descriptors: 1024, want: true},
		{name: "enough", descriptors: 4096},
		{name: "as few as the policy file asks for", settings: policy.Gateway{MaxConnections: 100}, descriptors: 1024},
		{name: "an edit, long after the start", descriptors: 1024, admission: relay.NewAdmission(1, relay.Wait)},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			g := &Gateway{log: journalOf(t, policy.Log{File: policy.File{Path: path}}), admission: row.admission}
			row.settings.BufferMemory = 1 << 30
			g.bounds(&policy.Config{Gateway: row.settings}, row.descriptors, 2)
			g.log.close()
			if got := strings.Contains(contentOf(t, path), "the descriptor limit leaves room for few connections"); got != row.want {
				t.Errorf("the log tells: %v, want %v:\n%s", got, row.want, contentOf(t, path))
			}
		})
	}
}
