package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const loopback = "127.0.0.1"

// The names of the contenders.
const (
	nameDirect   = "direct"
	nameIdlegate = "idlegate"
	nameHAProxy  = "haproxy"
	nameNginx    = "nginx"
	nameRelay    = "goroutines"
	nameBefore   = "before" // another build of idlegate
)

// contender is a proxy under test.
type contender struct {
	Name    string
	Version string
	// argv writes the configuration files it needs into site.dir and returns the command line of a process that stays in
	// the foreground. It is nil of no proxy at all.
	argv  func(site) ([]string, error)
	pages int // of its status that are open meanwhile
}

// site is where a contender is to work, and for what.
type site struct {
	dir         string // its own
	listen      string // host:port
	backend     string // host:port
	threads     int
	connections int // it must bear at the same time, at least
	demand
}

// demand is what of a scenario an operator would configure a proxy for.
type demand struct {
	bulk    bool          // long messages
	idle    time.Duration // for which a connection may be silent
	tls     speech
	message time.Duration // that a message may take, where the proxy knows of messages
	resp    bool          // messages are commands of Redis
	beat    []byte        // a heartbeat that a proxy may answer by itself, as its body; nil: there is none
}

// write writes a file of the site.
func (s site) write(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

func direct() contender { return contender{Name: nameDirect} }

// goroutines is this program as a relay. More flags make it a bad one.
func goroutines(self string, flags ...string) contender {
	return contender{Name: nameRelay, argv: func(s site) ([]string, error) {
		return append([]string{self, "relay", "--listen", s.listen, "--backend", s.backend, "--idle", s.idle.String()},
			flags...), nil
	}}
}

// idlegatePolicy is message-aware, with all of its timers at work. HAProxy and nginx log no connections either.
const idlegatePolicy = `admin: {listen: "unix:%[1]s"}
log: {level: warn, connections: none}
gateway: {loops: %[2]d, drain_timeout: 1s}
policies:
  devices: {long: {idle_timeout: %[5]dms, message_timeout: %[6]dms%[9]s}}
upstreams:
  backend: {endpoints: ["%[4]s"], connect_timeout: 5s}
routes:
  - name: bench
    listen: "%[3]s"
%[7]s    protocol: %[8]s
    upstream: backend
    policy: devices
`

func idlegate(binary string) contender {
	return contender{Name: nameIdlegate, argv: func(s site) ([]string, error) {
		route, protocol, err := idlegateTLS(s)
		if err != nil {
			return nil, err
		}
		if s.resp {
			protocol = "resp"
		}
		answers := ""
		if s.beat != nil {
			answers = ", heartbeat: answer"
			protocol = fmt.Sprintf("{length_field: {offset: 0, size: 4}, heartbeat: {match: {hex: \"%[1]x\"}, answer: {hex: \"%[1]x\"}}}", s.beat)
		}
		text := fmt.Sprintf(idlegatePolicy, s.adminSocket(), s.threads, s.listen, s.backend,
			s.idle.Milliseconds(), s.message.Milliseconds(), route, protocol, answers)
		file, err := s.write("idlegate.yaml", text)
		return []string{binary, "run", "-c", file}, err
	}}
}

const haproxyConfig = `global
  nbthread %[1]d
  maxconn %[2]d
%[5]sdefaults
  mode tcp
  timeout connect 5s
  timeout client %[7]dms
  timeout server %[7]dms
%[6]slisten bench
  bind %[3]s backlog 4096%[8]s
%[9]s  server backend %[4]s
`

// How HAProxy splices. It leaves that alone unless forced (splice-auto finds nothing to splice), and wants a pipe for
// each direction, of which it would allow itself one for four connections. With pipes of 1 MiB, the most that Linux
// gives to anybody, messages of 64 KiB took 26 to 40 % less CPU than with pipes of 64 KiB, and those of 1 MiB 7 to 22 %.
const (
	haproxySplicePipes   = "  maxpipes %d\n  tune.pipesize 1048576\n"
	haproxySpliceOptions = "  option splice-request\n  option splice-response\n"
)

func haproxy(binary string) contender {
	return contender{Name: nameHAProxy, argv: func(s site) ([]string, error) {
		pipes, options := "", ""
		if s.bulk {
			pipes, options = fmt.Sprintf(haproxySplicePipes, 2*s.connections), haproxySpliceOptions
		}
		bind, listen, err := haproxyTLS(s)
		if err != nil {
			return nil, err
		}
		file, err := s.write("haproxy.cfg",
			fmt.Sprintf(haproxyConfig, s.threads, s.connections, s.listen, s.backend, pipes, options, s.idle.Milliseconds(), bind, listen))
		return []string{binary, "-db", "-q", "-f", file}, err
	}}
}

// nginxConfig has reuseport, without which a few workers' share of the connections is uneven. What is called
// proxy_buffer_size is how much it reads at once.
const nginxConfig = `%[1]sdaemon off;
worker_processes %[2]d;
worker_rlimit_nofile %[3]d;
pid %[4]s;
error_log stderr warn;
events { worker_connections %[3]d; }
stream {
%[11]s  server {
    listen %[5]s%[9]s backlog=4096 reuseport;
%[10]s    proxy_pass %[6]s;
    proxy_connect_timeout 5s;
    proxy_timeout %[8]dms;
    proxy_buffer_size %[7]s;
  }
}
`

// nginx counts both sides of a proxied connection as one each. module is the path of its stream module, or nothing
// where that is built in.
func nginx(binary, module string) contender {
	load := ""
	if module != "" {
		load = "load_module " + module + ";\n"
	}
	return contender{Name: nameNginx, argv: func(s site) ([]string, error) {
		buffer := "16k" // the default
		if s.bulk {
			buffer = "64k"
		}
		listen, server, stream, err := nginxTLS(s)
		if err != nil {
			return nil, err
		}
		backend := s.backend
		if s.tls == passthrough {
			backend = "$bench"
		}
		file, err := s.write("nginx.conf", fmt.Sprintf(nginxConfig, load, s.threads, 2*s.connections+100,
			filepath.Join(s.dir, "nginx.pid"), s.listen, backend, buffer, s.idle.Milliseconds(), listen, server, stream))
		return []string{binary, "-p", s.dir, "-e", "stderr", "-c", file}, err
	}}
}
