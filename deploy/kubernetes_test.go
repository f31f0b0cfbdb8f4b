package deploy_test

import (
	"path/filepath"
	"testing"

	"idlegate/policy"
)

// clusterMessages has for each route of the policies for Kubernetes a message that its protocol understands.
var clusterMessages = map[string]string{"devices": "\x00\x00\x00\x05hello", "chat": "hello\n"}

// What is around these policies is read by deploy/internal/kubecheck.
func TestPoliciesOfTheClusterServe(t *testing.T) {
	files := []string{"kubernetes/base/idlegate.yaml", "helm/idlegate/idlegate.yaml"}
	overlays, err := filepath.Glob("kubernetes/overlays/*/idlegate.yaml")
	if err != nil || len(overlays) < 2 {
		t.Fatalf("found the overlays %q: %v", overlays, err)
	}
	backend := startEcho(t)
	for _, file := range append(files, overlays...) {
		t.Run(file, func(t *testing.T) {
			cfg, err := policy.Parse(file, []byte(read(t, file)))
			if err != nil {
				t.Fatal(err)
			}
			for _, warning := range cfg.Warnings() {
				t.Error(warning)
			}
			g := start(t, cfg, backend)
			for _, r := range cfg.Routes {
				for _, address := range g.Addresses(r.Name) {
					exchange(t, address, clusterMessages[r.Name])
				}
			}
		})
	}
}
