package policy

import (
	"fmt"
	"slices"
	"strings"
)

// foreign is a word of another proxy and the key that does here what it does there.
type foreign struct {
	proxy string
	words []string // in plain form
	ours  string   // the whole path, as the reference has it
}

// foreigners are the words that operators bring along.
func foreigners() []foreign {
	const haproxy, nginx, envoy = "HAProxy", "nginx", "Envoy"
	return []foreign{
		{haproxy, []string{"timeoutclient", "timeoutserver", "timeouttunnel", "clitimeout", "srvtimeout"}, "policies.NAME.long.idle_timeout"},
		{nginx, []string{"proxytimeout", "keepalivetimeout"}, "policies.NAME.long.idle_timeout"},
		{envoy, []string{"streamidletimeout", "idletimeoutms"}, "policies.NAME.long.idle_timeout"},
		{haproxy, []string{"timeoutclientfin", "timeoutserverfin"}, "policies.NAME.long.half_close_timeout"},
		{envoy, []string{"maxconnectionduration", "maxdownstreamconnectionduration"}, "policies.NAME.long.max_lifetime"},
		{haproxy, []string{"timeouthttprequest", "tcprequestinspectdelay"}, "policies.NAME.long.first_message_timeout"},
		{nginx, []string{"prereadtimeout", "clientheadertimeout"}, "policies.NAME.long.first_message_timeout"},
		{nginx, []string{"sendtimeout", "clientbodytimeout"}, "policies.NAME.long.write_timeout"},
		{haproxy, []string{"timeoutconnect", "contimeout"}, "upstreams.NAME.connect_timeout"},
		{nginx, []string{"proxyconnecttimeout"}, "upstreams.NAME.connect_timeout"},
		{nginx, []string{"proxynextupstreamtries"}, "upstreams.NAME.retries"},
		{envoy, []string{"maxconnectattempts"}, "upstreams.NAME.retries"},
		{haproxy, []string{"server", "servers"}, "upstreams.NAME.endpoints"},
		{envoy, []string{"hosts", "lbendpoints", "loadassignment"}, "upstreams.NAME.endpoints"},
		{envoy, []string{"lbpolicy"}, "upstreams.NAME.balance"},
		{haproxy, []string{"inter", "interval", "checkinter"}, "upstreams.NAME.health.every"},
		{envoy, []string{"healthchecks", "healthcheck", "activehealthcheck"}, "upstreams.NAME.health"},
		{haproxy, []string{"check", "optiontcpcheck", "tcpcheck"}, "upstreams.NAME.health"},
		{haproxy, []string{"slowstart"}, "upstreams.NAME.slow_start"},
		{haproxy, []string{"source", "usesrc"}, "upstreams.NAME.source_addresses"},
		{nginx, []string{"proxybind"}, "upstreams.NAME.source_addresses"},
		{haproxy, []string{"bind"}, "routes[].listen"},
		{haproxy, []string{"defaultbackend", "usebackend"}, "routes[].upstream"},
		{nginx, []string{"proxypass"}, "routes[].upstream"},
		{envoy, []string{"cluster"}, "routes[].upstream"},
		{nginx, []string{"sokeepalive", "proxysocketkeepalive"}, "routes[].tcp.keepalive"},
		{haproxy, []string{"clitcpka", "srvtcpka", "tcpka"}, "routes[].tcp.keepalive"},
		{envoy, []string{"tcpkeepalive"}, "routes[].tcp.keepalive"},
		{haproxy, []string{"tcput"}, "routes[].tcp.user_timeout"},
		{haproxy, []string{"maxconn"}, "routes[].limits.connections"},
		{haproxy, []string{"maxconn"}, "gateway.max_connections"},
		{nginx, []string{"workerconnections"}, "gateway.max_connections"},
		{haproxy, []string{"nbthread"}, "gateway.loops"},
		{nginx, []string{"workerprocesses"}, "gateway.loops"},
		{envoy, []string{"concurrency"}, "gateway.loops"},
		{haproxy, []string{"hardstopafter"}, "gateway.drain_timeout"},
		{nginx, []string{"workershutdowntimeout"}, "gateway.drain_timeout"},
		{haproxy, []string{"frontend", "frontends"}, "routes"},
		{envoy, []string{"listeners"}, "routes"},
		{haproxy, []string{"backend", "backends"}, "upstreams"},
		{envoy, []string{"clusters"}, "upstreams"},
	}
}

// inOurWords is the advice about a word of another proxy, "" where it is none. Among several keys that it could be, one
// that is known where the word was written comes first.
func inOurWords(word string, known []string) string {
	advice := ""
	for _, f := range foreigners() {
		if !slices.Contains(f.words, plainForm(word)) {
			continue
		}
		key := f.ours[strings.LastIndexByte(f.ours, '.')+1:]
		if slices.Contains(known, key) {
			return fmt.Sprintf("; that is %s's word, write %s", f.proxy, key)
		}
		if advice == "" {
			advice = fmt.Sprintf("; that is %s's word, write %s", f.proxy, f.ours)
		}
	}
	return advice
}
