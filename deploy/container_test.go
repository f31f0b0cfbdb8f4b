package deploy_test

import (
	"debug/elf"
	"strings"
	"testing"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/docker"
)

func TestBinaryNeedsNothingAround(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		file, err := elf.Open(built.Binary(t, arch))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if file.Machine != machine {
			t.Errorf("%s: it is for %s", arch, file.Machine)
		}
		for _, segment := range file.Progs {
			if segment.Type == elf.PT_INTERP {
				t.Errorf("%s: the binary needs a dynamic loader, which an empty image does not have", arch)
			}
		}
	}
}

func TestImageHoldsTheBinaryAlone(t *testing.T) {
	image := built.Image(t)
	if user := docker.Command(t, "image", "inspect", "--format", "{{.Config.User}} {{len .RootFS.Layers}}", image); user != "65532:65532 1" {
		t.Errorf("user and layers are %s", user)
	}
	out := docker.Command(t, "run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none", image, "version")
	if !strings.HasPrefix(out, "idlegate ") {
		t.Errorf("version: %s", out)
	}
}
