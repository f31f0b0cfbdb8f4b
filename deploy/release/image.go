package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// image writes the container image that deploy/container/Containerfile describes, in the form that docker load reads. An engine would
// date it as of now; here the same commit gives the same digest.
func image(b *built) error {
	layer, err := binaryLayer(b)
	if err != nil {
		return err
	}
	base := mutate.MediaType(empty.Image, "application/vnd.docker.distribution.manifest.v2+json")
	made, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: b.time.UTC()}, CreatedBy: "COPY idlegate /idlegate",
	}})
	if err != nil {
		return err
	}
	config, err := made.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", b.arch, v1.Time{Time: b.time.UTC()}
	config.Config = v1.Config{
		User: "65532:65532", Entrypoint: []string{"/idlegate"}, Cmd: []string{"run", "-c", "/etc/idlegate/idlegate.yaml"},
		StopSignal: "SIGTERM", Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/idlegate", "status", "--ready"}},
		Labels: map[string]string{
			"org.opencontainers.image.title": "idlegate", "org.opencontainers.image.licenses": "Apache-2.0",
			"org.opencontainers.image.version": b.version(), "org.opencontainers.image.revision": b.setting("vcs.revision"),
		},
	}
	if made, err = mutate.ConfigFile(made, config); err != nil {
		return err
	}
	tag, err := name.NewTag("idlegate:"+imageTag(b.version()), name.WithDefaultRegistry(""))
	if err != nil {
		return err
	}
	return tarball.WriteToFile(b.name("-image.tar"), tag, made)
}

// imageTag is a version in the letters that a tag may have.
func imageTag(version string) string { return notInNames.ReplaceAllString(version, ".") }

// binaryLayer is the one layer, with the one file.
func binaryLayer(b *built) (v1.Layer, error) {
	data, err := os.ReadFile(b.binary)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: "idlegate", Mode: 0o755, Size: int64(len(data)), ModTime: b.time, Format: tar.FormatPAX}); err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
}
