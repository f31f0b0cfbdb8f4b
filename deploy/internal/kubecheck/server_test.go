package kubecheck

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// The API server itself takes everything, with its defaults, its validation and its rules for what may be in a namespace. It
// stores nothing of it: each is a dry run of the server's.
func TestAPIServerAccepts(t *testing.T) {
	c := startCluster(t)
	for _, namespace := range []string{"edge", "idlegate"} {
		c.must(t, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: "+namespace+
			"\n  labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}\n",
			"apply", "--server-side")
	}
	c.must(t, "", "apply", "-f", "testdata/servicemonitors.yaml")
	c.must(t, "", "wait", "--for=condition=Established", "crd/servicemonitors.monitoring.coreos.com", "--timeout=2m")
	for _, r := range renderings(t) {
		t.Run(r.name, func(t *testing.T) {
			text := r.yaml(t)
			o, err := decode(text)
			if err != nil {
				t.Fatal(err)
			}
			namespace := "edge"
			if ns := o.deployments[0].Namespace; ns != "" {
				namespace = ns
			}
			out := c.must(t, text, "apply", "--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-n", namespace)
			if got := strings.Count(out, "(server dry run)"); got != len(o.all) {
				t.Errorf("%d objects of %d were taken:\n%s", got, len(o.all), out)
			}
			for _, d := range o.deployments { // the rules of a namespace are for pods
				pod := core.Pod{TypeMeta: d.TypeMeta, ObjectMeta: d.Spec.Template.ObjectMeta, Spec: d.Spec.Template.Spec}
				pod.APIVersion, pod.Kind, pod.Name = "v1", "Pod", "pod"
				text, err := yaml.Marshal(pod)
				if err != nil {
					t.Fatal(err)
				}
				c.must(t, string(text), "create", "--dry-run=server", "--validate=strict", "-n", namespace)
			}
		})
	}
}

// What these tests would not notice must be what the server refuses.
func TestAPIServerRefuses(t *testing.T) {
	c := startCluster(t)
	c.must(t, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: edge\n  labels: {pod-security.kubernetes.io/enforce: restricted}\n", "apply", "--server-side")
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\nspec:\n  containers: [{name: a, image: b}]\n"
	for name, test := range map[string]struct{ text, want string }{
		"a pod that may be root": {pod, "violates PodSecurity"},
		"a misspelt field":       {strings.Replace(pod, "image", "imge", 1), "unknown field"},
		"a traffic policy without a load balancer": {
			"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {externalTrafficPolicy: Local, ports: [{port: 7000}]}\n",
			"may only be set for externally-accessible services"},
	} {
		out, err := c.kubectl(t, test.text, "create", "--dry-run=server", "--validate=strict", "-n", "edge")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q: %s", name, err, test.want, out)
		}
	}
}

// cluster is an API server, without nodes.
type cluster struct{ kubeconfig string }

// kubectl runs it with these arguments on an object, if there is text of one.
func (c cluster) kubectl(t *testing.T, object string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"--kubeconfig", c.kubeconfig}, args...)
	if object != "" {
		file := filepath.Join(t.TempDir(), "object.yaml")
		if err := os.WriteFile(file, []byte(object), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--filename", file)
	}
	return runKubectl(t, args...)
}

func (c cluster) must(t *testing.T, object string, args ...string) string {
	t.Helper()
	out, err := c.kubectl(t, object, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return out
}

// startCluster starts etcd and the API server. To build that takes more than all else here, so that is asked for by make
// kubernetes-server.
func startCluster(t *testing.T) cluster {
	t.Helper()
	server := os.Getenv("KUBE_APISERVER")
	if server == "" {
		t.Skip("KUBE_APISERVER names no API server: make kubernetes-server builds one")
	}
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		t.Fatalf("the API server needs etcd: %v", err)
	}
	dir := t.TempDir()
	ports := freePorts(t, 3)
	clients, peers := fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	startProcess(t, etcd, "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers, "--unsafe-no-fsync")
	key, tokens := writeCredentials(t, dir)
	startProcess(t, server, "--etcd-servers", clients, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]),
		"--cert-dir", filepath.Join(dir, "certificates"), "--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC",
		"--token-auth-file", tokens, "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file", key,
		"--service-account-signing-key-file", key,
		"--disable-admission-plugins=ServiceAccount") // no controller makes the accounts that it wants
	c := cluster{filepath.Join(dir, "kubeconfig")}
	config := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"+
		"clusters: [{name: c, cluster: {server: \"https://127.0.0.1:%d\", insecure-skip-tls-verify: true}}]\n"+
		"users: [{name: u, user: {token: admin}}]\n", ports[2])
	if err := os.WriteFile(c.kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(3 * time.Minute); ; {
		out, err := c.kubectl(t, "", "get", "--raw", "/readyz")
		if err == nil && out == "ok" {
			return c
		}
		if time.Now().After(end) {
			t.Fatalf("the API server is not ready: %v: %s", err, out)
		}
		<-time.After(time.Second)
	}
}

// writeCredentials makes the key for service accounts, and the file that gives who has the token admin every right.
func writeCredentials(t *testing.T, dir string) (key, tokens string) {
	t.Helper()
	made, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, tokens = filepath.Join(dir, "key.pem"), filepath.Join(dir, "tokens.csv")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(made)})
	for file, data := range map[string][]byte{key: block, tokens: []byte("admin,admin,1,system:masters\n")} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key, tokens
}

// freePorts are some on loopback on which nobody listens.
func freePorts(t *testing.T, n int) (all []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		all = append(all, l.Addr().(*net.TCPAddr).Port)
	}
	return all
}

// startProcess runs a server until the test ends. What it wrote is shown when the test fails.
func startProcess(t *testing.T, name string, args ...string) {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it keeps nothing
		_ = cmd.Wait()         // it was killed
		if t.Failed() {
			text, err := os.ReadFile(log.Name())
			t.Logf("%s: %v: %.20000s", filepath.Base(name), err, text)
		}
		log.Close()
	})
}
