package admin

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// fleet is a gateway that is not there: three routes with 300 open connections, whose clients speak, fall silent, are cut
// by their timers and come again, all by the clock. It implements Operated.
type fleet struct {
	mu       sync.Mutex
	now      func() time.Time
	rand     *rand.Rand
	started  time.Time
	open     []*member // by id
	lastID   uint64
	ended    []api.Ended // the latest last
	minutes  map[string]map[time.Time]map[string]uint64
	routes   []fleetRoute
	drained  map[string]bool // endpoints
	set      []string        // what SetEndpoint was asked
	ejected  map[string]bool // endpoints
	leaving  bool            // the gateway is being drained
	full     bool            // every place is taken
	broken   bool            // the policy file
	config   api.Config
	stopped  map[string]string // routes by hand: stop or drain
	plans    []string          // what Plan was asked
	more     []api.Alarm       // beside those that the fleet knows of by itself
	unrouted map[string]uint64 // refused before they had a route, by cause
	rich     bool              // connections have TLS, heartbeats and a proxy
	lists    int               // how often connections were listed
	past     []api.Event       // that the fleet itself has said
	hear     []chan api.Event  // of those who listen to what the fleet itself does
	events   chan api.Event    // nil: nothing happens
	noted    []api.Deed
	failure  error // what all calls that can fail answer, where set

	noUpstreams   error                 // what Upstreams answers, where set
	version, host string                // "": v0.4.0 and gate-1
	idle          time.Duration         // idle_timeout of devices in Policies; 0: 90s
	level         string                // of the log by hand
	hands         map[string]api.ByHand // of endpoints
}

// member is one open connection of a fleet.
type member struct {
	id               uint64
	route            fleetRoute
	client, endpoint string
	state            api.State
	rich             bool
	opened, spoke    time.Time
	period           time.Duration // from one message of the client to the next; 0: it has fallen silent for ever
}

// fleetRoute is a route of a fleet.
type fleetRoute struct {
	name, upstream, protocol, policy, kind string
	timer                                  string // the one that ends its connections
	timeout                                time.Duration
	size                                   int // open connections
	endpoints                              []string
}

func fleetRoutes() []fleetRoute {
	devices := []string{"10.0.0.11:9000", "10.0.0.12:9000", "10.0.0.13:9000"}
	chats := []string{"10.0.1.21:5222", "10.0.1.22:5222"}
	return []fleetRoute{
		{"devices", "device_servers", "length_field", "devices", "long", "idle_timeout", 90 * time.Second, 220, devices},
		{"chat", "chat_servers", "delimiter", "chats", "long", "idle_timeout", 10 * time.Minute, 60, chats},
		{"tills", "device_servers", "fixed", "", "short", "deadline", 5 * time.Minute, 20, devices},
	}
}

// fakeFleet makes a fleet that lives by the real clock; see freeze, breakFile and fail.
func fakeFleet() *fleet { return fleetOf(fleetRoutes()) }

// fleetOf makes one with these routes.
func fleetOf(routes []fleetRoute) *fleet {
	now := time.Now()
	f := &fleet{
		routes: routes, stopped: make(map[string]string), hands: make(map[string]api.ByHand),
		now:     time.Now,
		rand:    rand.New(rand.NewPCG(4, 2)),
		started: now.Add(-26 * time.Hour),
		lastID:  48_200,
		minutes: make(map[string]map[time.Time]map[string]uint64),
		drained: map[string]bool{"10.0.0.13:9000": true}, ejected: map[string]bool{"10.0.0.12:9000": true},
	}
	f.config = api.Config{File: "/etc/idlegate/idlegate.yaml", Generation: 7, LoadedAt: now.Add(-3 * time.Hour)}
	f.config.LastReload = f.reloaded(f.config.LoadedAt, "file")
	for _, r := range routes {
		for range r.size {
			f.join(r, now, time.Duration(f.rand.Int64N(int64(r.timeout*9/10))))
		}
		f.pastHour(r, now)
	}
	return f
}

// freeze stops the clock, so that two calls give the same.
func (f *fleet) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	f.now = func() time.Time { return now }
}

// fail makes every call fail that can, until it is told nil.
func (f *fleet) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure = err
}

// join opens a connection that has been there for so long.
func (f *fleet) join(r fleetRoute, now time.Time, age time.Duration) {
	f.lastID++
	n := int(f.lastID)
	m := &member{
		id: f.lastID, route: r, state: api.Open,
		client:   fmt.Sprintf("198.51.%d.%d:%d", 100+n%3, 1+n%250, 20_000+n%40_000),
		endpoint: r.endpoints[n%len(r.endpoints)],
		opened:   now.Add(-age), spoke: now.Add(-age),
	}
	if r.kind == "long" { // the age so far is its silence, and it has been there before that
		m.opened = m.opened.Add(-time.Duration(f.rand.Int64N(int64(20 * time.Hour))))
		m.period = r.timeout * time.Duration(4+n%5) / 10
	}
	switch {
	case n%10 == 0:
		m.period = 0
	case n%37 == 0:
		m.client = fmt.Sprintf("[2001:db8::%x]:%d", n, 20_000+n%40_000)
	case n%61 == 0:
		m.state, m.endpoint = api.Connecting, ""
	case n%67 == 0:
		m.state = api.HalfClosed
	case n%71 == 0:
		m.state, m.endpoint = api.Waiting, ""
	}
	f.open = append(f.open, m)
}

func (m *member) silence(now time.Time) time.Duration {
	silence := max(0, now.Sub(m.spoke))
	if m.period > 0 {
		return silence % m.period
	}
	return silence
}

// left is the time until the member's timer ends it.
func (m *member) left(now time.Time) time.Duration {
	if m.route.kind == "short" {
		return m.route.timeout - now.Sub(m.opened)
	}
	return m.route.timeout - m.silence(now)
}

func (m *member) connection(now time.Time, drained bool) api.Connection {
	silence := m.silence(now)
	messages := uint64(1)
	if m.period > 0 {
		messages += uint64(now.Sub(m.opened) / m.period)
	}
	c := api.Connection{
		ID: m.id, Route: m.route.name, Client: m.client, Endpoint: m.endpoint, State: m.state, OpenedAt: m.opened,
		AgeSeconds: now.Sub(m.opened).Seconds(), SilenceSeconds: silence.Seconds(),
		ClientBytes: messages * 64, ClientMessages: messages, UpstreamBytes: messages * 210, UpstreamMessages: messages,
	}
	if m.rich {
		c.Proxy, c.ClientHeartbeats = "10.9.0.4:41822", messages/3
		c.TLS = &api.TLS{Version: "1.3", Cipher: "TLS_AES_128_GCM_SHA256", ServerName: "devices.example", Certificate: fmt.Sprintf("CN=device-%d", m.id)}
	}
	if drained && m.state == api.Open {
		c.State = api.Draining
	}
	if m.state != api.Connecting {
		c.NextTimer, c.DueSeconds = m.route.timer, new(m.left(now).Seconds())
	}
	return c
}

// settle ends what is due and has as many join. The caller holds mu.
func (f *fleet) settle() time.Time {
	now := f.now()
	for _, m := range slices.Clone(f.open) {
		if m.left(now) <= 0 {
			f.end(m, m.route.timer, now)
			f.join(m.route, now, 0)
		}
	}
	return now
}

func (f *fleet) end(m *member, reason string, now time.Time) {
	c := m.connection(now, false)
	f.open = slices.DeleteFunc(f.open, func(other *member) bool { return other == m })
	end := api.Ended{
		ID: c.ID, Route: c.Route, Client: c.Client, Endpoint: c.Endpoint, Reason: reason, EndedAt: now,
		DurationSeconds: c.AgeSeconds, LongestSilenceSeconds: max(m.period.Seconds(), c.SilenceSeconds),
		ClientBytes: c.ClientBytes, ClientMessages: c.ClientMessages,
		UpstreamBytes: c.UpstreamBytes, UpstreamMessages: c.UpstreamMessages,
	}
	f.ended = append(f.ended, end)
	f.count(m.route.name, reason, now, 1)
	f.say(api.Event{Kind: api.EventEnded, At: now, Ended: &end})
}

// say sends an event to all that listen, unless they have too much to read already. The caller holds mu.
func (f *fleet) say(e api.Event) {
	if e.Kind != api.EventEnded {
		f.past = append(f.past, e)
	}
	for _, heard := range f.hear {
		select {
		case heard <- e:
		default:
		}
	}
}

// chosen are the connections that filter lets through, by id. The caller holds mu.
func (f *fleet) chosen(filter api.Filter) ([]api.Connection, error) {
	if err := f.checkRoute(filter.Route); err != nil {
		return nil, err
	}
	now := f.settle()
	var chosen []api.Connection
	for _, m := range f.open {
		m.rich = f.rich
		if c := m.connection(now, f.leaving || f.drained[m.endpoint]); passes(filter, c) {
			chosen = append(chosen, c)
		}
	}
	return chosen, nil
}

// checkRoute says what every call does that may name a route.
func (f *fleet) checkRoute(name string) error {
	known := func(r fleetRoute) bool { return r.name == name }
	if f.failure == nil && name != "" && !slices.ContainsFunc(f.routes, known) {
		return fmt.Errorf("route %q: %w", name, ErrUnknown)
	}
	return f.failure
}

func passes(filter api.Filter, c api.Connection) bool {
	text := strings.ToLower(fmt.Sprint(c.ID, " ", c.Route, " ", c.Client, " ", c.Endpoint))
	due := c.DueSeconds != nil && *c.DueSeconds <= filter.Due.Seconds()
	return (filter.Route == "" || filter.Route == c.Route) &&
		strings.Contains(c.Client, filter.Client) &&
		(filter.Endpoint == "" || filter.Endpoint == c.Endpoint) &&
		(filter.State == "" || filter.State == c.State) &&
		c.SilenceSeconds >= filter.Idle.Seconds() && c.AgeSeconds >= filter.Age.Seconds() &&
		(filter.Due == 0 || due) &&
		strings.Contains(text, strings.ToLower(filter.Search))
}

func (f *fleet) List(_ context.Context, filter api.Filter, page api.Page) (api.Connections, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	all, err := f.chosen(filter)
	if err != nil {
		return api.Connections{}, err
	}
	if page.Cursor != "" {
		return walked(all, page), nil
	}
	key, descending := strings.CutPrefix(page.Sort, "-")
	slices.SortStableFunc(all, func(a, b api.Connection) int {
		order := compareBy(key, a, b)
		if descending {
			return -order
		}
		return order
	})
	from := min(page.Offset, len(all))
	return api.Connections{Total: len(all), Offset: page.Offset, Connections: all[from:min(from+page.Limit, len(all))]}, nil
}

// walked is a page of a walk, whose cursors are ids.
func walked(all []api.Connection, page api.Page) api.Connections {
	from, _ := strconv.ParseUint(page.Cursor, 10, 64)
	all = slices.DeleteFunc(all, func(c api.Connection) bool { return c.ID < from })
	listed := api.Connections{Connections: all}
	if len(all) > page.Limit {
		listed.Connections, listed.Next = all[:page.Limit], strconv.FormatUint(all[page.Limit].ID, 10)
	}
	listed.Total = len(listed.Connections)
	return listed
}

func compareBy(key string, a, b api.Connection) int {
	switch key {
	case "route":
		return cmp.Compare(a.Route, b.Route)
	case "client":
		return cmp.Compare(a.Client, b.Client)
	case "endpoint":
		return cmp.Compare(a.Endpoint, b.Endpoint)
	case "state":
		return cmp.Compare(a.State, b.State)
	case "age":
		return cmp.Compare(a.AgeSeconds, b.AgeSeconds)
	case "silence":
		return cmp.Compare(a.SilenceSeconds, b.SilenceSeconds)
	case "bytes":
		return cmp.Compare(a.ClientBytes+a.UpstreamBytes, b.ClientBytes+b.UpstreamBytes)
	case "messages":
		return cmp.Compare(a.ClientMessages+a.UpstreamMessages, b.ClientMessages+b.UpstreamMessages)
	case "due":
		return cmp.Compare(dueOrNever(a), dueOrNever(b))
	}
	return cmp.Compare(a.ID, b.ID)
}

func dueOrNever(c api.Connection) float64 {
	if c.DueSeconds == nil {
		return 1e18
	}
	return *c.DueSeconds
}

// member is an open one. The caller holds mu.
func (f *fleet) member(id uint64) (*member, error) {
	if f.failure != nil {
		return nil, f.failure
	}
	i := slices.IndexFunc(f.open, func(m *member) bool { return m.id == id })
	if i < 0 {
		return nil, fmt.Errorf("connection %s: %w", strconv.FormatUint(id, 10), ErrUnknown)
	}
	return f.open[i], nil
}

func TestFleetKeepsItsSizeAndForgetsWhatWasClosed(t *testing.T) {
	f := fakeFleet()
	var _ Operated = f
	f.freeze()
	open, err := f.List(t.Context(), api.Filter{}, api.Page{Sort: "-silence", Limit: api.MaxLimit})
	if err != nil || open.Total != 300 || len(open.Connections) != 300 {
		t.Fatalf("%d connections of %d, %v", len(open.Connections), open.Total, err)
	}
	silent := open.Connections[0]
	if err := f.CloseID(t.Context(), silent.ID); err != nil {
		t.Fatal(err)
	}
	ended, err := f.Endings(t.Context(), api.EndedQuery{Reason: "killed", Limit: 10})
	if err != nil || len(ended.Ended) != 1 || ended.Ended[0].ID != silent.ID {
		t.Errorf("ended: %+v, %v; want only %d", ended, err, silent.ID)
	}
	started := f.now()
	f.now = func() time.Time { return started.Add(time.Hour) } // all that have fallen silent are cut, and others join
	status, err := f.Status(t.Context())
	if err != nil || status.Connections != 299 {
		t.Errorf("%d connections an hour later, %v", status.Connections, err)
	}
	if n := f.minutes["devices"][f.now().Truncate(time.Minute)]["idle_timeout"]; n == 0 {
		t.Error("none of the silent devices was cut")
	}
}
