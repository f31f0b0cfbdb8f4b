package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"idlegate/gateway"
	"idlegate/policy"
	"idlegate/policy/units"
)

// stage is what the clients meet: the backend and the gateway in front of it.
type stage struct {
	cfg      Config
	policy   string // the file that the gateway runs
	backend  *echo
	gateway  *gateway.Gateway
	log      *gatewayLog
	narrator *narrator
	cut      context.CancelFunc // ends the gateway
	ended    chan error         // what its Run returned
}

func open(cfg Config, n *narrator) (*stage, error) {
	backend, err := startEcho()
	if err != nil {
		return nil, err
	}
	s := &stage{
		cfg: cfg, policy: policyText(cfg.Pace, backend.address()),
		backend: backend, log: newGatewayLog(n), narrator: n, ended: make(chan error, 1),
	}
	if err := s.startGateway(); err != nil {
		backend.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) startGateway() error {
	parsed, err := policy.Parse("demo.yaml", []byte(s.policy))
	if err != nil {
		return err
	}
	s.gateway, err = gateway.New(gateway.Config{Policy: parsed, Logger: slog.New(s.log), Version: s.cfg.Version})
	if err != nil {
		return err
	}
	// Not under the context of Run: an interrupted demo still ends its gateway in order.
	ctx, cut := context.WithCancel(context.Background())
	s.cut = cut
	go func() { s.ended <- s.gateway.Run(ctx) }()
	return nil
}

// close ends what is still open.
func (s *stage) close() error {
	s.cut()
	err := <-s.ended
	s.backend.close()
	return err
}

func (s *stage) address(route string) string { return s.gateway.Addresses(route)[0] }

func (s *stage) metricsURL() string { return "http://" + s.gateway.AdminAddress() + "/metrics" }

func (s *stage) introduce() {
	p, line := s.cfg.Pace, s.narrator.line
	line("idlegate demo: an echo backend, the gateway in front of it, and seven clients, all in this process.\n")
	line("  backend        %s", s.backend.address())
	line("  route patient  %s  long: idle_timeout %s, message_timeout %s", s.address("patient"), units.FormatDuration(p.Patient), units.FormatDuration(p.Unbroken))
	line("  route hasty    %s  long: idle_timeout %s, message_timeout none", s.address("hasty"), units.FormatDuration(p.Hasty))
	line("  route brief    %s  short: deadline %s", s.address("brief"), units.FormatDuration(p.Deadline))
	line("  route watched  %s  long: heartbeat answer, heartbeat_only_timeout %s", s.address("watched"), units.FormatDuration(p.Alone))
	line("  metrics        %s", s.metricsURL())
	line("\nA message is the word Headers, four bytes of length and a body. '--print-policy' prints the policy file.\n")
}

// invite says how to try what goes on running.
func (s *stage) invite() {
	_, port, _ := net.SplitHostPort(s.address("patient"))
	s.narrator.line("\nThe gateway goes on running, with %d lively clients of several habits; Ctrl-C ends it. Its page:\n", livelyClients)
	s.narrator.line("  http://%s/\n", s.gateway.AdminAddress())
	s.narrator.line("From another terminal:\n")
	s.narrator.line("  idlegate top --admin %s", s.gateway.AdminAddress())
	s.narrator.line("  idlegate advise --admin %s", s.gateway.AdminAddress())
	s.narrator.line(`  printf 'Headers\0\0\0\5hello' | nc 127.0.0.1 %s`, port)
	s.narrator.line("  curl -s %s | grep ^idlegate_connections\n", s.metricsURL())
}

// end is what the gateway's log says about a connection that has ended.
type end struct {
	client   string // its address
	route    string
	reason   string
	duration string
	messages [2]uint64 // from the client, from the backend
}

func (e end) String() string {
	return fmt.Sprintf("%s on %s: %s after %s, %d messages in, %d out",
		e.client, e.route, e.reason, e.duration, e.messages[0], e.messages[1])
}
