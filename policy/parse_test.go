package policy

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write the goldens in testdata/good")

// TestBadFiles parses one file for each rule that a file can break. Its first lines name all that is to be reported.
func TestBadFiles(t *testing.T) {
	for _, file := range glob(t, "testdata/bad/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data := read(t, file)
			want := header(data, "# want: ")
			if len(want) == 0 {
				t.Fatal("the file does not say what is wrong with it")
			}
			_, err := Parse("file", data)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error is %v, not Problems", err)
			}
			if diff := cmp.Diff(want, placed(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGoodFiles compares the effective file with a golden, and the warnings with the first lines of the file.
func TestGoodFiles(t *testing.T) {
	for _, file := range glob(t, "testdata/good/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data := read(t, file)
			config := parse(t, data)
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, config.YAML(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(read(t, golden)), string(config.YAML())); diff != "" {
				t.Errorf("effective file (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(header(data, "# warn: "), placed(config.Warnings())); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			checkRoundTrip(t, config)
		})
	}
}

// checkRoundTrip checks that the effective file means the same and is its own effective file.
func checkRoundTrip(t *testing.T, config *Config) {
	t.Helper()
	printed := config.YAML()
	again, err := Parse("printed", printed)
	if err != nil {
		t.Fatalf("parse what was printed: %v\n%s", err, printed)
	}
	same := []cmp.Option{cmp.AllowUnexported(File{}), cmpopts.IgnoreUnexported(Config{}, Policy{}, Upstream{}, Route{}), cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})}
	if diff := cmp.Diff(config, again, same...); diff != "" {
		t.Errorf("parsed again (-was +is):\n%s", diff)
	}
	if diff := cmp.Diff(bare(printed), bare(again.YAML())); diff != "" {
		t.Errorf("printed again (-was +is):\n%s", diff)
	}
	if changes := Diff(config, again); len(changes) > 0 {
		t.Errorf("parsed again, %d things have changed, the first: %s", len(changes), changes[0])
	}
}

// bare is an effective file without what it says of a value that was not written: in it, it is.
func bare(printed []byte) string {
	return regexp.MustCompile(`(?m) # user_timeout from keepalive: .*$`).ReplaceAllString(string(printed), "")
}

func TestEmptyFile(t *testing.T) {
	_, err := Parse("idlegate.yaml", nil)
	want := "idlegate.yaml:1:1: the file is empty; a policy file has at least upstreams and routes"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestErrorIsOneLineAProblem(t *testing.T) {
	_, err := Parse("idlegate.yaml", []byte("log: {level: loud}\nroutes:\n"))
	want := "idlegate.yaml:1:14: log.level: must be info, debug, warn or error, not \"loud\"\n" +
		"idlegate.yaml:2:1: routes: has no value; write one, or remove it"
	if err == nil || err.Error() != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
}

func TestRoutesShareWhatIsNamed(t *testing.T) {
	config := parse(t, read(t, "testdata/good/reset_on.yaml"))
	shared := config.Policies[0]
	if shared.ResetOn != 0 {
		t.Errorf("reset_on of the shared policy is %v, want it left to the routes", shared.ResetOn)
	}
	want := map[string]ResetOn{
		"raw": ResetOnEither, "framed": ResetOnClient, "inline": ResetOnEither, "written": ResetOnClient,
	}
	for _, r := range config.Routes {
		if r.Policy.ResetOn != want[r.Name] {
			t.Errorf("reset_on of route %s is %v, want %v", r.Name, r.Policy.ResetOn, want[r.Name])
		}
		if r.Upstream != config.Upstreams[0] {
			t.Errorf("the upstream of route %s is not the one that is declared", r.Name)
		}
	}
}

func parse(t *testing.T, data []byte) *Config {
	t.Helper()
	config, err := Parse("file", data)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// placed are problems without their file.
func placed(problems []Problem) []string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, strings.TrimPrefix(p.String(), "file:"))
	}
	return lines
}

// header is what stands behind prefix in the lines of data that begin with it.
func header(data []byte, prefix string) []string {
	var found []string
	for line := range bytes.Lines(data) {
		if text, ok := bytes.CutPrefix(line, []byte(prefix)); ok {
			found = append(found, strings.TrimSuffix(string(text), "\n"))
		}
	}
	return found
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	return files
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
