package kubecheck

import (
	"slices"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// closing is what ending takes after drain_timeout, at most.
const closing = 2 * time.Second

// gateway is a container of a Deployment, with the policy it has.
type gateway struct {
	deployment *apps.Deployment
	container  core.Container
	policy     effective
}

func (g gateway) pod() core.PodSpec { return g.deployment.Spec.Template.Spec }

// port is the number of a port that may be given by its name.
func (g gateway) port(p intstr.IntOrString) int {
	if p.Type == intstr.Int {
		return p.IntValue()
	}
	i := slices.IndexFunc(g.container.Ports, func(has core.ContainerPort) bool { return has.Name == p.StrVal })
	if i < 0 {
		return 0
	}
	return int(g.container.Ports[i].ContainerPort)
}

// gateways are those of a rendering.
func (o objects) gateways(t *testing.T) (all []gateway) {
	t.Helper()
	for _, d := range o.deployments {
		for _, c := range d.Spec.Template.Spec.Containers {
			if c.Name == "idlegate" {
				all = append(all, gateway{d, c, o.policyOf(t, d.Spec.Template.Spec, c)})
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("there is no container idlegate")
	}
	return all
}

func eachGateway(t *testing.T, test func(*testing.T, objects, gateway)) {
	t.Helper()
	eachRendering(t, func(t *testing.T, o objects) {
		for _, g := range o.gateways(t) {
			test(t, o, g)
		}
	})
}

func TestTheKubeletWaitsLongerThanADrain(t *testing.T) {
	eachGateway(t, func(t *testing.T, _ objects, g gateway) {
		grace := time.Duration(*g.pod().TerminationGracePeriodSeconds) * time.Second
		before := time.Duration(g.container.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		end := before + g.policy.drain(t) + closing
		if before <= 0 || grace <= end {
			t.Errorf("the kubelet waits %s; preStop (%s), drain_timeout and closing take %s", grace, before, end)
		}
		for _, c := range g.pod().Containers { // a backend in the same pod is needed until the last connection has ended
			if c.Name != g.container.Name && (c.Lifecycle == nil || time.Duration(c.Lifecycle.PreStop.Sleep.Seconds)*time.Second < end) {
				t.Errorf("container %s may end before the gateway has drained, which takes %s", c.Name, end)
			}
		}
	})
}

func TestAPodIsReplacedBeforeItEnds(t *testing.T) {
	eachRendering(t, func(t *testing.T, o objects) {
		for _, d := range o.deployments {
			if d.Labels["idlegate"] == "sidecar" {
				continue // its strategy is that of the service
			}
			update := d.Spec.Strategy.RollingUpdate
			if update == nil || update.MaxSurge.IntValue() != 1 || update.MaxUnavailable.String() != "0" {
				t.Errorf("it is replaced by %+v", d.Spec.Strategy)
			}
		}
	})
}

func TestProbesGoToTheOpenAddress(t *testing.T) {
	eachGateway(t, func(t *testing.T, _ objects, g gateway) {
		open := portOf(t, g.policy.Admin.Metrics)
		for path, probe := range map[string]*core.Probe{"/readyz": g.container.ReadinessProbe, "/healthz": g.container.LivenessProbe} {
			if get := probe.HTTPGet; get.Path != path || g.port(get.Port) != open {
				t.Errorf("%s is asked at port %d, path %s; admin.metrics is %d", path, g.port(get.Port), get.Path, open)
			}
		}
	})
}

// A pod that is short of CPU answers late. Where that makes it unready, the load balancer takes its node away, and where all are busy, all.
func TestAProbeThatIsAnsweredLateTakesNoPodAway(t *testing.T) {
	eachGateway(t, func(t *testing.T, _ objects, g gateway) {
		for name, probe := range map[string]*core.Probe{"readiness": g.container.ReadinessProbe, "liveness": g.container.LivenessProbe} {
			if probe.TimeoutSeconds < 3 || probe.FailureThreshold < 2 {
				t.Errorf("%s waits for %d s, and for %d failures", name, probe.TimeoutSeconds, probe.FailureThreshold)
			}
		}
	})
}

func TestAServiceLeadsToEveryRoute(t *testing.T) {
	eachGateway(t, func(t *testing.T, o objects, g gateway) {
		open := portOf(t, g.policy.Admin.Metrics)
		var led []int
		for _, s := range o.services {
			if !selects(s.Spec.Selector, g.deployment) {
				continue
			}
			for _, p := range s.Spec.Ports {
				port := g.port(p.TargetPort)
				if port == open && s.Spec.ClusterIP != core.ClusterIPNone {
					t.Errorf("clients' service %s leads to the metrics", s.Name)
				}
				led = append(led, port)
			}
			if s.Spec.Type == core.ServiceTypeLoadBalancer || s.Spec.Type == core.ServiceTypeNodePort {
				if s.Spec.ExternalTrafficPolicy != core.ServiceExternalTrafficPolicyLocal {
					t.Errorf("service %s hides the addresses of clients", s.Name)
				}
			}
		}
		for _, port := range g.policy.ports(t) {
			if !slices.Contains(led, port) {
				t.Errorf("no service leads to port %d, only to %v", port, led)
			}
		}
	})
}

// What nobody needs in the pod's template replaces all pods when it changes, and ends all connections.
func TestTheTemplateHasNoPortOfARoute(t *testing.T) {
	eachGateway(t, func(t *testing.T, _ objects, g gateway) {
		if len(g.container.Ports) != 1 || int(g.container.Ports[0].ContainerPort) != portOf(t, g.policy.Admin.Metrics) {
			t.Errorf("the container's ports are %v", g.container.Ports)
		}
	})
}

func TestNetworkPoliciesLetClientsAndScrapersIn(t *testing.T) {
	eachGateway(t, func(t *testing.T, o objects, g gateway) {
		for _, n := range o.networks {
			if !matches(t, &n.Spec.PodSelector, g.deployment) {
				t.Errorf("network policy %s is not for the gateway", n.Name)
			}
			var open []int // to all
			for _, rule := range n.Spec.Ingress {
				for _, p := range rule.Ports {
					if len(rule.From) == 0 {
						open = append(open, g.port(*p.Port))
					} else if g.port(*p.Port) != portOf(t, g.policy.Admin.Metrics) {
						t.Errorf("network policy %s: only some reach port %s", n.Name, p.Port)
					}
				}
			}
			if want := g.policy.ports(t); !slices.Equal(slices.Sorted(slices.Values(open)), slices.Sorted(slices.Values(want))) {
				t.Errorf("network policy %s opens ports %v, and routes listen on %v", n.Name, open, want)
			}
		}
	})
}

func TestSelectorsSelectTheGateway(t *testing.T) {
	eachGateway(t, func(t *testing.T, o objects, g gateway) {
		if !matches(t, g.deployment.Spec.Selector, g.deployment) {
			t.Error("the deployment does not select its own pods")
		}
		for _, d := range o.disruptions {
			if !matches(t, d.Spec.Selector, g.deployment) {
				t.Errorf("disruption budget %s selects others", d.Name)
			}
		}
		for _, s := range o.scalers {
			if to := s.Spec.ScaleTargetRef; to.Kind != "Deployment" || to.Name != g.deployment.Name {
				t.Errorf("autoscaler %s scales %v", s.Name, to)
			}
			if g.deployment.Spec.Replicas != nil {
				t.Errorf("the file says %d replicas, each time against the autoscaler", *g.deployment.Spec.Replicas)
			}
		}
		for _, spread := range g.pod().TopologySpreadConstraints {
			if !matches(t, spread.LabelSelector, g.deployment) || spread.MaxSkew < 1 {
				t.Errorf("the constraint for %s is %v", spread.TopologyKey, spread)
			}
		}
	})
}

func TestMonitorsFindTheMetrics(t *testing.T) {
	found := 0
	eachGateway(t, func(t *testing.T, o objects, g gateway) {
		for _, m := range o.monitors {
			found++
			chosen, err := meta.LabelSelectorAsSelector(&m.Spec.Selector)
			if err != nil {
				t.Fatal(err)
			}
			var services []*core.Service
			for _, s := range o.services {
				if chosen.Matches(labels.Set(s.Labels)) && s.Namespace == m.Namespace {
					services = append(services, s)
				}
			}
			if len(services) != 1 || !selects(services[0].Spec.Selector, g.deployment) || !services[0].Spec.PublishNotReadyAddresses {
				t.Fatalf("monitor %s finds %v", m.Name, services)
			}
			port := services[0].Spec.Ports[0]
			if port.Name != m.Spec.Endpoints[0].Port || g.port(port.TargetPort) != portOf(t, g.policy.Admin.Metrics) {
				t.Errorf("monitor %s scrapes port %s, the service has %v", m.Name, m.Spec.Endpoints[0].Port, port)
			}
		}
	})
	if found < 2 {
		t.Errorf("%d monitors were looked at", found)
	}
}

// buffer_memory may all be used, and is not the whole of what the gateway takes.
func TestMemoryHasRoomForTheBuffers(t *testing.T) {
	eachGateway(t, func(t *testing.T, _ objects, g gateway) {
		buffers := quantity(t, g.policy.Gateway.BufferMemory)
		if limit := g.container.Resources.Limits.Memory().Value(); limit < 2*buffers {
			t.Errorf("the container may have %d bytes, and buffer_memory is %d", limit, buffers)
		}
	})
}

func selects(selector map[string]string, d *apps.Deployment) bool {
	return len(selector) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(d.Spec.Template.Labels))
}

func matches(t *testing.T, selector *meta.LabelSelector, d *apps.Deployment) bool {
	t.Helper()
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !s.Empty() && s.Matches(labels.Set(d.Spec.Template.Labels))
}
