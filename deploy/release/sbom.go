package main

import (
	"encoding/hex"
	"os"
	"runtime/debug"
	"strings"

	"encoding/base64"

	"github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials writes what the binary is made of, as the toolchain stamped it in: Go itself and each module with its version and
// hash, as CycloneDX.
func billOfMaterials(b *built) error {
	bom := cyclonedx.NewBOM()
	bom.Version = 1
	top := cyclonedx.Component{
		BOMRef: "pkg:golang/idlegate@" + b.version(), Type: cyclonedx.ComponentTypeApplication, Name: "idlegate", Version: b.version(),
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		Properties: &[]cyclonedx.Property{
			{Name: "commit", Value: b.setting("vcs.revision")}, {Name: "platform", Value: "linux/" + b.arch},
		},
	}
	bom.Metadata = &cyclonedx.Metadata{Timestamp: b.time.UTC().Format("2006-01-02T15:04:05Z"), Component: &top}
	goVersion := strings.TrimPrefix(b.info.GoVersion, "go")
	components := []cyclonedx.Component{{
		BOMRef: "pkg:golang/std@" + goVersion, Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: goVersion,
		PackageURL: "pkg:golang/std@" + goVersion, Scope: cyclonedx.ScopeRequired,
	}}
	for _, module := range b.info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		components = append(components, component(module))
	}
	bom.Components = &components
	refs := make([]string, 0, len(components))
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: top.BOMRef, Dependencies: &refs}}
	file, err := os.Create(b.name(".cdx.json"))
	if err != nil {
		return err
	}
	defer file.Close()
	encoder := cyclonedx.NewBOMEncoder(file, cyclonedx.BOMFileFormatJSON).SetPretty(true)
	if err := encoder.EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return err
	}
	return file.Close()
}

func component(module *debug.Module) cyclonedx.Component {
	url := "pkg:golang/" + module.Path + "@" + module.Version
	c := cyclonedx.Component{
		BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: module.Path, Version: module.Version, PackageURL: url,
		Scope: cyclonedx.ScopeRequired,
	}
	// h1: is base64 of a SHA-256 over the module's files.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:")); err == nil && len(sum) > 0 {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}
