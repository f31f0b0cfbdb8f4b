package deploy_test

import (
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy"
)

// object has of Kubernetes' objects what must fit together.
type object struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Data map[string]string `yaml:"data"` // of a ConfigMap
	Spec struct {
		Template struct {
			Metadata struct {
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"metadata"`
			Spec pod `yaml:"spec"`
		} `yaml:"template"` // of a Deployment
		Selector any    `yaml:"selector"`
		Ports    []port `yaml:"ports"` // of a Service
	} `yaml:"spec"`
}

type pod struct {
	Grace      int         `yaml:"terminationGracePeriodSeconds"`
	Containers []container `yaml:"containers"`
	Volumes    []struct {
		Name      string `yaml:"name"`
		ConfigMap struct {
			Name string `yaml:"name"`
		} `yaml:"configMap"`
	} `yaml:"volumes"`
}

type container struct {
	Args      []string `yaml:"args"`
	Ports     []port   `yaml:"ports"`
	Readiness probe    `yaml:"readinessProbe"`
	Liveness  probe    `yaml:"livenessProbe"`
	Lifecycle struct {
		PreStop struct {
			Sleep struct {
				Seconds int `yaml:"seconds"`
			} `yaml:"sleep"`
		} `yaml:"preStop"`
	} `yaml:"lifecycle"`
	Mounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		SubPath   string `yaml:"subPath"`
	} `yaml:"volumeMounts"`
}

type port struct {
	Name          string `yaml:"name"`
	ContainerPort int    `yaml:"containerPort"`
	TargetPort    string `yaml:"targetPort"`
}

type probe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
		Port string `yaml:"port"`
	} `yaml:"httpGet"`
}

// cluster is the Kubernetes example.
type cluster struct {
	configMap, deployment, service object
	policy                         *policy.Config
}

const (
	clusterFile = "kubernetes/idlegate.yaml"
	policyKey   = "idlegate.yaml"
)

// readCluster reads the example; in its policy nothing may be wrong or doubtful.
func readCluster(t *testing.T) cluster {
	t.Helper()
	var c cluster
	decoder := yaml.NewDecoder(strings.NewReader(read(t, clusterFile)))
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]*object{"ConfigMap": &c.configMap, "Deployment": &c.deployment, "Service": &c.service}
		if known[o.Kind] == nil || known[o.Kind].Kind != "" {
			t.Fatalf("%s has a %s more than this test knows", clusterFile, o.Kind)
		}
		*known[o.Kind] = o
	}
	cfg, err := policy.Parse(policyKey, []byte(c.configMap.Data[policyKey]))
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range cfg.Warnings() {
		t.Error(warning)
	}
	c.policy = cfg
	if n := len(c.deployment.Spec.Template.Spec.Containers); n != 1 {
		t.Fatalf("the pod has %d containers, not 1", n)
	}
	return c
}

func (c cluster) pod() pod { return c.deployment.Spec.Template.Spec }

func (c cluster) container() container { return c.pod().Containers[0] }

// named returns the container's port of that name.
func (c cluster) named(name string) int {
	i := slices.IndexFunc(c.container().Ports, func(p port) bool { return p.Name == name })
	if i < 0 {
		return 0
	}
	return c.container().Ports[i].ContainerPort
}

func TestClusterPolicyServes(t *testing.T) {
	c := readCluster(t)
	g := start(t, c.policy, startEcho(t))
	for _, address := range g.Addresses("devices") {
		exchange(t, address, "\x00\x00\x00\x05hello")
	}
}

// A file mounted by itself never changes while the pod runs; in a directory it is what the last edit made it.
func TestClusterTakesEditsUp(t *testing.T) {
	c := readCluster(t)
	args := c.container().Args
	file := args[len(args)-1]
	if path.Base(file) != policyKey {
		t.Errorf("the gateway reads %s, and the ConfigMap has %s", file, policyKey)
	}
	for _, mount := range c.container().Mounts {
		if mount.MountPath != path.Dir(file) {
			continue
		}
		if mount.SubPath != "" {
			t.Errorf("%s is mounted by subPath", mount.MountPath)
		}
		for _, volume := range c.pod().Volumes {
			if volume.Name == mount.Name && volume.ConfigMap.Name == c.configMap.Metadata.Name {
				return
			}
		}
	}
	t.Errorf("no directory with the ConfigMap is mounted at %s", path.Dir(file))
}

func TestClusterIsProbedAndScrapedAtTheOpenAddress(t *testing.T) {
	c := readCluster(t)
	open := int(c.policy.Admin.Metrics.Port)
	for _, probe := range []struct {
		path string
		of   probe
	}{{"/readyz", c.container().Readiness}, {"/healthz", c.container().Liveness}} {
		if get := probe.of.HTTPGet; get.Path != probe.path || c.named(get.Port) != open {
			t.Errorf("%s is asked at port %d, path %s; admin.metrics is %d", probe.path, c.named(get.Port), get.Path, open)
		}
	}
	for key, want := range map[string]string{
		"prometheus.io/scrape": "true", "prometheus.io/path": "/metrics", "prometheus.io/port": strconv.Itoa(open),
	} {
		if got := c.deployment.Spec.Template.Metadata.Annotations[key]; got != want {
			t.Errorf("annotation %s is %q, not %q", key, got, want)
		}
	}
}

func TestClusterLeadsToTheRoutes(t *testing.T) {
	c := readCluster(t)
	for _, r := range c.policy.Routes {
		if got := c.named(r.Name); got != int(r.Listen[0].Port) {
			t.Errorf("the container's port %s is %d, and the route listens on %s", r.Name, got, r.Listen[0])
		}
		if !slices.ContainsFunc(c.service.Spec.Ports, func(p port) bool { return p.TargetPort == r.Name }) {
			t.Errorf("the service has no port for route %s", r.Name)
		}
	}
	chosen, ok := c.service.Spec.Selector.(map[string]any)
	if !ok || len(chosen) == 0 {
		t.Fatal("the service selects nothing")
	}
	for key, value := range chosen {
		if c.deployment.Spec.Template.Metadata.Labels[key] != value {
			t.Errorf("the service selects %s=%v, which no pod has", key, value)
		}
	}
}

func TestClusterWaitsLongerThanADrain(t *testing.T) {
	c := readCluster(t)
	patience := time.Duration(c.pod().Grace) * time.Second
	before := time.Duration(c.container().Lifecycle.PreStop.Sleep.Seconds) * time.Second
	if need := before + c.policy.Gateway.DrainTimeout + closing; patience < need {
		t.Errorf("the kubelet waits %s, and preStop, drain and closing take %s", patience, need)
	}
}
