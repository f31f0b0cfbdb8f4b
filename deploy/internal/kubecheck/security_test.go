package kubecheck

import (
	"testing"

	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// By the rules that the API server has for namespaces with pod-security.kubernetes.io/enforce: restricted.
func TestPodsAreRestricted(t *testing.T) {
	rules, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	eachRendering(t, func(t *testing.T, o objects) {
		for _, d := range o.deployments {
			pod := d.Spec.Template
			if result := policy.AggregateCheckResults(rules.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)); !result.Allowed {
				t.Errorf("%s: %s", d.Name, result.ForbiddenDetail())
			}
			for _, c := range pod.Spec.Containers {
				if root := c.SecurityContext.ReadOnlyRootFilesystem; root == nil || !*root {
					t.Errorf("%s: the root of %s is writable", d.Name, c.Name)
				}
				if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s: %s has no bounds", d.Name, c.Name)
				}
			}
			if token := pod.Spec.AutomountServiceAccountToken; token == nil || *token {
				t.Errorf("%s: a token for the API is mounted", d.Name)
			}
		}
	})
}
