package tlsio

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"syscall"
	"testing"
	"time"
)

// certificate is for gate.example.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gate"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"gate.example"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serverConfig(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate(t)}, DynamicRecordSizingDisabled: true}
}

// socket is a TCP socket that is read as a loop does.
type socket struct {
	testing.TB
	conn *net.TCPConn
	raw  syscall.RawConn
	most int // bytes of a read; 0: any
	off  bool
	n    int // reads so far
}

func (s *socket) Recv(p []byte) (n int, errno syscall.Errno) {
	s.n++
	if s.most > 0 {
		if s.off = !s.off; s.off {
			return 0, syscall.EAGAIN
		}
		p = p[:min(len(p), s.most)]
	}
	_ = s.raw.Read(func(fd uintptr) bool {
		var err error
		n, err = syscall.Read(int(fd), p)
		errors.As(err, &errno)
		return true
	})
	return max(n, 0), errno
}

// wait waits until something lies there.
func (s *socket) wait() {
	s.Helper()
	one := make([]byte, 1)
	if err := s.raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), one, syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	}); err != nil {
		s.Fatal(err)
	}
}

func (s *socket) Send(p []byte) {
	if _, err := s.conn.Write(p); err != nil {
		s.Logf("send: %v", err)
	}
}

// line is a client of crypto/tls and the socket that it is connected to.
func line(t testing.TB) (client net.Conn, served *socket) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); accepted.Close() })
	conn := accepted.(*net.TCPConn)
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return client, &socket{TB: t, conn: conn, raw: raw}
}

// drive does what a loop does for a handshake, until it is done.
func drive(h *Handshake, s *socket, told <-chan struct{}) error {
	buf := make([]byte, 16<<10)
	for {
		<-told
		state := h.Take()
		if len(state.Out) > 0 {
			s.Send(state.Out)
		}
		if state.Done {
			return state.Err
		}
		if !state.Wants {
			continue
		}
		s.wait()
		n, errno := s.Recv(buf)
		switch {
		case n > 0:
			h.Deliver(buf[:n])
		case errno == syscall.EAGAIN:
			h.Deliver(nil)
		default:
			h.End(ErrCut)
		}
	}
}

func telling() (notify func(), told chan struct{}) {
	told = make(chan struct{}, 1)
	return func() {
		select {
		case told <- struct{}{}:
		default:
		}
	}, told
}

// shaken is a connection after its handshake, and its client.
func shaken(t testing.TB, p *Pool, config *tls.Config, client *tls.Config) (*Conn, *socket, *tls.Conn) {
	t.Helper()
	near, s := line(t)
	notify, told := telling()
	h := p.Server(config, nil, notify)
	conn := tls.Client(near, client)
	failed := make(chan error, 1)
	go func() { failed <- conn.Handshake() }()
	if err := drive(h, s, told); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return h.Conn(), s, conn
}

func anyServer() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "gate.example"}
}
