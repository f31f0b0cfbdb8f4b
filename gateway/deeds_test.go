package gateway_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
