// Command release builds everything that is released of the gateway, the same bytes from the same commit.
//
//	go run -C deploy/release . -source ../.. -out ../../dist
//
// It is a module of its own, so that what packs the gateway (nfpm, go-containerregistry) is not among what the gateway is built of.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	source := flag.String("source", ".", "the root of the repository")
	out := flag.String("out", "dist", "the directory to fill; what an earlier release left there is removed")
	flag.Parse()
	if err := release(*source, *out); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// architectures are Go's names, which are Debian's too.
var architectures = []string{"amd64", "arm64"}

func release(source, out string) error {
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	commit, err := os.MkdirTemp("", "idlegate-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(commit) }()
	if err := checkOut(source, commit); err != nil {
		return err
	}
	for _, arch := range architectures {
		build, err := compile(commit, out, arch)
		if err != nil {
			return err
		}
		for _, step := range []func(*built) error{billOfMaterials, stage, archive, packages, image} {
			if err := step(build); err != nil {
				return fmt.Errorf("%s: %w", arch, err)
			}
		}
	}
	return checksums(out)
}
