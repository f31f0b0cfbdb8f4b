package deploy_test

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A bill of materials lists what the toolchain stamped into the binary, in the words of CycloneDX's own schema.
func billOfMaterials(t *testing.T, dist string) {
	info, err := buildinfo.ReadFile(filepath.Join(dist, "linux/amd64/idlegate"))
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, made(t, dist, "*-linux-amd64.cdx.json"))
	var bom struct {
		Format     string `json:"bomFormat"`
		Spec       string `json:"specVersion"`
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal([]byte(text), &bom); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, c := range bom.Components {
		listed = append(listed, c.PURL)
	}
	want := []string{"pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}
	for _, module := range info.Deps {
		want = append(want, "pkg:golang/"+module.Path+"@"+module.Version)
	}
	if bom.Format != "CycloneDX" || bom.Spec != "1.6" || !slices.Equal(listed, want) {
		t.Errorf("%s %s lists %q, want %q", bom.Format, bom.Spec, listed, want)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := cycloneDX(t).Validate(value); err != nil {
		t.Error(err)
	}
}

// cycloneDX is the schema that comes with the library that wrote the bill.
func cycloneDX(t *testing.T) *jsonschema.Schema {
	t.Helper()
	command(t, "go", "-C", "release", "mod", "download", "github.com/CycloneDX/cyclonedx-go")
	folder := filepath.Join(strings.TrimSpace(command(t, "go", "-C", "release", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")), "schema")
	compiler := jsonschema.NewCompiler()
	for name, file := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		reader, err := os.Open(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		document, err := jsonschema.UnmarshalJSON(reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("http://cyclonedx.org/schema/"+name, document); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// A bill that the schema refuses would be seen.
func TestTheSchemaOfBillsRefusesWhatIsNone(t *testing.T) {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := cycloneDX(t).Validate(value); err == nil || !strings.Contains(err.Error(), "name") {
		t.Errorf("got %v", err)
	}
}
