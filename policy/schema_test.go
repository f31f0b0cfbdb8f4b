package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// TestSchemaIsThatOfTheKeys holds the file that editors read to the list of keys; -update writes it.
func TestSchemaIsThatOfTheKeys(t *testing.T) {
	const file = "idlegate.schema.json"
	if *update {
		if err := os.WriteFile(file, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, file)), string(Schema())); diff != "" {
		t.Errorf("%s (-is +wanted):\n%s", file, diff)
	}
}

// TestSchemaTakesWhatParseTakes validates every good file, and its effective form.
func TestSchemaTakesWhatParseTakes(t *testing.T) {
	compiled := compileSchema(t)
	files := append(glob(t, "testdata/good/*.yaml"), glob(t, "testdata/good/*.golden")...)
	for _, file := range append(files, "../cmd/idlegate/testdata/every_key.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if err := compiled.Validate(instance(t, read(t, file))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSchemaRefusesWhatParseRefuses validates every bad file. Those with "# schema: takes it" break a rule that a schema cannot
// express. No schema sees what is no YAML.
func TestSchemaRefusesWhatParseRefuses(t *testing.T) {
	compiled := compileSchema(t)
	for _, file := range glob(t, "testdata/bad/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data := read(t, file)
			mark := header(data, "# schema: ")
			var document any
			if yaml.Unmarshal(data, &document) != nil {
				t.Skip("no YAML")
			}
			taken := compiled.Validate(instance(t, data)) == nil
			if marked := len(mark) == 1 && mark[0] == "takes it"; taken != marked {
				t.Errorf("the schema takes it: %v; the file is marked %q", taken, mark)
			}
		})
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("policy.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// instance is a YAML file in the terms of JSON, as an editor would have it.
func instance(t *testing.T, data []byte) any {
	t.Helper()
	var document any
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(inJSON(document))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// inJSON has text where YAML has a key of another kind.
func inJSON(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			value[key] = inJSON(below)
		}
	case map[any]any:
		converted := map[string]any{}
		for key, below := range value {
			text, _ := yaml.Marshal(key)
			converted[strings.TrimSpace(string(text))] = inJSON(below)
		}
		return converted
	case []any:
		for i, below := range value {
			value[i] = inJSON(below)
		}
	}
	return value
}
