package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"idlegate/gateway/admin/api"
)

// refusal is an error that knows its status.
type refusal struct {
	status   int
	sentence string
}

// Error implements error.
func (r refusal) Error() string { return r.sentence }

// wrong is what answers a call that its caller must change.
func wrong(format string, args ...any) error {
	return refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// failure is the answer that an error makes: with the status that it knows, 404 for what there is not, and 503 for what the
// gateway could not say.
func failure(err error) (status int, body any) {
	status = http.StatusServiceUnavailable
	var known refusal
	switch {
	case errors.As(err, &known):
		status = known.status
	case errors.Is(err, ErrUnknown):
		status = http.StatusNotFound
	}
	return status, api.Error{Error: err.Error()}
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	status, body := failure(err)
	answer(w, status, body)
}

// answer writes body as JSON.
func answer(w http.ResponseWriter, status int, body any) {
	status, text := encode(status, body)
	write(w, status, text)
}

// encode makes JSON of body, whose arrays and maps are never null.
func encode(status int, body any) (int, []byte) {
	text, err := json.Marshal(filled(reflect.ValueOf(body)).Interface())
	if err != nil { // a figure that is infinite
		status, text = http.StatusInternalServerError, fmt.Appendf(nil, `{"error":%q}`, err)
	}
	return status, append(text, '\n')
}

func write(w http.ResponseWriter, status int, text []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may have gone
}

// filled is a copy of v with empty slices and maps where v has none: what v points to may be the gateway's own.
func filled(v reflect.Value) reflect.Value {
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			copied.Set(filled(v.Elem()).Addr())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				copied.Field(i).Set(filled(v.Field(i)))
			}
		}
	case reflect.Map:
		if v.IsNil() {
			copied.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Struct {
			copied.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				copied.Index(i).Set(filled(v.Index(i)))
			}
		}
	}
	return copied
}

// refuse answers a call that does not get through to what it asked for: in JSON where that is the API, else in plain words.
func refuse(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		fail(w, refusal{status, sentence})
		return
	}
	text(w, status, sentence)
}
