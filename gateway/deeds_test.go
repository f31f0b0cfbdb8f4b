package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/policy"
)

func TestTheLogBeginsAndEndsWithTheProcess(t *testing.T) {
	r := start(t, alarming, 10, backend(t, echoes), "")
	eventually(t, "it has begun", func() bool { return strings.Contains(r.log.String(), `"msg":"listening"`) })
	first, _, _ := strings.Cut(r.log.String(), "\n")
	for _, want := range []string{`"msg":"started"`, `"version":"test"`, `"connections_max":10`, `"generation":1`, `"loops":`, `"descriptor_limit":`} {
		if !strings.Contains(first, want) {
			t.Errorf("the first line has no %s: %s", want, first)
		}
	}
	r.g.Drain()
	select {
	case err := <-r.done:
		r.done <- err
	case <-time.After(patience):
		t.Fatal("it has not ended")
	}
	lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, `"msg":"stopped"`) || !strings.Contains(last, `"after":`) {
		t.Errorf("the last line is %s", last)
	}
}

// Setting the level to error is written down all the same, and so are the calls after it.
func TestDeedsAreWrittenAtEveryLevel(t *testing.T) {
	dir := t.TempDir()
	file, operator, viewer := filepath.Join(dir, "log"), filepath.Join(dir, "operator"), filepath.Join(dir, "viewer")
	write(t, operator, "operator's")
	write(t, viewer, "viewer's")
	cfg, err := policy.Parse("test.yaml", []byte(fmt.Sprintf("log: {file: %s, level: error}\n", file)+operated("token_file: "+operator+", viewer_token_file: "+viewer)))
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	r.run(gateway.Config{Policy: cfg, Version: "test"})
	url := "http://" + r.g.AdminAddress() + "/api/v1/"
	post(t, url+"log?level=error", "operator's")
	post(t, url+"reload", "viewer's")
	r.g.Log().Info("a mark")
	post(t, url+"drain", "operator's")
	select {
	case err := <-r.done:
		r.done <- err
	case <-time.After(patience):
		t.Fatal("it has not ended")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"msg=started ", `token=operator call="POST /api/v1/log?level=error" status=200 result=done`,
		`token=viewer call="POST /api/v1/reload" status=403`, `token=operator call="POST /api/v1/drain" status=202`, "msg=draining ", "msg=stopped ",
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the log has no %s:\n%s", want, data)
		}
	}
	if strings.Contains(string(data), "a mark") {
		t.Errorf("the level is not error:\n%s", data)
	}
}

func TestAViewersTokenIsReadFromItsFile(t *testing.T) {
	dir := t.TempDir()
	operator, viewer := filepath.Join(dir, "operator"), filepath.Join(dir, "viewer")
	write(t, operator, "operator's")
	write(t, viewer, "viewer's")
	r := startAdmin(t, operated("token_file: "+operator+", viewer_token_file: "+viewer))
	url := "http://" + r.g.AdminAddress() + "/api/v1/"
	if got := get(t, http.DefaultClient, url+"status", "viewer's"); got != http.StatusOK {
		t.Errorf("looking: %d", got)
	}
	got := post(t, url+"drain", "viewer's")
	if ready, _ := r.g.Ready(); got != http.StatusForbidden || !ready {
		t.Errorf("draining: %d, and the gateway is ready: %v", got, ready)
	}
	if _, err := unstartedAs(t, operated("token_file: "+operator+", viewer_token_file: "+filepath.Join(dir, "nowhere"))); err == nil || !strings.Contains(err.Error(), "admin.viewer_token_file") {
		t.Errorf("with a file that is not there: %v", err)
	}
}

// post calls the API with a token, and returns the status of the answer.
func post(t *testing.T, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
