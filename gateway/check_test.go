package gateway

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"idlegate/policy"
)

// look is checked where commands cannot: with a name server of the test's own.
func TestCheckLooksUpNames(t *testing.T) {
	cfg := parsed(t, `
upstreams:
  u: {endpoints: ["there.example:9000", "absent.example:9000", "silent.example:9000", "10.0.0.1:9000"]}
  own: {endpoints: ["there.example:7001"]}
routes:
  - {name: a, listen: "absent.example:7000", protocol: raw, upstream: u, policy: {long: {}}}
  - {name: b, listen: ["10.0.0.9:7001", "silent.example:7002"], protocol: raw, upstream: own, policy: {long: {}}}`)
	server := resolver{lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
		switch host {
		case "there.example":
			return []netip.Addr{netip.MustParseAddr("10.0.0.9")}, nil
		case "absent.example":
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true}
	}}
	l := &look{cfg: cfg, hosts: map[string][]netip.Addr{}}
	l.names(server)
	l.circles(nil)
	expectPaths(t, "problems", l.problems, "routes[0].listen", "routes[1].listen[1]", "upstreams.own.endpoints[0]")
	expectPaths(t, "warnings", l.warnings, "upstreams.u.endpoints[1]", "upstreams.u.endpoints[2]")
}

func TestCheckWarnsOfAddressesThatTheMachineDoesNotHave(t *testing.T) {
	cfg := parsed(t, `
upstreams: {u: {endpoints: ["10.0.0.1:9000"]}}
routes:
  - {name: a, listen: ["192.0.2.1:7000", "127.0.0.9:7000", "[::1]:7000"], protocol: raw, upstream: u, policy: {long: {}}}
  - {name: b, listen: ["0.0.0.0:7001", "192.0.2.2:7000", "name.example:7000"], protocol: raw, upstream: u, policy: {long: {}}}`)
	own := map[netip.Addr]bool{netip.MustParseAddr("192.0.2.1"): true}
	l := &look{cfg: cfg}
	l.foreign(own)
	expectPaths(t, "warnings", l.warnings, "routes[1].listen[1]")
	cannotTell := &look{cfg: cfg}
	cannotTell.foreign(nil)
	expectPaths(t, "warnings where no address can be told", cannotTell.warnings)
}

func expectPaths(t *testing.T, what string, got policy.Problems, want ...string) {
	t.Helper()
	var paths []string
	for _, p := range got {
		paths = append(paths, p.Path)
		if p.Line < 3 || strings.Contains(p.Text, p.Path) {
			t.Errorf("%s has no place, or has it twice", p)
		}
	}
	slices.Sort(paths)
	if !slices.Equal(paths, want) {
		t.Errorf("%s are %q, want %q", what, got, want)
	}
}

// What check says of files and what New does with them are held together.
func TestCheckRefusesTheFilesThatNewRefuses(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "no.pem"), []byte("no certificate"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "token"), []byte("secret\n"), 0o600))
	tests := []struct{ text, path string }{
		{`admin: {listen: "127.0.0.1:0", token_file: token}`, ""},
		{`admin: {listen: "127.0.0.1:0", token_file: none}`, "admin.token_file"},
		{`admin: {listen: "127.0.0.1:0", tls: {cert: no.pem, key: no.pem}}`, "admin.tls.cert"},
		{`admin: {listen: "127.0.0.1:0", tls: {cert: no.pem, key: none}}`, "admin.tls.key"},
		{`admin: {listen: "unix:` + dir + `/none/admin.sock"}`, "admin.listen"},
		{`admin: {listen: "unix:` + dir + `/token"}`, "admin.listen"},
		{`admin: {listen: "unix:` + dir + `"}`, "admin.listen"},
		{`log: {file: log}`, ""},
		{`log: {file: none/log}`, "log.file"},
		{`log: {file: .}`, "log.file"},
		{`advise_file: advice`, ""},
		{`advise_file: none`, ""},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			text := test.text
			if !strings.HasPrefix(text, "admin") {
				text += "\nadmin: {listen: \"127.0.0.1:0\"}"
			}
			cfg, err := policy.Parse(filepath.Join(dir, "gate.yaml"), []byte(text+`
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`))
			must(t, err)
			problems, _ := Check(CheckConfig{Policy: cfg, Offline: true})
			if test.path == "" && len(problems) > 0 || test.path != "" && (len(problems) != 1 || problems[0].Path != test.path) {
				t.Errorf("problems are %q, want one of %q", problems, test.path)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
				t.Errorf("it leaves %q", left)
			}
			g, err := New(Config{Policy: cfg, Version: "test"})
			if err == nil {
				g.release()
				_ = os.Remove(filepath.Join(dir, "log"))
			}
			if refused := err != nil; refused != (test.path != "") {
				t.Errorf("New says %v", err)
			}
		})
	}
}

func TestCheckWarnsOfSourceAddressesThatTheMachineDoesNotHave(t *testing.T) {
	l := &look{cfg: parsed(t, `
upstreams: {u: {endpoints: ["127.0.0.1:1"], source_addresses: [127.0.0.9, 192.0.2.1, 192.0.2.7]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`)}
	l.foreignSources(map[netip.Addr]bool{netip.MustParseAddr("192.0.2.7"): true})
	expectPaths(t, "warnings", l.warnings, "upstreams.u.source_addresses[1]")
}

func TestANameThatLeadsBackToItsRouteIsACircle(t *testing.T) {
	l := &look{hosts: map[string][]netip.Addr{"gate.example": {netip.MustParseAddr("192.0.2.7")}}, cfg: parsed(t, `
upstreams: {u: {dns: {name: gate.example, port: 7000}}}
routes: [{name: r, listen: "192.0.2.7:7000", protocol: raw, upstream: u, policy: {long: {}}}]`)}
	l.circles(map[netip.Addr]bool{})
	expectPaths(t, "problems", l.problems, "upstreams.u.dns.name")
}

// A gateway starts without the file of advice; check warns that it would be missed.
func TestCheckFindsAFolderInWhichTheFileOfAdviceCannotBeMade(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "letter"), []byte("Dear Sir"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	readOnly := "/proc/self/advice" // also for root
	for file, want := range map[string]string{
		"advice": "", "folder/advice": "", "none": "", "absent/advice": "no such file", "letter/advice": "not a directory",
		"letter": "is no file of advice", "folder": "a directory, not a regular file", readOnly: "make a file in /proc/self",
	} {
		cfg, err := policy.Parse(filepath.Join(dir, "gate.yaml"), []byte("advise_file: "+file+`
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`))
		must(t, err)
		problems, warnings := Check(CheckConfig{Policy: cfg, Offline: true})
		switch {
		case len(problems) > 0, want == "" && len(warnings) > 0, want != "" && len(warnings) != 1:
			t.Errorf("%s: %v, warned of %v", file, problems, warnings)
		case want != "" && (warnings[0].Path != "advise_file" || warnings[0].Line != 1 || !strings.Contains(warnings[0].Text, want)):
			t.Errorf("%s: %v, want %q", file, warnings[0], want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
		t.Errorf("it leaves %q", left)
	}
}
