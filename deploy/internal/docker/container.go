package docker

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Options say what to run, and how.
type Options struct {
	Image string
	Flags []string // of docker run
}

// Container is one that has been started. It is removed, with its anonymous volumes, when the test ends; if the test has
// failed, its log is shown first.
type Container struct{ ID string }

// Run starts a container in the background with args as its command.
func Run(t testing.TB, o Options, args ...string) *Container {
	t.Helper()
	create := append([]string{"create"}, o.Flags...)
	c := &Container{Command(t, append(append(create, o.Image), args...)...)}
	t.Cleanup(func() { remove("rm", "--force", "--volumes", c.ID) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of the container:\n%s", logs(c.ID))
		}
	})
	Command(t, "start", c.ID)
	return c
}

// Exec runs a program in the container and returns what it printed. The test fails if it does.
func (c *Container) Exec(t testing.TB, args ...string) string {
	t.Helper()
	return Command(t, append([]string{"exec", c.ID}, args...)...)
}

// TryExec runs a program in the container and returns what it printed. The error of one that failed holds what it said.
func (c *Container) TryExec(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return Try(t, append([]string{"exec", c.ID}, args...)...)
}

// Shell runs a script of sh in the container and returns what it printed. The test fails if it does.
func (c *Container) Shell(t testing.TB, script string) string {
	t.Helper()
	return c.Exec(t, "sh", "-ec", script)
}

// Copy puts a file or folder of this machine into the container.
func (c *Container) Copy(t testing.TB, from, to string) {
	t.Helper()
	Command(t, "cp", from, c.ID+":"+to)
}

// Inspect returns what the engine knows of the container, in the form of a Go template.
func (c *Container) Inspect(t testing.TB, format string) string {
	t.Helper()
	return Command(t, "inspect", "--format", format, c.ID)
}

// Address is the container's IP address in the network with that name; "bridge" is the one that containers have by default.
func (c *Container) Address(t testing.TB, network string) string {
	t.Helper()
	return c.Inspect(t, `{{(index .NetworkSettings.Networks "`+network+`").IPAddress}}`)
}

// Logs is what the container has written to standard output and standard error.
func (c *Container) Logs(testing.TB) string { return logs(c.ID) }

// Signal sends a signal, named without SIG, to the container's first process.
func (c *Container) Signal(t testing.TB, signal string) {
	t.Helper()
	Command(t, "kill", "--signal", signal, c.ID)
}

// Wait waits until the container's first process has ended, and returns its exit code.
func (c *Container) Wait(t testing.TB) int {
	t.Helper()
	code, err := strconv.Atoi(Command(t, "wait", c.ID))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Eventually runs a script of sh in the container, twice a second, until it succeeds, and returns what it printed then. The test
// fails when it has not within two minutes.
func (c *Container) Eventually(t testing.TB, script string) string {
	t.Helper()
	end := time.After(2 * time.Minute)
	for {
		out, err := c.TryExec(t, "sh", "-ec", script)
		if err == nil {
			return strings.TrimSpace(out)
		}
		select {
		case <-end:
			t.Fatalf("not within two minutes: %v", err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}
