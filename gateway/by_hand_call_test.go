package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"idlegate/gateway/admin/api"
)

func TestTheCallThatIsToldUndoesWhatIsSetByHand(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, alarming, 10, at, "")
	upstreams, err := r.g.Upstreams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := upstreams.Upstreams[0].Name
	for what, set := range map[string]func() error{
		"route r takes no clients": func() error { return r.g.StopRoute("r") },
		"route r drains":           func() error { return r.g.DrainRoute("r") },
		" drains":                  func() error { return r.g.DrainEndpoint(name, at) },
		" is down":                 func() error { return r.g.SetEndpoint(name, at, api.Setting{State: api.ByHandDown}) },
		" has weight 7":            func() error { return r.g.SetEndpoint(name, at, api.Setting{Weight: 7}) },
	} {
		if err := set(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		r.expectHand(what)
		method, path, _ := strings.Cut(r.handSettings()[0].Call, " ")
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.g.AdminAddress()+api.Prefix+path, http.NoBody)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s answers %s", what, r.handSettings()[0].Call, response.Status)
		}
		r.expectHand("")
	}
}
