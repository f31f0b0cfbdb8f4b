package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// Real TLS clients: OpenSSL's, GnuTLS' and curl.

// talk runs a client, writes what it is given piece by piece as soon as the one before was answered, and returns what it says.
func talk(t *testing.T, lines []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	in, err := cmd.StdinPipe()
	must(t, err)
	out := &logLines{}
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	for _, line := range lines {
		answer := strings.TrimSpace(line)
		if said := map[string]string{"k": "KEYUPDATE", "K": "KEYUPDATE", "R": "RENEGOTIATING"}[answer]; said != "" {
			answer = said // what OpenSSL answers to a command
		}
		before := strings.Count(out.String(), answer)
		if _, err := io.WriteString(in, line); err != nil {
			break // it has ended, as its output says
		}
		if answer != "Q" {
			eventually(t, "an answer of "+answer, func() bool { return strings.Count(out.String(), answer) > before })
		}
	}
	in.Close()
	err = cmd.Wait()
	return out.String(), err
}

func TestRealClientsSpeakTLS(t *testing.T) {
	needs(t, "openssl", "gnutls-cli")
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server, client := a.issue(t, dir, "server"), a.issue(t, dir, "client")
	r := start(t, tlsRoute, backend(t, echoes), "", fmt.Sprintf("{cert: %s, key: %s, client_ca: %s, alpn: [echo]}", server.cert, server.key, a.file), "{long: {}}")
	address := r.g.Addresses("secure")[0]
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		said, err := talk(t, []string{"hello of openssl\n"}, "openssl", "s_client", "-connect", address, "-verify_return_error",
			"-CAfile", a.file, "-cert", client.cert, "-key", client.key, "-alpn", "echo", version)
		if err != nil {
			t.Errorf("openssl %s: %v\n%s", version, err, said)
		}
	}
	for _, priority := range []string{"NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"} {
		said, err := talk(t, []string{"hello of gnutls\n"}, "gnutls-cli", "--port", port, "--x509cafile", a.file, "--x509certfile", client.cert,
			"--x509keyfile", client.key, "--priority", priority, "127.0.0.1")
		if err != nil {
			t.Errorf("gnutls-cli with %s: %v\n%s", priority, err, said)
		}
	}
	eventually(t, "all have ended with a close_notify", func() bool { return r.route("secure").Closed["client_fin"] == 4 })
}

// TestWhatIsOffered asks as testssl.sh does: which versions, and which ciphers of each.
func TestWhatIsOffered(t *testing.T) {
	needs(t, "openssl")
	dir := t.TempDir()
	a := newAuthority(t, dir)
	r := secured(t, backend(t, echoes), a.issue(t, dir, "server"), "{long: {}}")
	address := r.g.Addresses("secure")[0]
	for name, test := range map[string]struct {
		args  []string
		taken bool
	}{
		"TLS 1.0":           {[]string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, false},
		"TLS 1.1":           {[]string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, false},
		"TLS 1.2":           {[]string{"-tls1_2"}, true},
		"TLS 1.3":           {[]string{"-tls1_3"}, true},
		"no encryption":     {[]string{"-tls1_2", "-cipher", "NULL:@SECLEVEL=0"}, false},
		"nobody's identity": {[]string{"-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"}, false},
		"3DES":              {[]string{"-tls1_2", "-cipher", "3DES:@SECLEVEL=0"}, false},
		"RSA key exchange":  {[]string{"-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"}, false},
		"CBC with SHA-256":  {[]string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"}, false},
		"AES-GCM":           {[]string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"}, true},
		"ChaCha20":          {[]string{"-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"}, true},
		"X25519":            {[]string{"-tls1_3", "-groups", "X25519"}, true},
		"P-256":             {[]string{"-tls1_3", "-groups", "P-256"}, true},
		"only a weak group": {[]string{"-tls1_2", "-groups", "ffdhe2048", "-cipher", "DHE"}, false},
		"only a brainpool":  {[]string{"-tls1_2", "-groups", "brainpoolP256r1"}, false},
		"compression":       {[]string{"-tls1_2", "-comp"}, true}, // which is not taken up, see below
	} {
		args := append([]string{"s_client", "-connect", address, "-CAfile", a.file}, test.args...)
		cmd := exec.CommandContext(t.Context(), "openssl", args...)
		cmd.Stdin = strings.NewReader("Q\n")
		said, err := cmd.CombinedOutput()
		if taken := err == nil && bytes.Contains(said, []byte("Verify return code: 0 (ok)")) && !bytes.Contains(said, []byte("Cipher is (NONE)")); taken != test.taken {
			t.Errorf("%s is taken: %v\n%s", name, taken, said)
		}
		if bytes.Contains(said, []byte("Compression: zlib")) || bytes.Contains(said, []byte("Secure Renegotiation IS NOT supported")) && !bytes.Contains(said, []byte("TLSv1.3")) && test.taken {
			t.Errorf("%s:\n%s", name, said)
		}
	}
}

func TestRenegotiationIsRefused(t *testing.T) {
	needs(t, "openssl")
	dir := t.TempDir()
	a := newAuthority(t, dir)
	r := secured(t, backend(t, echoes), a.issue(t, dir, "server"), "{long: {}}")
	said, _ := talk(t, []string{"before\n", "R\n"}, "openssl", "s_client", "-connect", r.g.Addresses("secure")[0], "-CAfile", a.file, "-tls1_2")
	if !strings.Contains(said, "RENEGOTIATING") || strings.Contains(said, "read R BLOCK\nbefore") {
		t.Errorf("openssl says:\n%s", said)
	}
	if end := r.ended("secure", 1); end.Reason != "protocol_error" {
		t.Errorf("it ended as %s", end.Reason)
	}
}

// TestKeysAreExchangedUnderWay has both a client update its keys, and one that asks the gateway to do so, too.
func TestKeysAreExchangedUnderWay(t *testing.T) {
	needs(t, "openssl")
	dir := t.TempDir()
	a := newAuthority(t, dir)
	r := secured(t, backend(t, echoes), a.issue(t, dir, "server"), "{long: {}}")
	said, err := talk(t, []string{"before\n", "k\n", "between\n", "K\n", "after\n", "Q\n"}, "openssl", "s_client", "-connect", r.g.Addresses("secure")[0],
		"-CAfile", a.file, "-tls1_3")
	if err != nil || strings.Count(said, "KEYUPDATE") != 2 {
		t.Errorf("%v\n%s", err, said)
	}
	r.ended("secure", 1)
}

func TestCurlThroughTLSOnBothEdges(t *testing.T) {
	needs(t, "curl")
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	pair := server.pair(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	must(t, err)
	page := strings.Repeat("0123456789abcdef", 64<<10)
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })}
	go func() { _ = web.Serve(l) }()
	defer web.Close()
	r := start(t, tlsRoute, l.Addr(), ", tls: {ca: "+a.file+"}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {}}")
	got := command(t, "curl", "-sS", "--cacert", a.file, "https://"+r.g.Addresses("secure")[0]+"/")
	if got != page {
		t.Errorf("%d bytes, want %d", len(got), len(page))
	}
}
