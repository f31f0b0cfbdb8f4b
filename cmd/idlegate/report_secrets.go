package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// leftOut stands where a secret was, or may have been.
const leftOut = "left out"

var (
	// What health checks and probes send can be a password, as AUTH of Redis: in an effective file, behind the path of a change or of a
	// problem, and where its end cannot be found.
	sends    = regexp.MustCompile(`\bsend: \{(text|hex): (?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^"'\\}][^}]*)\}`)
	sendPath = regexp.MustCompile(`(\b(?:health|probe)\.send\b(?:\.\w+)?).*`)
	sendRest = regexp.MustCompile(`(\bsend: *\{?(?:text|hex): ).*`)
)

// withoutSecrets is an answer of the gateway without what may be secret: what health checks and probes send, lines of the policy file
// that have a problem, and unless keepBytes the bytes of streams that broke their protocol. Tokens and keys are in no answer.
func withoutSecrets(answer []byte, keepBytes bool) ([]byte, error) {
	reader := json.NewDecoder(bytes.NewReader(answer))
	reader.UseNumber() // or what is beyond a float64 would change
	var body any
	if err := reader.Decode(&body); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	writer := json.NewEncoder(&text)
	writer.SetEscapeHTML(false)
	writer.SetIndent("", "  ")
	err := writer.Encode(cleaned(body, keepBytes))
	return text.Bytes(), err
}

func cleaned(value any, keepBytes bool) any {
	switch v := value.(type) {
	case string:
		return cleanedText(v)
	case []any:
		for i := range v {
			v[i] = cleaned(v[i], keepBytes)
		}
	case map[string]any:
		if path, _ := v["path"].(string); strings.Contains(path, ".send") { // a change
			v["from"], v["to"], v["text"] = leftOut, leftOut, path+": "+leftOut
		}
		for key := range v {
			v[key] = cleaned(v[key], keepBytes)
		}
		if _, ok := v["source"]; ok { // the line of a problem, of which anything can be part
			v["source"] = leftOut
		}
		if broken, ok := v["protocol_error"].(map[string]any); ok && !keepBytes {
			broken["bytes"] = ""
		}
	}
	return value
}

func cleanedText(text string) string {
	if !strings.Contains(text, "send") {
		return text
	}
	text = sendPath.ReplaceAllString(text, "$1: "+leftOut)
	text = sends.ReplaceAllString(text, "\x00$1\x00") // so that sendRest does not find them again
	text = sendRest.ReplaceAllString(text, "${1}"+leftOut)
	return strings.NewReplacer("\x00text\x00", "send: {text: "+leftOut+"}", "\x00hex\x00", "send: {hex: "+leftOut+"}").Replace(text)
}
