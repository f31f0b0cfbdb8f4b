package prometheus_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"idlegate/deploy/internal/lab"
)

// fault is something that goes wrong at a gateway, and the alerts that must say so.
type fault struct {
	job     string
	provoke func()
	mend    func() // nil where that is not looked at
	fires   []expected
}

// expected is an alert with some of its labels, beside that of the job.
type expected struct {
	alert  string
	labels map[string]string
}

// stage has what the faults need.
type stage struct {
	*testing.T
	binary  string
	targets []target // what Prometheus scrapes
}

// target is a gateway, under the name of a job of its own.
type target struct {
	job     string
	gateway *lab.Gateway
}

// gateway starts a gateway that is scraped as that job.
func (s *stage) gateway(job string, cfg lab.GatewayConfig) *lab.Gateway {
	s.Helper()
	return s.gatewayIn(s.TempDir(), job, cfg)
}

func (s *stage) gatewayIn(dir, job string, cfg lab.GatewayConfig) *lab.Gateway {
	s.Helper()
	cfg.Binary = s.binary
	g := lab.StartGateway(s, dir, cfg)
	s.targets = append(s.targets, target{job, g})
	return g
}

// lines is the policy of a route of lines, more of whose keys are in keys, to endpoints.
func lines(name, policy, keys string, endpoints ...string) string {
	return fmt.Sprintf(`
upstreams:
  %[1]s: {endpoints: [%[4]s], connect_timeout: 1s}
routes:
  - {name: %[1]s, listen: 127.0.0.1:0, protocol: delimiter, upstream: %[1]s, policy: {%[2]s}%[3]s}
`, name, policy, keys, strings.Join(endpoints, ", "))
}

const patient = "long: {idle_timeout: 1h}"

// gone is a gateway whose process is killed.
func (s *stage) gone() fault {
	g := s.gateway("gone", lab.GatewayConfig{Policy: lines("any", patient, "", lab.StartBackend(s).Address)})
	return fault{job: "gone", provoke: g.Kill, fires: []expected{{alert: "IdlegateDown"}}}
}

// full has all its places taken: 20 clients, and there is room for 10.
func (s *stage) full() fault {
	g := s.gateway("full", lab.GatewayConfig{Policy: "gateway: {max_connections: 10}\n" + lines("any", patient, "", lab.StartBackend(s).Address)})
	var fleet *lab.Fleet
	return fault{
		job:     "full",
		provoke: func() { fleet = lab.StartFleet(s, lab.FleetConfig{To: g.Address("any"), Clients: 20}) },
		mend:    func() { fleet.Leave() },
		fires:   []expected{{alert: "IdlegateAcceptPaused"}, {alert: "IdlegateNearConnectionLimit"}},
	}
}

// limited has a route that is full, and refuses those who come.
func (s *stage) limited() fault {
	g := s.gateway("limited", lab.GatewayConfig{Policy: lines("narrow", patient, ", limits: {connections: 10}", lab.StartBackend(s).Address)})
	var fleet *lab.Fleet
	route := map[string]string{"route": "narrow"}
	return fault{
		job:     "limited",
		provoke: func() { fleet = lab.StartFleet(s, lab.FleetConfig{To: g.Address("narrow"), Clients: 15}) },
		mend:    func() { fleet.Leave() },
		fires:   []expected{{"IdlegateRouteNearConnectionLimit", route}, {"IdlegateClientsRefused", route}},
	}
}

// slow has clients that take nothing of what their backend sends without end.
func (s *stage) slow() fault {
	policy := "gateway: {loops: 1, buffer_memory: 4MiB}\n" + lines("any", patient, "", lab.StartFlood(s).Address)
	g := s.gateway("slow", lab.GatewayConfig{Policy: strings.Replace(policy, "protocol: delimiter", "protocol: raw", 1)})
	return fault{
		job:     "slow",
		provoke: func() { lab.StartFleet(s, lab.FleetConfig{To: g.Address("any"), Clients: 100, Deaf: true}) },
		fires:   []expected{{alert: "IdlegateBufferMemoryShort"}},
	}
}

// late is stopped for half a second again and again, while timers are due all the time.
func (s *stage) late() fault {
	g := s.gateway("late", lab.GatewayConfig{Policy: lines("brief", "short: {deadline: 200ms}", "", lab.StartBackend(s).Address)})
	lab.StartFleet(s, lab.FleetConfig{To: g.Address("brief"), Clients: 10, Again: 50 * time.Millisecond})
	stop, ended := make(chan struct{}), make(chan struct{})
	hiccups := func() {
		defer close(ended)
		for {
			for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
				g.Signal(signal)
				select {
				case <-stop:
					g.Signal(syscall.SIGCONT)
					return
				case <-s.Context().Done():
					return
				case <-time.After(500 * time.Millisecond):
				}
			}
		}
	}
	return fault{
		job: "late",
		provoke: func() {
			go hiccups()
			s.Cleanup(func() { <-ended })
		},
		mend:  func() { close(stop) },
		fires: []expected{{"IdlegateTimersLate", map[string]string{"route": "brief"}}},
	}
}

// muted writes its log to a pipe that nobody reads; a crowd that comes and goes makes lines.
func (s *stage) muted() fault {
	g := s.gateway("muted", lab.GatewayConfig{Policy: lines("brief", "short: {deadline: 20ms}", "", lab.StartBackend(s).Address), StalledLog: true})
	return fault{
		job: "muted",
		provoke: func() {
			lab.StartFleet(s, lab.FleetConfig{To: g.Address("brief"), Clients: 50, Again: 20 * time.Millisecond})
		},
		fires: []expected{{alert: "IdlegateLogDropped"}},
	}
}

// severed has a fleet whose only backend crashes.
func (s *stage) severed() fault {
	backend := lab.StartBackend(s)
	g := s.gateway("severed", lab.GatewayConfig{Policy: lines("devices", patient, "", backend.Address)})
	lab.StartFleet(s, lab.FleetConfig{To: g.Address("devices"), Clients: 60, Every: time.Second, Again: time.Second})
	upstream := map[string]string{"upstream": "devices"}
	endpoint := map[string]string{"upstream": "devices", "endpoint": backend.Address}
	return fault{
		job: "severed", provoke: backend.Kill, mend: backend.Start,
		fires: []expected{
			{"IdlegateMassDisconnect", map[string]string{"route": "devices"}},
			{"IdlegateNoHealthyEndpoint", upstream}, {"IdlegateEndpointUnhealthy", endpoint}, {"IdlegateConnectsFailing", endpoint},
		},
	}
}

// hushed has clients that spoke, and say no more.
func (s *stage) hushed() fault {
	g := s.gateway("hushed", lab.GatewayConfig{Policy: lines("chat", "long: {idle_timeout: 4s}", "", lab.StartBackend(s).Address)})
	fleet := lab.StartFleet(s, lab.FleetConfig{To: g.Address("chat"), Clients: 60, Every: time.Second / 2})
	return fault{
		job: "hushed", provoke: fleet.Silence, mend: fleet.Speak,
		fires: []expected{{"IdlegateTimeoutsRising", map[string]string{"route": "chat", "timeout": "idle_timeout"}}},
	}
}

// tight has clients that speak just before idle_timeout would end them.
func (s *stage) tight() fault {
	g := s.gateway("tight", lab.GatewayConfig{Policy: lines("beats", "long: {idle_timeout: 6s}", "", lab.StartBackend(s).Address)})
	return fault{
		job: "tight",
		provoke: func() {
			lab.StartFleet(s, lab.FleetConfig{To: g.Address("beats"), Clients: 20, Every: 5500 * time.Millisecond})
		},
		fires: []expected{{"IdlegateGapsNearTimeout", map[string]string{"route": "beats"}}},
	}
}

// exhausted has descriptors for accepting clients, and none for connecting to a backend.
func (s *stage) exhausted() fault {
	g := s.gateway("exhausted", lab.GatewayConfig{Policy: lines("any", patient, "", lab.StartBackend(s).Address)})
	starve := func() {
		for s.Context().Err() == nil {
			limit := unix.Rlimit{Cur: g.OneDescriptorLeft(), Max: 20_000}
			if err := unix.Prlimit(g.Pid(), unix.RLIMIT_NOFILE, &limit, nil); err != nil {
				s.Error(err)
			}
			<-time.After(500 * time.Millisecond)
		}
	}
	return fault{
		job: "exhausted",
		provoke: func() {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				starve()
			}()
			s.Cleanup(func() { <-ended })
			lab.StartFleet(s, lab.FleetConfig{To: g.Address("any"), Clients: 5})
		},
		fires: []expected{{"IdlegateOutOfPorts", map[string]string{"upstream": "any"}}},
	}
}

// lost has a backend whose name is no more.
func (s *stage) lost() fault {
	before := lines("named", patient, "", lab.StartBackend(s).Address)
	g := s.gateway("lost", lab.GatewayConfig{Policy: before})
	return fault{
		job:     "lost",
		provoke: func() { g.Edit(lines("named", patient, "", "nowhere.invalid:9000")) },
		mend:    func() { g.Edit(before) },
		fires:   []expected{{"IdlegateLookupFailing", map[string]string{"upstream": "named"}}},
	}
}

// edited are two replicas: the file of one is broken, that of the other is changed in what needs a restart and in what does not.
func (s *stage) edited() fault {
	before := lines("any", patient, "", lab.StartBackend(s).Address)
	first := s.gateway("edited", lab.GatewayConfig{Policy: before})
	second := s.gateway("edited", lab.GatewayConfig{Policy: before})
	return fault{
		job: "edited",
		provoke: func() {
			first.Edit(before + "nonsense: true\n")
			second.Edit("gateway: {loops: 1, drain_timeout: 20s}\n" + before)
		},
		mend: func() {
			first.Edit(before)
			second.Edit(before)
		},
		fires: []expected{
			{"IdlegateReloadRefused", map[string]string{"instance": first.Admin}},
			{"IdlegatePendingRestart", map[string]string{"instance": second.Admin}},
			{alert: "IdlegatePoliciesDiffer"},
		},
	}
}
