package kubecheck

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	network "k8s.io/api/networking/v1"
	disruption "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// rendering is something that a user gives a cluster, as YAML.
type rendering struct {
	name string
	yaml func(*testing.T) string
}

// renderings are those of all overlays, and of the chart with several values.
func renderings(t *testing.T) (all []rendering) {
	t.Helper()
	overlays, err := filepath.Glob(kubernetes + "/overlays/*")
	if err != nil || len(overlays) == 0 {
		t.Fatalf("found the overlays %q: %v", overlays, err)
	}
	for _, dir := range append(overlays, kubernetes+"/base") {
		all = append(all, rendering{"kustomize " + filepath.Base(dir), func(t *testing.T) string { return kustomize(t, dir) }})
	}
	values, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(values) == 0 {
		t.Fatalf("found the values %q: %v", values, err)
	}
	all = append(all, rendering{"helm", func(t *testing.T) string { return template(t) }})
	for _, file := range values {
		all = append(all, rendering{"helm " + filepath.Base(file), func(t *testing.T) string { return template(t, "--values", file) }})
	}
	return all
}

func kustomize(t *testing.T, dir string) string {
	t.Helper()
	out, err := runKubectl(t, "kustomize", dir)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func template(t *testing.T, args ...string) string {
	t.Helper()
	out, err := runHelm(t, append([]string{"template", "gate", chart, "--namespace", "edge"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// objects are those of a rendering, each of its Go type.
type objects struct {
	all         []runtime.Object
	deployments []*apps.Deployment
	services    []*core.Service
	policies    []*core.ConfigMap
	networks    []*network.NetworkPolicy
	disruptions []*disruption.PodDisruptionBudget
	scalers     []*autoscaling.HorizontalPodAutoscaler
	monitors    []*monitoring.ServiceMonitor
}

// decode reads objects strictly: an unknown field, a field that is there twice or a kind that nobody knows is an error.
func decode(text string) (o objects, err error) {
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, monitoring.AddToScheme} {
		if err := add(types); err != nil {
			return o, err
		}
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, types, types, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return o, nil
		}
		if err != nil {
			return o, err
		}
		if content, err := yaml.ToJSON(document); err == nil && string(content) == "null" {
			continue // nothing but comments, of a template that is switched off
		}
		object, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			return o, fmt.Errorf("%w in\n%s", err, document)
		}
		if err := o.add(object); err != nil {
			return o, err
		}
	}
}

func (o *objects) add(object runtime.Object) error {
	o.all = append(o.all, object)
	switch object := object.(type) {
	case *apps.Deployment:
		o.deployments = append(o.deployments, object)
	case *core.Service:
		o.services = append(o.services, object)
	case *core.ConfigMap:
		o.policies = append(o.policies, object)
	case *network.NetworkPolicy:
		o.networks = append(o.networks, object)
	case *disruption.PodDisruptionBudget:
		o.disruptions = append(o.disruptions, object)
	case *autoscaling.HorizontalPodAutoscaler:
		o.scalers = append(o.scalers, object)
	case *monitoring.ServiceMonitor:
		o.monitors = append(o.monitors, object)
	case *core.Namespace:
	default:
		return fmt.Errorf("a %T, of which these tests know nothing", object)
	}
	return nil
}

// eachRendering runs a test on the objects of every rendering.
func eachRendering(t *testing.T, test func(*testing.T, objects)) {
	t.Helper()
	for _, r := range renderings(t) {
		t.Run(r.name, func(t *testing.T) {
			o, err := decode(r.yaml(t))
			if err != nil {
				t.Fatal(err)
			}
			test(t, o)
		})
	}
}

func TestDecodingIsStrict(t *testing.T) {
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports: [{port: 1}]\n"
	for name, test := range map[string]struct{ text, want string }{
		"as it should be":       {service, ""},
		"a field nobody knows":  {service + "  externalTraficPolicy: Local\n", `unknown field "spec.externalTraficPolicy"`},
		"a field twice":         {service + "  type: NodePort\n  type: ClusterIP\n", "already set"},
		"a value of a bad type": {strings.Replace(service, "port: 1", "port: one", 1), "cannot unmarshal string"},
		"a kind nobody knows":   {strings.Replace(service, "Service", "Servic", 1), "no kind"},
	} {
		_, err := decode(test.text)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
