package admin

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"idlegate/gateway/admin/api"
)

// schemaTypes are all types of package api that a body can be, each described by the schema of its name.
func schemaTypes() []any {
	return []any{
		api.Error{}, api.HandSetting{}, api.Event{}, api.HealthEvent{}, api.Deed{}, api.Plan{}, api.PlannedRoute{}, api.Status{}, api.Alarm{}, api.Config{}, api.Effective{}, api.Process{}, api.Reload{}, api.Change{}, api.Problem{},
		api.Connections{}, api.Connection{}, api.TLS{}, api.Closed{}, api.Explanation{}, api.Timer{}, api.RateLimit{}, api.Peer{}, api.DryRun{}, api.Drain{},
		api.Endings{}, api.Ended{}, api.ProtocolError{}, api.Routes{}, api.Route{}, api.TimeoutCount{}, api.Silences{}, api.Silence{},
		api.Histories{}, api.History{}, api.Minute{}, api.Policies{}, api.Policy{}, api.PolicyTimer{},
		api.Upstreams{}, api.Upstream{}, api.Endpoint{}, api.ByHand{}, api.Check{}, api.Lookup{}, api.Attempt{}, api.Advices{}, api.Advice{}, api.Candidate{},
	}
}

func TestDocumentHasTheMembersOfEveryType(t *testing.T) {
	schemas := describe(t, fakeFleet()).document.Components.Schemas
	objects := make(map[string]bool)
	for name, schema := range schemas {
		if schema.Value.Type.Is("object") {
			objects[name] = true
		}
	}
	for _, body := range schemaTypes() {
		typ := reflect.TypeOf(body)
		schema := schemas[typ.Name()]
		if schema == nil {
			t.Errorf("no schema %s", typ.Name())
			continue
		}
		delete(objects, typ.Name())
		described := make(map[string]string)
		for name, property := range schema.Value.Properties {
			described[name] = propertyKind(property, slices.Contains(schema.Value.Required, name))
		}
		if diff := cmp.Diff(members(typ), described); diff != "" {
			t.Errorf("%s: members (-) and properties (+) differ:\n%s", typ.Name(), diff)
		}
		if additional := schema.Value.AdditionalProperties.Has; additional == nil || *additional {
			t.Errorf("%s lets further properties through", typ.Name())
		}
	}
	if len(objects) > 0 {
		t.Errorf("schemas of no type: %v", slices.Sorted(maps.Keys(objects)))
	}
}

func TestDocumentHasTheWordsAndLimitsOfEveryParameter(t *testing.T) {
	components := describe(t, fakeFleet()).document.Components
	kinds := wordsOf(api.AlarmKinds())
	for name, words := range map[string][]string{"State": states(), "CloseReason": api.CloseReasons(), "AlarmKind": kinds, "EventKind": wordsOf(api.EventKinds())} {
		if diff := cmp.Diff(words, enum(components.Schemas[name])); diff != "" {
			t.Errorf("%s: words (-) and described ones (+) differ:\n%s", name, diff)
		}
	}
	limit := components.Parameters["limit"].Value.Schema.Value
	if *limit.Min != 1 || *limit.Max != api.MaxLimit || limit.Default != float64(api.DefaultLimit) {
		t.Errorf("limit is described as from %g to %g, by default %v", *limit.Min, *limit.Max, limit.Default)
	}
	if most := components.Schemas["Closed"].Value.Properties["ids"].Value.MaxItems; *most != api.MaxLimit {
		t.Errorf("at most %d ids are described", *most)
	}
	last := describe(t, fakeFleet()).document.Paths.Value("/events").Get.Parameters.GetByInAndName("query", "last").Schema.Value
	if *last.Min != 1 || *last.Max != api.MaxLast {
		t.Errorf("last is described as from %g to %g", *last.Min, *last.Max)
	}
	list := describe(t, fakeFleet()).document.Paths.Value("/connections").Get.Parameters
	if diff := cmp.Diff(sortKeys(), enum(list.GetByInAndName("query", "sort").Schema)); diff != "" {
		t.Errorf("sort keys (-) and described ones (+) differ:\n%s", diff)
	}
	if most := list.GetByInAndName("query", "offset").Schema.Value.Max; *most != maxOffset {
		t.Errorf("offset is described as at most %g", *most)
	}
}

func wordsOf[K ~string](kinds []K) (words []string) {
	for _, kind := range kinds {
		words = append(words, string(kind))
	}
	return words
}

func enum(schema *openapi3.SchemaRef) []string {
	var words []string
	for _, word := range schema.Value.Enum {
		words = append(words, fmt.Sprint(word))
	}
	return words
}

// members says what each member of a type is in JSON, in the words of propertyKind.
func members(typ reflect.Type) map[string]string {
	all := make(map[string]string)
	for field := range typ.Fields() {
		if field.Anonymous {
			maps.Copy(all, members(field.Type))
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		required, optional := " required", options == "omitempty"
		if optional {
			required = ""
		}
		kind := jsonKind(field.Type)
		if field.Type.Kind() == reflect.Pointer && !optional {
			kind += " or null"
		}
		all[name] = kind + required
	}
	return all
}

func jsonKind(typ reflect.Type) string {
	switch typ.Kind() {
	case reflect.Pointer:
		return jsonKind(typ.Elem())
	case reflect.Struct:
		if typ == reflect.TypeFor[time.Time]() {
			return "string date-time"
		}
		return typ.Name()
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Int64:
		return "integer int64"
	case reflect.Uint64:
		return "integer int64 from 0"
	case reflect.Float64:
		return "number double"
	case reflect.Slice:
		return "array of " + jsonKind(typ.Elem())
	case reflect.Map:
		return "map of " + jsonKind(typ.Elem())
	}
	return typ.String()
}

func propertyKind(property *openapi3.SchemaRef, required bool) string {
	kind := schemaKind(property)
	if property.Value.Nullable {
		kind += " or null"
	}
	if required {
		kind += " required"
	}
	return kind
}

func schemaKind(of *openapi3.SchemaRef) string {
	schema := of.Value
	switch {
	case len(schema.AllOf) == 1:
		return schemaKind(schema.AllOf[0])
	case of.Ref != "" && schema.Type.Is("object"):
		return of.Ref[strings.LastIndex(of.Ref, "/")+1:]
	case schema.Type.Is("array"):
		return "array of " + schemaKind(schema.Items)
	case schema.Type.Is("object"):
		return "map of " + schemaKind(schema.AdditionalProperties.Schema)
	}
	kind := strings.Join(schema.Type.Slice(), "|")
	if schema.Format != "" {
		kind += " " + schema.Format
	}
	if schema.Min != nil && *schema.Min == 0 {
		kind += " from 0"
	}
	return kind
}
