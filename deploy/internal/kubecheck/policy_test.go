package kubecheck

import (
	"bytes"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// effective has of a policy's effective file, with every default filled in, what the cluster must fit.
type effective struct {
	Admin struct {
		Metrics string `json:"metrics"`
	} `json:"admin"`
	Gateway struct {
		BufferMemory string `json:"buffer_memory"`
		DrainTimeout string `json:"drain_timeout"`
	} `json:"gateway"`
	Routes []struct {
		Listen addresses `json:"listen"`
	} `json:"routes"`
}

// addresses are one, or a list.
type addresses []string

func (a *addresses) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return yaml.Unmarshal(data, (*[]string)(a))
	}
	*a = make(addresses, 1)
	return yaml.Unmarshal(data, &(*a)[0])
}

// ports are those on which the routes listen, each once.
func (e effective) ports(t *testing.T) (all []int) {
	t.Helper()
	for _, route := range e.Routes {
		for _, address := range route.Listen {
			if port := portOf(t, address); port != 0 && !slices.Contains(all, port) {
				all = append(all, port)
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("the policy listens on no port")
	}
	return all
}

// portOf is that of an address, 0 of a unix socket.
func portOf(t *testing.T, address string) int {
	t.Helper()
	if strings.HasPrefix(address, "unix:") {
		return 0
	}
	port, err := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (e effective) drain(t *testing.T) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(e.Gateway.DrainTimeout)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// quantity is a size of the policy file, in bytes.
func quantity(t *testing.T, size string) int64 {
	t.Helper()
	q, err := resource.ParseQuantity(strings.TrimSuffix(size, "B"))
	if err != nil {
		t.Fatal(err)
	}
	return q.Value()
}

// check lets the gateway check a policy, in which nothing may be wrong or doubtful, and returns the effective one. Names of the
// cluster, and files that it mounts, are not to be found here.
func check(t *testing.T, text string) (e effective) {
	t.Helper()
	if known, ok := checked[text]; ok {
		return known
	}
	cmd := exec.CommandContext(t.Context(), idlegate, "check", "--offline", "--strict", "--print", "-")
	cmd.Stdin = strings.NewReader(text)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("idlegate check: %v: %s", err, problems.String())
	}
	if err := yaml.Unmarshal(out.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	checked[text] = e
	return e
}

// checked has the effective policies of those that were checked: tests look at the same ones, one after the other.
var checked = map[string]effective{}

// policyOf is the policy that a container of the gateway reads: it is mounted as the directory of a ConfigMap, so that edits
// come through.
func (o objects) policyOf(t *testing.T, pod core.PodSpec, gateway core.Container) effective {
	t.Helper()
	file := gateway.Args[len(gateway.Args)-1]
	for _, mount := range gateway.VolumeMounts {
		if mount.MountPath != path.Dir(file) {
			continue
		}
		if mount.SubPath != "" || !mount.ReadOnly {
			t.Errorf("%s is mounted by the path %q below, read only: %t", file, mount.SubPath, mount.ReadOnly)
		}
		for _, volume := range pod.Volumes {
			if volume.Name != mount.Name || volume.ConfigMap == nil {
				continue
			}
			for _, c := range o.policies {
				if text := c.Data[path.Base(file)]; c.Name == volume.ConfigMap.Name && text != "" {
					return check(t, text)
				}
			}
		}
	}
	t.Fatalf("no ConfigMap is mounted that has %s", file)
	return effective{}
}
