package gateway_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	sys "golang.org/x/sys/unix"
)

// slowReader is a connection that is read late, but for its first bytes.
type slowReader struct {
	net.Conn
	reads int
}

func (s *slowReader) Read(b []byte) (int, error) {
	if s.reads++; s.reads > 4 {
		b = b[:min(len(b), 4<<10)]
	}
	if s.reads == 4 {
		<-time.After(300 * time.Millisecond)
	}
	return s.Conn.Read(b)
}

// TestAHandshakeWhoseEndWaitsForRoomIsSentWhole makes the gateway show a chain that its socket does not take at once.
func TestAHandshakeWhoseEndWaitsForRoomIsSentWhole(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server, own := a.issue(t, dir, "server"), a.issue(t, dir, "gateway")
	chain, err := os.ReadFile(own.cert)
	must(t, err)
	authority, err := os.ReadFile(a.file)
	must(t, err)
	chain = append(chain, bytes.Repeat(authority, 128<<10/len(authority))...)
	must(t, os.WriteFile(own.cert, chain, 0o600))
	config := &tls.Config{SessionTicketsDisabled: true, Certificates: []tls.Certificate{server.pair(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.trusting(t, nil).RootCAs}
	small := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		failed := raw.Control(func(fd uintptr) {
			err = sys.SetsockoptInt(int(fd), sys.IPPROTO_TCP, sys.TCP_MAXSEG, 536)
			if err == nil {
				err = sys.SetsockoptInt(int(fd), sys.SOL_SOCKET, sys.SO_RCVBUF, 4096)
			}
		})
		if failed != nil {
			return failed
		}
		return err
	}}
	small.SetMultipathTCP(false)
	for name, policy := range map[string]string{"nothing is held": "{long: {}}", "a message is held": "{long: {}}, connect_on: first_message"} {
		t.Run(name, func(t *testing.T) {
			l, err := small.Listen(t.Context(), "tcp", "127.0.0.1:0")
			must(t, err)
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				secure := tls.Server(&slowReader{Conn: conn}, config)
				b := make([]byte, 100)
				for {
					n, err := secure.Read(b)
					if err != nil {
						return
					}
					_, _ = secure.Write(b[:n])
				}
			}()
			r := start(t, tlsRoute, l.Addr().String(), fmt.Sprintf(", retries: 0, tls: {ca: %s, cert: %s, key: %s}", a.file, own.cert, own.key),
				fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), policy)
			c, _ := r.dialTLS("secure", a.trusting(t, nil))
			c.echo("hello")
		})
	}
}
