package policy

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// place is one key of a file: its mapping, its index there, and its path.
type place struct {
	mapping *yaml.Node
	index   int
	path    string
}

// TestEveryKeyIsStrict breaks each key of a file that has all of them, in each way that a key can be broken.
func TestEveryKeyIsStrict(t *testing.T) {
	source := read(t, "testdata/good/everything.yaml")
	breaks := []struct {
		rule  string
		spoil func(place)
		want  func(key string) string
	}{
		{"misspelt", misspell, func(key string) string { return "unknown key " + strconv.Quote(key+"x") }},
		{"without a value", setNull, func(string) string { return "has no value" }},
		{"twice", repeat, func(key string) string { return "duplicate key " + strconv.Quote(key) }},
		{"of a wrong type", setNested, func(string) string { return "must be" }},
	}
	for i, at := range places(document(t, source), "") {
		for _, b := range breaks {
			if b.rule == "misspelt" && isDeclaredName(at.path) {
				continue
			}
			t.Run(at.path+" "+b.rule, func(t *testing.T) {
				root := document(t, source)
				spoiled := places(root, "")[i]
				key := spoiled.mapping.Content[spoiled.index].Value
				b.spoil(spoiled)
				expectProblem(t, root, b.want(key))
			})
		}
	}
}

// TestEverythingHasEveryKey keeps the file of the test above complete: it has all that any effective file has.
func TestEverythingHasEveryKey(t *testing.T) {
	have := keyNames(t, "testdata/good/everything.yaml")
	for _, other := range append(glob(t, "testdata/good/*.golden"), "../cmd/idlegate/testdata/every_key.yaml") {
		for key := range keyNames(t, other) {
			if !have[key] {
				t.Errorf("testdata/good/everything.yaml lacks %s, which %s has", key, other)
			}
		}
	}
	for _, name := range new(Config).keys().all() {
		if !have[name] {
			t.Errorf("testdata/good/everything.yaml lacks %s", name)
		}
	}
}

// all are the names of these keys and of those below them.
func (list keys) all() []string {
	names := list.names()
	for _, k := range list {
		if k.takes.below != nil {
			names = append(names, k.takes.below().all()...)
		}
	}
	return names
}

func expectProblem(t *testing.T, root *yaml.Node, want string) {
	t.Helper()
	data, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("file", data)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want one with %q", err, want)
	}
}

func misspell(p place) { p.mapping.Content[p.index].Value += "x" }

func setNull(p place) {
	p.mapping.Content[p.index+1] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

func repeat(p place) {
	p.mapping.Content = append(p.mapping.Content, p.mapping.Content[p.index], p.mapping.Content[p.index+1])
}

// setNested makes the value a list in a list, which no key has.
func setNested(p place) {
	inner := &yaml.Node{Kind: yaml.SequenceNode}
	p.mapping.Content[p.index+1] = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{inner}}
}

// isDeclaredName says that the operator chose the key of that path.
func isDeclaredName(path string) bool {
	section, name, _ := strings.Cut(strings.TrimPrefix(path, "."), ".")
	return (section == "policies" || section == "upstreams") && name != "" && !strings.Contains(name, ".")
}

// places lists every key at and below n.
func places(n *yaml.Node, path string) []place {
	var all []place
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			all = append(all, places(child, path+"["+strconv.Itoa(i)+"]")...)
		case n.Kind == yaml.MappingNode && i%2 == 0:
			below := path + "." + child.Value
			all = append(all, place{n, i, below})
			all = append(all, places(n.Content[i+1], below)...)
		}
	}
	return all
}

func keyNames(t *testing.T, file string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, p := range places(document(t, read(t, file)), "") {
		if !isDeclaredName(p.path) {
			names[p.mapping.Content[p.index].Value] = true
		}
	}
	return names
}

func document(t *testing.T, data []byte) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	return n.Content[0]
}

// A timer's key can take more than a duration, since the list of keys asks only its value.
func TestATimerCanTakeAMapping(t *testing.T) {
	var after, timeout time.Duration
	list := keys{{name: "probe", takes: either(duration(&timeout), mapping(keys{
		{name: "after", takes: duration(&after), example: "45s"},
		{name: "timeout", takes: duration(&timeout), standard: "10s"},
	}))}}
	for text, want := range map[string][2]time.Duration{
		"probe: {after: 45s, timeout: 5s}": {45 * time.Second, 5 * time.Second},
		"probe: {after: 1m}":               {time.Minute, 10 * time.Second},
		"probe: 7s":                        {0, 7 * time.Second},
	} {
		after, timeout = 0, 0
		list[0].takes.below().setDefaults()
		r := &reader{}
		cursor{r: r}.to(document(t, []byte(text)), "").mapping(list)
		if got := [2]time.Duration{after, timeout}; got != want || len(r.problems) > 0 {
			t.Errorf("%s reads as %v with %v, want %v", text, got, r.problems, want)
		}
	}
}

func TestEnumsReadWhatTheyWrite(t *testing.T) {
	checkWords(t, Short, Long)
	checkWords(t, ResetOnClient, ResetOnUpstream, ResetOnEither)
	checkWords(t, CloseFIN, CloseRST)
	checkWords(t, HeartbeatForward, HeartbeatAnswer)
	checkWords(t, OnFullWait, OnFullRefuse, OnFullEvictIdlest)
	checkWords(t, LeastConnections, RoundRobin, Random, SourceHash)
	checkWords(t, ProxyNone, ProxyV1, ProxyV2)
	checkWords(t, OverClose, OverDelay)
	checkWords(t, ConnectOnAccept, ConnectOnFirstMessage)
	checkWords(t, LevelInfo, LevelDebug, LevelWarn, LevelError)
	checkWords(t, FormatText, FormatJSON)
	checkWords(t, ConnectionsAll, ConnectionsFaults, ConnectionsNone)
	checkWords(t, Raw, LengthField, Delimiter, Fixed, Varint, RESP, MQTT, Postgres, MySQL, WebSocket, AMQP, STOMP, FIX, NATS, Memcached, Kafka, Modbus)
	checkWords(t, BigEndian, LittleEndian)
}

// checkWords checks the values of an enum, which must be all that it has.
func checkWords[E enum](t *testing.T, values ...E) {
	t.Helper()
	words := 0
	for _, word := range values[0].words() {
		if word != "" {
			words++
		}
	}
	var back []E
	for _, value := range values {
		if again, ok := valueOf[E](wordOf(value)); ok {
			back = append(back, again)
		}
	}
	if diff := cmp.Diff(values, back); diff != "" || words != len(values) {
		t.Errorf("%T has %d words for %d values (-value +read back):\n%s", values[0], words, len(values), diff)
	}
	if _, ok := valueOf[E](""); ok {
		t.Errorf("%T has a value without a word", values[0])
	}
}
