// Package grafana_test holds the dashboard to what it promises: Grafana's own types read it, all metrics are on it, and every
// query of it finds something in a real Prometheus that scrapes a running gateway.
package grafana_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const file = "idlegate.json"

// classic is the form of dashboards that every Grafana imports; the second one needs Grafana 12.
type classic = dashboard.Dashboard //nolint:staticcheck // deprecated for the second one, see above

// board is what these tests look at of the dashboard.
type board struct {
	Panels      []panel
	Templating  struct{ List []variable }
	Annotations struct {
		List []struct{ Name, Expr string }
	}
}

type panel struct {
	ID          uint32
	Type, Title string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Targets     []query
	Panels      []panel
}

type query struct {
	Expr, RefID string
	Datasource  struct{ UID string }
}

type variable struct {
	Name, Definition string
}

func readBoard(t *testing.T) (b board) {
	t.Helper()
	if err := json.Unmarshal(read(t, file), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// queries are all of the board, by what they are for.
func (b board) queries() map[string]string {
	all := map[string]string{}
	for _, p := range b.Panels {
		for _, q := range p.Targets {
			all[p.Title+" "+q.RefID] = q.Expr
		}
	}
	for _, a := range b.Annotations.List {
		if a.Expr != "" {
			all["annotation "+a.Name] = a.Expr
		}
	}
	return all
}

// The types are generated from Grafana's schema: a key or an option that it does not know is an error.
func TestGrafanasTypesReadTheDashboard(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	text := string(read(t, file))
	if problems := strict(text); problems != "" {
		t.Error(problems)
	}
	var d classic
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	if b := readBoard(t); len(d.Panels) != len(b.Panels) || len(b.queries()) < 60 {
		t.Errorf("Grafana's types have %d panels, and %d panels have %d queries", len(d.Panels), len(b.Panels), len(b.queries()))
	}
	for _, key := range []string{"graphTooltip", "gridPos", "legendFormat", "reduceOptions", "drawStyle", "multi", "iconColor"} {
		if strict(strings.Replace(text, `"`+key+`"`, `"`+key+`s"`, 1)) == "" {
			t.Errorf("%ss instead of %s is not noticed", key, key)
		}
	}
}

// strict is what Grafana's types have against a dashboard. An error of theirs may be none at all.
func strict(text string) string {
	if err := new(classic).UnmarshalJSONStrict([]byte(text)); err != nil {
		return err.Error()
	}
	return ""
}

func TestPanelsStandBesideEachOther(t *testing.T) {
	const columns = 24
	taken := map[[2]int]string{}
	ids, titles := map[uint32]bool{}, map[string]bool{}
	for _, p := range readBoard(t).Panels {
		if ids[p.ID] || titles[p.Type+p.Title] || p.Title == "" {
			t.Errorf("there is more than one panel %d or %q", p.ID, p.Title)
		}
		ids[p.ID], titles[p.Type+p.Title] = true, true
		if p.GridPos.X+p.GridPos.W > columns {
			t.Errorf("%s is too wide for where it stands", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, q := range p.Targets {
			if q.Datasource.UID != "${datasource}" {
				t.Errorf("%s asks %q, not the Prometheus that was chosen", p.Title, q.Datasource.UID)
			}
		}
	}
}

var used = regexp.MustCompile(`\$\{?(\w+)`)

func TestEveryVariableIsUsedAndEveryUsedOneIsThere(t *testing.T) {
	b := readBoard(t)
	inUse := map[string]bool{"datasource": true}
	text := slices.Collect(maps.Values(b.queries()))
	for _, v := range b.Templating.List {
		text = append(text, v.Definition)
	}
	for _, m := range used.FindAllStringSubmatch(strings.Join(text, "\n"), -1) {
		inUse[m[1]] = true
	}
	there := map[string]bool{"__rate_interval": true, "__range": true}
	for _, v := range b.Templating.List {
		there[v.Name] = true
		if !inUse[v.Name] {
			t.Errorf("no query uses $%s", v.Name)
		}
	}
	for name := range inUse {
		if !there[name] {
			t.Errorf("there is no variable $%s", name)
		}
	}
}

var metricRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (?:gauge|counter|histogram) \\|")

// The list is the one of the operator's README, which another test holds to what is published.
func TestEveryMetricIsOnTheDashboard(t *testing.T) {
	var all strings.Builder
	for _, expr := range readBoard(t).queries() {
		all.WriteString(expr + "\n")
	}
	rows := metricRow.FindAllSubmatch(read(t, "../../gateway/admin/README.md"), -1)
	if len(rows) < 30 {
		t.Fatalf("the README has only %d metrics", len(rows))
	}
	for _, row := range rows {
		if !regexp.MustCompile(`\bidlegate_` + string(row[1]) + `\b`).MatchString(all.String()) {
			t.Errorf("%s is not on the dashboard", row[1])
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var rowOfReadme = regexp.MustCompile(`(?m)^\| ([A-Z][^|]*) \| [a-z]`)

func TestTheReadmeHasEachRow(t *testing.T) {
	var rows, told []string
	for _, p := range readBoard(t).Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
	}
	for _, m := range rowOfReadme.FindAllStringSubmatch(string(read(t, "README.md")), -1) {
		told = append(told, m[1])
	}
	if !slices.Equal(rows, told) {
		t.Errorf("the dashboard has the rows\n%q\nand the README\n%q", rows, told)
	}
}
