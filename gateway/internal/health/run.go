package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"idlegate/policy/units"
)

// Run makes one check. Its errors are short enough for a line, and do not name the endpoint; where a system call has failed they wrap
// its errno.
func Run(ctx context.Context, t Target) error {
	ctx, cancel := context.WithTimeout(ctx, t.Rule.Timeout)
	defer cancel()
	conn, err := t.Dial(ctx)
	if err != nil {
		return t.explain(ctx, "connect", err)
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	if err := conn.SetDeadline(end); err != nil {
		return t.explain(ctx, "connect", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })() // the target may be gone sooner
	if len(t.Rule.Send) > 0 {
		if _, err := conn.Write(t.Rule.Send); err != nil {
			return t.explain(ctx, "send", err)
		}
	}
	return t.expect(ctx, conn)
}

// expect reads what is expected, and no more. A difference is found out at the first byte that differs.
func (t *Target) expect(ctx context.Context, conn net.Conn) error {
	want := t.Rule.Expect
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		n, err := conn.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		switch {
		case !bytes.HasPrefix(want, got):
			return fmt.Errorf("the answer begins with %s, not %s", quote(got), quote(want))
		case len(got) == len(want):
		case errors.Is(err, io.EOF):
			return fmt.Errorf("closed after %d of the %d bytes that are expected", len(got), len(want))
		case errors.Is(err, os.ErrDeadlineExceeded) && len(got) > 0:
			return fmt.Errorf("%d of the %d bytes that are expected within %s", len(got), len(want), units.FormatDuration(t.Rule.Timeout))
		case err != nil:
			return t.explain(ctx, "read", err)
		}
	}
	return nil
}

// explain puts an error into the words of an operator.
func (t *Target) explain(ctx context.Context, what string, err error) error {
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.As(err, &errno) && errno != syscall.EAGAIN:
		return fmt.Errorf("%s: %w", what, errno)
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		if what == "connect" {
			return fmt.Errorf("not connected within %s", units.FormatDuration(t.Rule.Timeout))
		}
		return fmt.Errorf("no answer within %s", units.FormatDuration(t.Rule.Timeout))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// quote shows bytes as text where they are, and in hex where they are not; at most the first of them.
func quote(b []byte) string {
	const most = 32
	tail := ""
	if len(b) > most {
		b, tail = b[:most], "..."
	}
	for _, char := range b {
		if (char < ' ' || char > '~') && char != '\r' && char != '\n' {
			return fmt.Sprintf("hex %x%s", b, tail)
		}
	}
	return strconv.Quote(string(b)) + tail
}
