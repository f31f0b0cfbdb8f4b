package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"idlegate/gateway/admin/api"
)

// elsewhere is what to do about a gateway that was looked for in the wrong place.
const elsewhere = "name its admin.listen with --admin or IDLEGATE_ADMIN"

// AddressError says that the address of the gateway, or what was given with it, cannot be used.
type AddressError struct {
	Address string
	Err     error
}

func (e *AddressError) Error() string { return fmt.Sprintf("gateway at %q: %v", e.Address, e.Err) }

func (e *AddressError) Unwrap() error { return e.Err }

// Unreachable says that no gateway answers.
type Unreachable struct {
	sentence string
	err      error
}

func (e *Unreachable) Error() string { return e.sentence }

func (e *Unreachable) Unwrap() error { return e.err }

// Refusal is the gateway's own no.
type Refusal struct {
	Status   int      // of HTTP
	Sentence string   // why
	Problems []string // of a policy file, as file:line:column: key: what is wrong
}

func (e *Refusal) Error() string { return e.Sentence }

// IsUnknown reports whether err is the gateway saying that there is no such connection, route, upstream or endpoint.
func IsUnknown(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.Status == http.StatusNotFound
}

// refusal makes an error of an answer that is no success.
func (c *Client) refusal(status int, body []byte) error {
	var answer api.Error
	if err := json.Unmarshal(body, &answer); err != nil || answer.Error == "" {
		return c.stranger(status, "application/json", body)
	}
	if status == http.StatusUnauthorized {
		return &Refusal{Status: status, Sentence: c.unauthorized()}
	}
	return &Refusal{Status: status, Sentence: answer.Error, Problems: answer.Problems}
}

func (c *Client) unauthorized() string {
	if c.token == "" {
		return fmt.Sprintf("the gateway at %s demands a token: name the file of its admin.token_file with --token-file or IDLEGATE_TOKEN_FILE", c.address)
	}
	return fmt.Sprintf("the gateway at %s does not take this token: it must be the one in its admin.token_file", c.address)
}

// stranger makes an error of an answer that no gateway gives. The guard of a gateway's admin server and the server itself
// answer some calls in plain text, before the API is reached.
func (c *Client) stranger(status int, kind string, body []byte) error {
	text, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	switch {
	case status == http.StatusUnauthorized:
		return &Refusal{Status: status, Sentence: c.unauthorized()}
	case status == http.StatusForbidden && kind == "text/plain":
		return &Refusal{Status: status, Sentence: fmt.Sprintf("the gateway at %s refuses the call: %q", c.address, clip(text))}
	case status == http.StatusBadRequest && strings.Contains(text, "HTTP request to an HTTPS server"):
		return &Unreachable{sentence: fmt.Sprintf("what answers at %s speaks TLS: write https://%s", c.address, c.address)}
	}
	what := fmt.Sprintf("HTTP %d", status)
	if kind != "" {
		what += ", " + clip(kind)
	}
	return &Unreachable{sentence: fmt.Sprintf("what answers at %s is no admin.listen of idlegate (%s); %s", c.address, what, elsewhere)}
}

// explain makes a sentence of an error of the exchange.
func (c *Client) explain(err error) error {
	var wrongRecord tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	var dialling *net.OpError
	dialled := !errors.As(err, &dialling) || dialling.Op != "dial"
	var sentence string
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case isTimeout(err) && !dialled:
		sentence = fmt.Sprintf("no gateway answers at %s within %s; %s", c.address, inSeconds(c.dialTimeout()), elsewhere)
	case isTimeout(err):
		sentence = fmt.Sprintf("the gateway at %s has not answered within %s", c.address, inSeconds(c.timeout))
	case errors.As(err, &untrusted):
		sentence = fmt.Sprintf("the certificate of %s is not trusted: %v; name its authority with --ca", c.address, untrusted.Err)
	case errors.As(err, &wrongRecord), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		sentence = fmt.Sprintf("what answers at %s does not speak TLS: leave https:// away", c.address)
	case isNoHTTP(err):
		sentence = fmt.Sprintf("what answers at %s does not speak HTTP, so it is no admin.listen of idlegate; %s", c.address, elsewhere)
	case !dialled:
		sentence = fmt.Sprintf("no gateway answers at %s: %s; %s", c.address, cause(err), elsewhere)
	default:
		sentence = fmt.Sprintf("the call to %s broke off: %s", c.address, cause(err))
	}
	return &Unreachable{sentence: sentence, err: err}
}

// isNoHTTP reports whether an answer was none of HTTP. The transport has no type for that; where the other end speaks first, it
// says so by the second of these (net/http of Go 1.26, transport.go, readLoop).
func isNoHTTP(err error) bool {
	return strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "readLoopPeekFail")
}

func isTimeout(err error) bool {
	var slow net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &slow) && slow.Timeout()
}

// cause is the innermost of what went wrong, without the addresses that the errors around it repeat.
func cause(err error) string {
	var number syscall.Errno
	var name *net.DNSError
	switch {
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &name):
		return fmt.Sprintf("%s: %s", name.Name, name.Err)
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }

// clip bounds what is quoted of an answer.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
