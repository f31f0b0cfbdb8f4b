package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// contract is the document that describes the operator's API, which the server's own tests hold the server to.
type contract struct{ router routers.Router }

func readContract() (contract, error) {
	document, err := openapi3.NewLoader().LoadFromFile("../../gateway/admin/openapi.json")
	if err != nil {
		return contract{}, err
	}
	router, err := gorillamux.NewRouter(document)
	return contract{router}, err
}

// check says what of a call, or of its recorded answer, is not as the document has it.
func (c contract) check(r *http.Request, status int, header http.Header, body []byte) error {
	route, path, err := c.router.FindRoute(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.URL, err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: path, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.URL, err)
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
	if err != nil {
		return fmt.Errorf("the recorded answer to %s %s: %w", r.Method, r.URL, err)
	}
	return nil
}
