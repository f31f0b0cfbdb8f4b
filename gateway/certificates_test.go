package gateway_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExchangedCertificatesAreTakenUp(t *testing.T) {
	dir := t.TempDir()
	first, second := newAuthority(t, dir), newAuthority(t, t.TempDir())
	server := first.issue(t, dir, "server")
	token := filepath.Join(dir, "token")
	write(t, token, "s3cret")
	r := startAdmin(t, operated("token_file: "+token+", tls: {cert: "+server.cert+", key: "+server.key+"}"))
	url := "https://" + r.g.AdminAddress() + "/api/v1/status"
	if got := get(t, first.client(t, nil), url, "s3cret"); got != http.StatusOK {
		t.Fatalf("at first: %d", got)
	}
	other := second.issue(t, t.TempDir(), "server")
	for from, to := range map[string]string{other.cert: server.cert, other.key: server.key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	client := second.client(t, nil)
	eventually(t, "the new certificate is shown", func() bool {
		response, err := client.Get(url)
		if err != nil {
			return false
		}
		response.Body.Close()
		return true
	})
	write(t, server.key, "half a k")
	eventually(t, "a key that cannot be used is reported", func() bool {
		if response, err := second.client(t, nil).Get(url); err != nil {
			t.Fatalf("it is in force: %v", err)
		} else {
			response.Body.Close()
		}
		return strings.Contains(r.log.String(), "certificates stay as they were")
	})
}

func TestATokenFileThatIsNoFileIsRefused(t *testing.T) {
	for _, path := range []string{"/dev/zero", t.TempDir()} {
		if _, err := unstartedAs(t, operated("token_file: "+path)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: New gives %v", path, err)
		}
	}
}
