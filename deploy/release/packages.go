package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // a packager
	_ "github.com/goreleaser/nfpm/v2/rpm" // another
)

// packages makes the deb and the rpm by deploy/package/nfpm.yaml.
func packages(b *built) error {
	values := map[string]string{
		"VERSION": packageVersion(b.version()), "ARCH": b.arch, "ROOT": b.staged,
	}
	// nfpm dates by it what is no file.
	if err := os.Setenv("SOURCE_DATE_EPOCH", fmt.Sprint(b.time.Unix())); err != nil {
		return err
	}
	config, err := nfpm.ParseFileWithEnvMapping(filepath.Join(b.source, "deploy/package/nfpm.yaml"), func(key string) string { return values[key] })
	if err != nil {
		return err
	}
	for _, script := range []*string{&config.Scripts.PostInstall, &config.Scripts.PreRemove, &config.Scripts.PostRemove} {
		*script = filepath.Join(b.source, *script)
	}
	for _, format := range []string{"deb", "rpm"} {
		if err := pack(b, &config, format); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	return nil
}

func pack(b *built, config *nfpm.Config, format string) error {
	info, err := config.Get(format)
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(b.out, packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := packager.Package(info, file); err != nil {
		return err
	}
	return file.Close()
}

// packageVersion has a single -, before what comes before a release: a second one would be a revision of the package.
func packageVersion(version string) string {
	release, before, found := strings.Cut(version, "-")
	if !found {
		return version
	}
	return release + "-" + strings.ReplaceAll(before, "-", ".")
}

// debianVersion is a version as Debian orders it: what comes before a release has a ~.
func debianVersion(version string) string {
	return strings.Replace(packageVersion(version), "-", "~", 1)
}
