package admin

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// operate serves the operator's listener alone, and gives its address.
func operate(t *testing.T, c Config, change func(*http.Server)) string {
	t.Helper()
	c.Listener = listen(t, "tcp", "127.0.0.1:0")
	c.Gateway, c.Operated, c.Logger = &fakeGateway{}, fakeFleet(), slog.New(slog.DiscardHandler)
	s := New(c)
	if change != nil {
		change(s.endpoints[0].http)
	}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve() }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-served
	})
	return c.Listener.Addr().String()
}

// fetch gives the status and the body of a page.
func fetch(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	defer client.CloseIdleConnections()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestProfilesAreThereIfSwitchedOn(t *testing.T) {
	for _, on := range []bool{true, false} {
		address := operate(t, Config{Pprof: on}, nil)
		for _, page := range []string{"", "cmdline", "symbol", "goroutine?debug=1", "heap"} {
			want := http.StatusNotFound
			if on {
				want = http.StatusOK
			}
			if status, body := fetch(t, &http.Client{Transport: &http.Transport{}}, "http://"+address+"/debug/pprof/"+page); status != want {
				t.Errorf("%s, switched on: %t: status %d: %s", page, on, status, body)
			}
		}
	}
}

func TestAProfileMayTakeLongerThanOtherAnswers(t *testing.T) {
	const short = 2 * time.Second // and time for the trace to be written, on a busy machine
	address := operate(t, Config{Pprof: true}, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = short, short })
	began := time.Now()
	status, body := fetch(t, &http.Client{Transport: &http.Transport{}}, "http://"+address+"/debug/pprof/trace?seconds=2.5")
	if took := time.Since(began); status != http.StatusOK || took < short+short/4 || !strings.HasPrefix(body, "go 1.") {
		t.Errorf("status %d after %s, %d bytes", status, took, len(body))
	}
}

func TestTheOperatorsListenerSpeaksTLS(t *testing.T) {
	model := httptest.NewTLSServer(nil) // has a certificate, and a client that trusts it
	defer model.Close()
	pair, client := model.TLS.Certificates, model.Client()
	client.Timeout = time.Minute

	address := operate(t, Config{TLS: &tls.Config{Certificates: pair}}, nil)
	if status, body := fetch(t, client, "https://"+address+api.Prefix+"/status"); status != http.StatusOK || !strings.HasPrefix(body, `{"version":`) {
		t.Errorf("status %d: %s", status, body)
	}
	if status, _ := fetch(t, &http.Client{Transport: &http.Transport{}}, "http://"+address+"/healthz"); status != http.StatusBadRequest {
		t.Errorf("without TLS: status %d", status)
	}

	address = operate(t, Config{TLS: &tls.Config{Certificates: pair, ClientAuth: tls.RequireAnyClientCert}}, nil)
	if response, err := client.Get("https://" + address + "/healthz"); err == nil {
		response.Body.Close()
		t.Errorf("without a client's certificate: status %d", response.StatusCode)
	}
	client.Transport.(*http.Transport).TLSClientConfig.Certificates = pair
	if status, body := fetch(t, client, "https://"+address+"/healthz"); status != http.StatusOK {
		t.Errorf("with a client's certificate: status %d: %s", status, body)
	}
}

func TestTheScrapersListenerHasNeitherPageNorAPI(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	for _, target := range []string{"/", "/page.js", "/api/v1/status", "/api/v1/openapi.json", "/debug/pprof/"} {
		if status, body := call(t, s.scrapers, "GET", "localhost", target); status != http.StatusNotFound {
			t.Errorf("%s: status %d: %s", target, status, body)
		}
	}
	if status, _ := call(t, s.scrapers, "POST", "localhost", "/api/v1/drain"); status != http.StatusNotFound {
		t.Errorf("drain: status %d", status)
	}
}

func TestAHugeAddressIsRefused(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	target := api.Prefix + "/connections?q=" + strings.Repeat("x", 2*maxHeaderBytes)
	if status, _ := call(t, s.operator, "GET", "localhost", target); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", status)
	}
}

func TestCallsThatChangeSomethingAreWrittenDown(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	for _, one := range []struct{ method, target, want string }{
		{"DELETE", "/connections?route=devices&client=192.0.2.1", `call="DELETE /api/v1/connections?route=devices&client=192.0.2.1" status=200 closed=0`},
		{"DELETE", "/connections", `level=WARN msg="the operator called" from=127.0.0.1:`},
		{"POST", "/upstreams/chat_servers/drain?endpoint=10.0.1.21:5222", `call="POST /api/v1/upstreams/chat_servers/drain?endpoint=10.0.1.21:5222" status=200`},
		{"POST", "/upstreams/none/drain?endpoint=x", `status=404 error=`},
		{"POST", "/reload", `call="POST /api/v1/reload" status=200 generation=`},
		{"POST", "/drain", `call="POST /api/v1/drain" status=202`},
	} {
		before := strings.Count(s.log.String(), "the operator called")
		call(t, s.operator, one.method, "localhost", api.Prefix+one.target)
		if n := strings.Count(s.log.String(), "the operator called"); n != before+1 || !strings.Contains(s.log.String(), one.want) {
			t.Errorf("%s %s leaves %d lines; no %q in\n%s", one.method, one.target, n-before, one.want, s.log)
		}
	}
	before := s.log.String()
	call(t, s.operator, "GET", "localhost", api.Prefix+"/connections")
	if s.log.String() != before {
		t.Errorf("a call that changes nothing is written down: %s", s.log)
	}
}
