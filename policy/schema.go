package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// schema is a JSON Schema, or a part of one. It cannot express all that Parse demands, but never refuses what Parse takes.
type schema map[string]any

// Schema is the JSON Schema of a policy file (draft 2020-12), for editors.
func Schema() []byte {
	root := new(Config).keys().schema()
	maps.Copy(root, schema{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "idlegate policy file",
	})
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("policy: " + err.Error()) // it holds text, numbers, lists and mappings only
	}
	return append(data, '\n')
}

// schema is that of a mapping with these keys.
func (list keys) schema() schema {
	properties, required := schema{}, []string{}
	for _, k := range list {
		properties[k.name] = k.schema()
		if k.example != "" {
			required = append(required, k.name)
		}
	}
	all := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		all["required"] = required
	}
	return all
}

// choiceSchema is that of a mapping with exactly one of these keys, and any of those beside it.
func (list keys) choiceSchema(beside ...key) schema {
	one := append(slices.Clone(list), beside...).schema()
	if len(beside) == 0 {
		one["minProperties"], one["maxProperties"] = 1, 1
		return one
	}
	var choices []schema
	for _, k := range list {
		choices = append(choices, schema{"required": []string{k.name}})
	}
	one["oneOf"] = choices
	return one
}

func (k key) schema() schema {
	own := schema{}
	maps.Copy(own, k.takes.schema())
	if k.doc != "" {
		own["description"] = strings.ReplaceAll(k.doc, "`", "")
	}
	if k.standard != "" {
		own["default"] = parsedValue(k.standard)
	}
	return own
}

// parsedValue is a single value of the file in JSON.
func parsedValue(text string) any {
	var v any
	if err := parsed(text).Decode(&v); err != nil {
		return text
	}
	return v
}

func anyOf(all ...schema) schema { return schema{"anyOf": all} }

func pattern(p string) schema { return schema{"type": "string", "pattern": p} }

func noneSchema() schema { return schema{"const": none} }

func listOf(item schema) schema {
	return schema{"type": "array", "items": item, "minItems": 1}
}

// namedSchema is that of a mapping from names that the operator chooses.
func namedSchema(item schema) schema {
	return schema{"type": "object", "propertyNames": pattern(namePattern), "additionalProperties": item}
}

const (
	namePattern     = `^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`
	durationPattern = `^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$`
	sizePattern     = `^[0-9]+(B|KiB|MiB|GiB|TiB)$`
	percentPattern  = `^0*(100|[0-9]{1,2})%$`
	addressPattern  = `^(unix:/.*[^/]|\[[0-9A-Fa-f:.]+\]:[0-9]+|[A-Za-z0-9_.-]*:[0-9]+)$`
	hostPattern     = `^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$`
	hexPattern      = `^([0-9A-Fa-f]{2})+$`
)

// moreThanZero is a schema for numbers with units, of that form.
func moreThanZero(form string) schema {
	return schema{"type": "string", "pattern": form, "allOf": []schema{{"pattern": "[1-9]"}}}
}
