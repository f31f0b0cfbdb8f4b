package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "idlegate/"
	pure   = "gateway/internal/protocol gateway/internal/deadline gateway/internal/session gateway/internal/wheel gateway/internal/advice gateway/internal/drain"
	unix   = "golang.org/x/sys/unix"
)

// arrow is a rule about what packages may, or may not, depend on.
type arrow struct{ from, to, why string }

// arrows are the packages of the module that each may import, the lowest first: a line names only packages that have a
// line above it. "x/..." is x and all that lies in it. What has no line here must be given one.
var arrows = []arrow{
	{"policy/units", "", "a duration is written the same everywhere"},
	{"gateway/internal/protocol", "", "messages are found in bytes alone"},
	{"gateway/internal/deadline", "", "when a timer is due is arithmetic"},
	{"gateway/internal/wheel", "", "a wheel holds numbers, not sessions"},
	{"gateway/internal/session", "gateway/internal/protocol gateway/internal/deadline", "a session is messages and timers"},
	{"gateway/internal/advice", "policy/units", "what to advise is arithmetic on what was counted"},
	{"gateway/internal/reactor", "", "system calls know nothing of what they are made for"},
	{"gateway/internal/logsink", "", "a sink takes any line"},
	{"gateway/internal/file", "", "a file is read whatever it is for"},
	{"gateway/internal/arrival", "", "what a client says before it has a route is bytes and addresses"},
	{"gateway/internal/tlsio", "", "crypto/tls is given bytes, wherever they come from"},
	{"gateway/internal/tlsconf", "gateway/internal/file", "certificates are files"},
	{"gateway/internal/drain", "gateway/internal/deadline", "by when what drains ends is arithmetic, whatever it is that drains"},
	{"gateway/internal/upstream", "gateway/internal/drain gateway/internal/reactor", "an endpoint is an address to connect to"},
	{"gateway/internal/health", "policy/units", "a check connects and says what came of it, whatever it is that is checked"},
	{"gateway/internal/names", "", "what a name stands for is no matter of who connects there"},
	{"metrics", "", "who counts fills in plain figures"},
	{"policy", "policy/units", "a policy file can be read and checked anywhere"},
	{"gateway/internal/ledger", "gateway/internal/tlsio gateway/internal/session gateway/internal/protocol gateway/internal/deadline gateway/internal/advice metrics", "what has happened is counted in plain figures, on whichever loop it did"},
	{"gateway/internal/advicefile", "gateway/internal/advice gateway/internal/ledger metrics", "what is kept is plain figures, wherever they were counted"},
	{"gateway/internal/relay", pure + " gateway/internal/tlsio gateway/internal/arrival gateway/internal/reactor gateway/internal/upstream gateway/internal/ledger metrics", "loops are told what to do in plain values: no policy"},
	{"gateway/admin/api", "", "the words of the API stand for themselves"},
	{"gateway/admin", "gateway/admin/api metrics policy/units", "the operator's server knows the gateway by an interface of its own"},
	{"gateway", pure + " gateway/internal/arrival gateway/internal/reactor gateway/internal/logsink gateway/internal/file gateway/internal/tlsconf gateway/internal/tlsio gateway/internal/names gateway/internal/health gateway/internal/upstream gateway/internal/ledger gateway/internal/advicefile gateway/internal/relay gateway/admin gateway/admin/api metrics policy", "it puts all together, and is no command"},
	{"deploy/internal/docker", "", "a container runs whatever is in it"},
	{"deploy/internal/debian", "deploy/internal/docker", "an image of Debian holds nothing of the gateway"},
	{"deploy/internal/built", "deploy/internal/docker", "the gateway is built as anybody may"},
	{"deploy/internal/lab", "", "a gateway is run as a program, and Prometheus too"},
	{"deploy", "", "it holds files, and tests of them"},
	{"deploy/compose", "", "it holds files, and tests of them"},
	{"deploy/compose/crew", "", "backends and clients know nothing of the gateway"},
	{"deploy/hosts", "", "it holds files, and tests of them"},
	{"deploy/grafana", "", "it holds files, and tests of them"},
	{"deploy/prometheus", "", "it holds files, and tests of them"},
	{"cmd/idlegate/...", "cmd/idlegate/... gateway gateway/admin/api metrics policy policy/units", "a command uses the gateway as anybody may"},
	{"cmd/idlebench/...", "cmd/idlebench/...", "a benchmark runs the gateway as it runs the others: as a program"},
}

// walls are packages that must not be reached, directly or through others.
var walls = []arrow{
	{pure, "net os log log/slog " + unix, "they take state, bytes and now, and never touch a socket, a file or a clock"},
	{"policy", "net " + unix, "policy knows no sockets: its addresses are net/netip's"},
	{"gateway/internal/reactor gateway/internal/upstream", "gopkg.in/yaml.v3 github.com/prometheus/client_golang/prometheus log log/slog", "loops must not wait for what these do"},
	{"gateway/internal/relay", "gopkg.in/yaml.v3", "loops are told what to do in plain values"},
}

// restricted are packages that only some may import themselves.
var restricted = []struct{ to, only, why string }{
	{unix, "gateway/internal/reactor cmd/idlebench/...", "one package of the gateway makes system calls"},
	{"net", "gateway gateway/admin gateway/internal/names gateway/internal/health gateway/internal/arrival gateway/internal/tlsio cmd/... deploy/...", "clients and upstreams are on the loops, only the operator, name servers and health checks are not (arrival takes addresses from a library in its form)"},
	{"os", "gateway gateway/internal/file gateway/internal/advicefile gateway/internal/health gateway/internal/reactor cmd/... deploy/...", "a file or the environment is looked at where it is named in the policy"},
	{"log/slog", "gateway gateway/admin cmd/...", "what happens on loops is reported through an interface, which does not wait"},
	{"gopkg.in/yaml.v3", "policy", "one package knows how a policy is written"},
	{"github.com/prometheus/client_golang/prometheus", "metrics", "one package knows how figures are published"},
	{"github.com/spf13/cobra", "cmd/...", "flags belong to commands"},
	{"flag", "cmd/...", "flags belong to commands"},
}

// listed is a package as the go command lists it.
type listed struct {
	ImportPath string
	Imports    []string // by its files that are no tests
	Deps       []string // and what these import in turn
}

// name is the path in the module.
func (p listed) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) (all []listed) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	list.Dir, list.Stderr = "..", os.Stderr
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// in reports whether list names a package, or a folder that it lies in.
func in(list, name string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(entry string) bool {
		folder, all := strings.CutSuffix(entry, "/...")
		return entry == name || all && (folder == name || strings.HasPrefix(name, folder+"/"))
	})
}

func TestImportsPointDownwards(t *testing.T) {
	var above []string
	for _, row := range arrows {
		above = append(above, row.from)
		for _, to := range strings.Fields(row.to) {
			if !slices.Contains(above, to) {
				t.Errorf("%s may import %s, which does not lie below it", row.from, to)
			}
		}
	}
	for _, p := range packages(t) {
		i := slices.IndexFunc(arrows, func(row arrow) bool { return in(row.from, p.name()) })
		if i < 0 {
			t.Errorf("%s has no line in arrows: say what it may import, and why", p.name())
			continue
		}
		for _, path := range p.Imports {
			if to, ours := strings.CutPrefix(path, module); ours && !in(arrows[i].to, to) {
				t.Errorf("%s imports %s, but %s", p.name(), to, arrows[i].why)
			}
		}
	}
}

func TestPackagesKeepToThemselves(t *testing.T) {
	all := packages(t)
	for _, row := range walls {
		for _, from := range strings.Fields(row.from) {
			i := slices.IndexFunc(all, func(p listed) bool { return p.name() == from })
			if i < 0 {
				t.Errorf("there is no package %s", from)
				continue
			}
			for _, to := range strings.Fields(row.to) {
				if slices.Contains(all[i].Deps, to) {
					t.Errorf("%s depends on %s, but %s", from, to, row.why)
				}
			}
		}
	}
	for _, row := range restricted {
		for _, p := range all {
			if slices.Contains(p.Imports, row.to) && !in(row.only, p.name()) {
				t.Errorf("%s imports %s, but %s", p.name(), row.to, row.why)
			}
		}
	}
}

func TestTheRootHoldsOnlyItsFolders(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	const left = "bench bin dist" // by make bench, kubernetes-server and release, and ignored by git
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !in("cmd policy metrics gateway deploy "+left, e.Name()) {
			t.Errorf("there is a folder %s", e.Name())
		}
	}
}

const (
	longestFile     = 400 // lines
	longestFunction = 70
)

func TestFilesAndFunctionsAreShort(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		return checkLengths(t, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

func checkLengths(t *testing.T, path string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if n := set.File(file.FileStart).LineCount(); n > longestFile {
		t.Errorf("%s has %d lines, more than %d", path, n, longestFile)
	}
	for _, declared := range file.Decls {
		f, ok := declared.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > longestFunction {
			t.Errorf("%s: %s has %d lines, more than %d", path, f.Name.Name, n, longestFunction)
		}
	}
	return nil
}
