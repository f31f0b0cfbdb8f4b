package gateway_test

import (
	"fmt"
	"testing"
)

// TestProbesAndFarewellsAreEncrypted asks a client of TLS, which answers, and says that it ends.
func TestProbesAndFarewellsAreEncrypted(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	l := &listener{}
	g := start(t, speaks("delimiter", `probe: {after: 50ms, timeout: 2s, send: {text: "there?"}, expect: {text: "yes"}}, farewell: {text: "bye\n"}`,
		fmt.Sprintf("    tls: {cert: %s, key: %s}\n", server.cert, server.key)), backend(t, l.serve))
	c, _ := g.dialTLS("r", a.trusting(t, nil))
	c.receive("there?\n")
	c.send("yes\n")
	c.receive("there?\nbye\n")
	c.receiveFIN() // with a close_notify
	g.expectEnd("r", "probe_unanswered")
	if heard := l.heard(); heard != "" {
		t.Errorf("the backend heard %q", heard)
	}
}

// TestNoFarewellInClearWithinAHandshake has a client that is to speak TLS and says nothing.
func TestNoFarewellInClearWithinAHandshake(t *testing.T) {
	dir := t.TempDir()
	server := newAuthority(t, dir).issue(t, dir, "server")
	g := start(t, speaks("delimiter", `max_lifetime: 300ms, farewell: {text: "bye\n"}`,
		fmt.Sprintf("    tls: {cert: %s, key: %s}\n", server.cert, server.key)), backend(t, echoes))
	c := g.dial("r")
	c.receiveFIN()
	g.expectEnd("r", "max_lifetime")
}
