package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// operator has the binary, a policy file and a gateway that runs it, in a directory. All that is seen goes through the commands,
// the metrics, the log, the API and the page.
type operator struct {
	*testing.T // of the step that is under way
	binary     string
	dir        string
	file       string // the policy file
	log        string
	admin      string // address
	gateway    *exec.Cmd
	exited     chan struct{} // closed once the gateway has; then failure is how
	failure    error
}

// employ gives an operator who has built the binary and written a policy file, that logs to gateway.log.
func employ(t *testing.T, binary, policy string) *operator {
	t.Helper()
	dir := t.TempDir()
	o := &operator{T: t, binary: binary, dir: dir, file: filepath.Join(dir, "idlegate.yaml"), log: filepath.Join(dir, "gateway.log")}
	o.write(policy)
	return o
}

// serve starts the gateway, and waits until it serves. It is killed at the end of the test if it still runs.
func (o *operator) serve() {
	o.Helper()
	o.gateway = exec.Command(o.binary, "run", "-c", "idlegate.yaml")
	o.gateway.Dir = o.dir
	var stderr bytes.Buffer
	o.gateway.Stderr = &stderr
	if err := o.gateway.Start(); err != nil {
		o.Fatal(err)
	}
	o.exited = make(chan struct{})
	go func() {
		o.failure = o.gateway.Wait()
		close(o.exited)
	}()
	o.Cleanup(func() {
		_ = o.gateway.Process.Kill() // it may have ended
		<-o.exited
		if stderr.Len() > 0 {
			o.Errorf("the gateway says on standard error: %s", &stderr)
		}
	})
	o.until("the gateway serves", func() bool { return o.logged(`msg=listening .*`) > 0 && o.logged(`msg="serving the operator" .*`) > 0 })
	o.admin = o.inLog(`msg="serving the operator" address=(\S+)`)
}

// write edits the policy file in place, as a shell's redirection does.
func (o *operator) write(policy string) {
	o.Helper()
	if err := os.WriteFile(o.file, []byte(policy), 0o600); err != nil {
		o.Fatal(err)
	}
}

// save edits the policy file as an editor does: another file takes its name.
func (o *operator) save(policy string) {
	o.Helper()
	next := o.file + "~"
	err := os.WriteFile(next, []byte(policy), 0o600)
	if err := errors.Join(err, os.Rename(next, o.file)); err != nil {
		o.Fatal(err)
	}
}

func (o *operator) policy() string {
	o.Helper()
	data, err := os.ReadFile(o.file)
	if err != nil {
		o.Fatal(err)
	}
	return string(data)
}

// does runs a command of the binary, which must succeed and say nothing on standard error.
func (o *operator) does(args ...string) string {
	o.Helper()
	stdout, stderr := o.tries(0, args...)
	if stderr != "" {
		o.Errorf("idlegate %s says: %s", strings.Join(args, " "), stderr)
	}
	return stdout
}

// tries runs a command of the binary, which must end with an exit code.
func (o *operator) tries(code int, args ...string) (stdout, stderr string) {
	o.Helper()
	cmd := exec.Command(o.binary, args...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "IDLEGATE_ADMIN="+o.admin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		o.Fatal(err)
	}
	o.Logf("$ idlegate %s\n%s%s", strings.Join(args, " "), &out, &complaint)
	if got := cmd.ProcessState.ExitCode(); got != code {
		o.Fatalf("idlegate %s ends with %d, want %d", strings.Join(args, " "), got, code)
	}
	return out.String(), complaint.String()
}

// says demands that a text has each of these patterns in it.
func (o *operator) says(text string, patterns ...string) {
	o.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(text) {
			o.Errorf("nothing in it is like %s:\n%s", pattern, text)
		}
	}
}

// told asks the API what a command shows with -o json.
func told[T any](o *operator, args ...string) (answer T) {
	o.Helper()
	cmd := exec.Command(o.binary, append(args, "-o", "json", "--admin", o.admin)...)
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		o.Fatalf("idlegate %s -o json: %v\n%s", strings.Join(args, " "), err, out)
	}
	return answer
}

// asks calls the API.
func asks[T any](o *operator, path string) (answer T) {
	o.Helper()
	if err := json.Unmarshal(o.get(api.Prefix+path), &answer); err != nil {
		o.Fatalf("%s: %v", path, err)
	}
	return answer
}

func (o *operator) get(path string) []byte {
	o.Helper()
	response, err := http.Get("http://" + o.admin + path)
	if err != nil {
		o.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		o.Fatalf("%s: status %d, %v\n%s", path, response.StatusCode, err, body)
	}
	return body
}

// figure scrapes one series, as in connections{route="devices"}.
func (o *operator) figure(series string) float64 {
	o.Helper()
	found := regexp.MustCompile(`(?m)^idlegate_` + regexp.QuoteMeta(series) + ` (\S+)$`).FindSubmatch(o.get("/metrics"))
	if found == nil {
		o.Fatalf("there is no series %s", series)
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		o.Fatal(err)
	}
	return value
}

// logged counts the lines of the log that a pattern fits.
func (o *operator) logged(pattern string) int {
	return len(o.lines(pattern))
}

// lines are those of the log that a pattern fits, with its groups.
func (o *operator) lines(pattern string) [][]string {
	data, _ := os.ReadFile(o.log) // while there is none it has no lines
	return regexp.MustCompile(`(?m)^.*`+pattern+`.*$`).FindAllStringSubmatch(string(data), -1)
}

// inLog gives the first group of a pattern in the log, which must have it.
func (o *operator) inLog(pattern string) string {
	o.Helper()
	found := o.lines(pattern)
	if len(found) == 0 {
		o.Fatalf("the log has nothing like %s", pattern)
	}
	return found[0][1]
}

// until waits for something to be seen.
func (o *operator) until(what string, ok func() bool) {
	o.Helper()
	deadline := time.After(2 * time.Minute) // many times what it takes on a machine that is not busy
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-o.exited:
			o.Fatalf("the gateway has ended, with %v, before: %s", o.failure, what)
		case <-deadline:
			log, _ := os.ReadFile(o.log)
			o.Fatalf("it never comes true: %s\n%s", what, log[max(0, len(log)-4000):])
		}
	}
}

func (o *operator) signal(s syscall.Signal) {
	o.Helper()
	if err := o.gateway.Process.Signal(s); err != nil {
		o.Fatal(err)
	}
}
