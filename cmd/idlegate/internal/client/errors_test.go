package client

import (
	"bufio"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listen accepts on loopback and hands each connection over.
func listen(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			answer(conn)
		}
	}()
	return l.Addr().String()
}

// What went wrong is said in words that lead on; HERE stands for the address.
func TestErrors(t *testing.T) {
	gone := listen(t, func(net.Conn) {})
	const elsewhere = "; name its admin.listen with --admin or IDLEGATE_ADMIN"
	for name, c := range map[string]struct{ address, want string }{
		"nothing listens":    {"127.0.0.1:1", "no gateway answers at HERE: connection refused" + elsewhere},
		"no such socket":     {"unix:/nowhere/admin.sock", "no gateway answers at HERE: no such file or directory" + elsewhere},
		"no such name":       {"idlegate.invalid:9180", "no gateway answers at HERE: idlegate.invalid: no such host" + elsewhere},
		"it does not answer": {gone, "the gateway at HERE has not answered within 0.3 s"},
		"it hangs up": {
			listen(t, func(conn net.Conn) {
				_, _ = bufio.NewReader(conn).ReadString('\n')
				conn.Close()
			}), "the call to HERE broke off: ",
		},
		"it speaks something else": {
			listen(t, func(conn net.Conn) { fmt.Fprint(conn, "-ERR unknown command\r\n") }),
			"what answers at HERE does not speak HTTP, so it is no admin.listen of idlegate" + elsewhere,
		},
		"another web server": {
			serve(t, http.StatusOK, "text/html; charset=utf-8", "<html>"),
			"what answers at HERE is no admin.listen of idlegate (HTTP 200, text/html)" + elsewhere,
		},
		"another API": {
			serve(t, http.StatusNotFound, "application/json", `{"message": "no"}`),
			"what answers at HERE is no admin.listen of idlegate (HTTP 404, application/json)" + elsewhere,
		},
		"another version": {
			serve(t, http.StatusOK, "application/json", `{"version": 4}`),
			"the gateway at HERE answered GET /status with what is not understood: json: cannot unmarshal number",
		},
		"a redirection": {
			serve(t, http.StatusFound, "text/html", ""),
			"what answers at HERE is no admin.listen of idlegate (HTTP 302, text/html)" + elsewhere,
		},
		"no token": {
			serve(t, http.StatusUnauthorized, "application/json", `{"error": "who are you"}`),
			"the gateway at HERE demands a token: name the file of its admin.token_file with --token-file or IDLEGATE_TOKEN_FILE",
		},
		"the gateway's guard": {
			serve(t, http.StatusForbidden, "text/plain", "host is not this server's"),
			`the gateway at HERE refuses the call: "host is not this server's"`,
		},
		"the gateway's no": {
			serve(t, http.StatusServiceUnavailable, "application/json", `{"error": "the gateway is busy"}`),
			"the gateway is busy",
		},
		"https to what speaks none": {"https://" + serve(t, http.StatusOK, "text/html", ""), "what answers at HERE does not speak TLS: leave https:// away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience := time.Minute
			if c.address == gone {
				patience = 300 * time.Millisecond
			}
			client := newClient(t, Config{Address: c.address, Timeout: patience})
			_, err := client.Status(t.Context())
			if err == nil {
				t.Fatal("no error")
			}
			said := strings.ReplaceAll(err.Error(), client.Address(), "HERE")
			if !strings.HasPrefix(said, c.want) {
				t.Errorf("%s\nwant %s", said, c.want)
			}
		})
	}
}

// A host that takes no connection is told from a gateway that does not answer.
func TestNoConnectionInTime(t *testing.T) {
	dialling := &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	err := newClient(t, Config{}).explain(dialling)
	if want := "no gateway answers at 127.0.0.1:9180 within 2.5 s; name its admin.listen with --admin or IDLEGATE_ADMIN"; err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// A call that its caller gave up is no fault of the gateway's.
func TestGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, Config{}).Status(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTokenThatIsNotTaken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("sesame"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := serve(t, http.StatusUnauthorized, "text/plain", "no")
	_, err := newClient(t, Config{Address: address, TokenFile: file}).Status(t.Context())
	if want := "the gateway at " + address + " does not take this token: it must be the one in its admin.token_file"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"version": "v1"}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to go wrong
	server.StartTLS()
	defer server.Close()
	plain := server.Listener.Addr().String()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, err := newClient(t, Config{Address: "https://" + plain, CA: ca}).Status(t.Context()); err != nil || status.Version != "v1" {
		t.Errorf("with its authority: %+v, %v", status, err)
	}
	_, err := newClient(t, Config{Address: "https://" + plain}).Status(t.Context())
	if want := "the certificate of https://" + plain + " is not trusted: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("without: %v, want %s", err, want)
	}
	_, err = newClient(t, Config{Address: plain}).Status(t.Context())
	if want := "what answers at " + plain + " speaks TLS: write https://" + plain; err == nil || err.Error() != want {
		t.Errorf("without https: %v, want %s", err, want)
	}
	for name, c := range map[string]Config{
		"certificates without https": {Address: plain, CA: ca},
		"certificates on a socket":   {Address: "unix:/run/idlegate.sock", CA: ca},
		"a certificate without key":  {Address: "https://" + plain, Cert: ca},
		"a file that is none":        {Address: "https://" + plain, CA: "client_test.go"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
