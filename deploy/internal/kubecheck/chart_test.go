package kubecheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
)

func TestChartIsWithoutFault(t *testing.T) {
	values, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range append([]string{""}, values...) {
		lint := []string{"lint", "--strict", chart}
		if args != "" {
			lint = append(lint, "--values", args)
		}
		out, err := runHelm(t, lint...)
		if err != nil || strings.Contains(out, "[WARNING]") {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// What cannot work is refused before anything is installed.
func TestChartRefuses(t *testing.T) {
	policy := func(text string) string {
		file := filepath.Join(t.TempDir(), "idlegate.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "--set-file=policy=" + file
	}
	for name, test := range map[string]struct{ arg, want string }{
		"a value that it does not know": {"--set=replica=3", "additional properties 'replica' not allowed"},
		"a replica too few":             {"--set=replicas=-1", "minimum"},
		"a policy that is no YAML":      {policy("routes: ["), "policy: error converting YAML"},
		"a policy without routes":       {policy("admin: {metrics: \":9181\"}\n"), "no route listens on a port"},
		"metrics that are not served":   {policy("routes: [{listen: \":7000\"}]\n"), `admin.metrics is ""`},
		"metrics on loopback": {policy("admin: {metrics: \"127.0.0.1:9181\"}\nroutes: [{listen: \":7000\"}]\n"),
			`admin.metrics is "127.0.0.1:9181"`},
		"a drain that may last for ever": {
			policy("admin: {metrics: \":9181\"}\ngateway: {drain_timeout: none}\nroutes: [{listen: \":7000\"}]\n"),
			`gateway.drain_timeout is "none"`},
		"a route without a port":             {policy("admin: {metrics: \":9181\"}\nroutes: [{listen: here}]\n"), "here has no port"},
		"a traffic policy that there is not": {"--set=service.externalTrafficPolicy=local", "must be one of"},
		"a digest that is none":              {"--set=image.digest=sha256:12", "does not match pattern"},
		"no time before the end":             {"--set=preStopSeconds=0", "minimum"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runHelm(t, "template", "gate", chart, test.arg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q: %s", err, test.want, out)
			}
		})
	}
}

// An edit of the policy must not replace pods: that ends connections which the edit by itself leaves open.
func TestAnEditOfThePolicyReplacesNoPod(t *testing.T) {
	before, err := decode(template(t))
	if err != nil {
		t.Fatal(err)
	}
	text := before.policies[0].Data["idlegate.yaml"]
	edited := strings.NewReplacer("90s", "60s", "listen: 0.0.0.0:7000", `listen: ["0.0.0.0:7000", "0.0.0.0:7443"]`).Replace(text)
	file := filepath.Join(t.TempDir(), "idlegate.yaml")
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	after, err := decode(template(t, "--set-file", "policy="+file))
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(before.deployments[0].Spec, after.deployments[0].Spec); difference != "" {
		t.Errorf("the deployment changes:\n%s", difference)
	}
	if got := strings.TrimSpace(after.policies[0].Data["idlegate.yaml"]); got != strings.TrimSpace(edited) {
		t.Errorf("the policy becomes\n%s", got)
	}
	if ports := after.services[0].Spec.Ports; len(ports) != 2 || ports[1].Port != 7443 {
		t.Errorf("the service has the ports %v", ports)
	}
}

// The chart and the base are two ways to the same.
func TestChartAndBaseAgree(t *testing.T) {
	byChart, err := decode(template(t))
	if err != nil {
		t.Fatal(err)
	}
	byBase, err := decode(kustomize(t, kubernetes+"/base"))
	if err != nil {
		t.Fatal(err)
	}
	if len(byChart.all) != len(byBase.all) {
		t.Errorf("the chart makes %d objects, and the base %d", len(byChart.all), len(byBase.all))
	}
	pods := [2]core.PodSpec{}
	for i, o := range []objects{byChart, byBase} {
		pods[i] = *o.deployments[0].Spec.Template.Spec.DeepCopy()
		for c := range pods[i].Containers { // tags differ, and with them how they are pulled
			pods[i].Containers[c].Image, pods[i].Containers[c].ImagePullPolicy = "", ""
		}
		for c := range pods[i].TopologySpreadConstraints { // labels are the chart's own
			pods[i].TopologySpreadConstraints[c].LabelSelector = nil
		}
		for v := range pods[i].Volumes { // and so are names
			pods[i].Volumes[v].ConfigMap.Name = ""
		}
	}
	if difference := cmp.Diff(pods[1], pods[0]); difference != "" {
		t.Errorf("the pods differ, base and chart:\n%s", difference)
	}
	policy := func(o objects) string { return strings.TrimSpace(o.policies[0].Data["idlegate.yaml"]) }
	if difference := cmp.Diff(policy(byBase), policy(byChart)); difference != "" {
		t.Errorf("the policies differ, base and chart:\n%s", difference)
	}
}

func TestChartIsPacked(t *testing.T) {
	dir := t.TempDir()
	if out, err := runHelm(t, "package", chart, "--destination", dir); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	packed, err := filepath.Glob(dir + "/idlegate-*.tgz")
	if err != nil || len(packed) != 1 {
		t.Fatalf("found %q: %v", packed, err)
	}
	out, err := runHelm(t, "template", "gate", packed[0], "--namespace", "edge")
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(template(t), out); difference != "" {
		t.Errorf("packed it makes something else:\n%s", difference)
	}
}
