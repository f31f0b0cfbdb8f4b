package kubecheck

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	helm "helm.sh/helm/v4/pkg/cmd"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

// runKubectl runs kubectl with these arguments and returns what it wrote to standard output.
func runKubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, errors bytes.Buffer
	cmd := kubectl.NewKubectlCommand(kubectl.KubectlOptions{
		ConfigFlags: genericclioptions.NewConfigFlags(true),
		IOStreams:   genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errors},
	})
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errors)
	// Errors of the server would end the process.
	var fatal string
	util.BehaviorOnFatal(func(message string, _ int) { fatal = message; panic(fatalError{}) })
	defer util.DefaultBehaviorOnFatal()
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				if _, ours := p.(fatalError); !ours {
					panic(p)
				}
				err = fmt.Errorf("kubectl %q: %s", args, fatal)
			}
		}()
		return cmd.ExecuteContext(t.Context())
	}()
	if errors.Len() > 0 {
		t.Logf("kubectl %q: %s", args, errors.String())
	}
	return out.String(), err
}

// fatalError is what kubectl's end by an error is turned into.
type fatalError struct{}

// runHelm runs Helm with these arguments and returns what it wrote to standard output.
func runHelm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if args[0] == "template" || args[0] == "lint" { // how it is released it knows which version it was built for
		args = append(args, "--kube-version", "1.37.2")
	}
	var out bytes.Buffer
	cmd, err := helm.NewRootCmd(&out, args, func(bool) {})
	if err != nil {
		t.Fatal(err)
	}
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard) // the error that Execute returns says the same
	cmd.SilenceUsage = true
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}
