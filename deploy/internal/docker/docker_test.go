package docker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idlegate/deploy/internal/docker"
)

func TestWhatATestHasMadeIsRemovedWithIt(t *testing.T) {
	docker.Needs(t)
	folder := t.TempDir()
	write(t, filepath.Join(folder, "Containerfile"), "FROM scratch\nCOPY file /file\nCMD [\"/file\"]\n")
	write(t, filepath.Join(folder, "file"), "no program")
	var image, network string
	t.Run("making", func(t *testing.T) {
		image = docker.Build(t, filepath.Join(folder, "Containerfile"), folder)
		network = docker.Network(t)
		docker.Command(t, "image", "inspect", image)
		docker.Command(t, "network", "inspect", network)
	})
	for _, what := range [][]string{{"image", image}, {"network", network}} {
		if out, err := docker.Try(t, what[0], "inspect", what[1]); err == nil {
			t.Errorf("the %s is still there: %s", what[0], out)
		}
	}
}

// Tests of several packages run at one time, and build the same image.
func TestTheEndOfATestLeavesOthersTheirImages(t *testing.T) {
	docker.Needs(t)
	folder := t.TempDir()
	write(t, filepath.Join(folder, "Containerfile"), "FROM scratch\nCOPY file /file\nCMD [\"/file\"]\n")
	write(t, filepath.Join(folder, "file"), "the same in both")
	mine := docker.Build(t, filepath.Join(folder, "Containerfile"), folder)
	t.Run("another", func(t *testing.T) { docker.Build(t, filepath.Join(folder, "Containerfile"), folder) })
	docker.Command(t, "image", "inspect", mine)
}

func TestAFailedCommandSaysWhatDockerSaid(t *testing.T) {
	docker.Needs(t)
	if _, err := docker.Try(t, "inspect", "idlegate-no-such-thing"); err == nil || !strings.Contains(err.Error(), "No such object") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
