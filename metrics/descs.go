package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// descs are the metrics of the gateway: their names, labels and what they tell the operator.
type descs struct {
	connections, opened, closed, refused *prometheus.Desc
	connectionLimit                      *prometheus.Desc
	timeouts, messages, bytes, opaque    *prometheus.Desc
	probes                               *prometheus.Desc
	lateness, duration, gap, silence     histogramDesc
	probe                                histogramDesc
	falseCuts, timeoutValue              *prometheus.Desc

	upstreamConnections, upstreamConnects, upstreamClosed *prometheus.Desc
	upstreamHealthy, upstreamRetries                      *prometheus.Desc
	upstreamLookups, upstreamLookupFailing                *prometheus.Desc
	upstreamConnect                                       histogramDesc

	acceptPaused, acceptPauses                                         *prometheus.Desc
	bufferBytes, bufferLimit, connectionsMax, logDropped               *prometheus.Desc
	draining, loopBusy, adminRequests                                  *prometheus.Desc
	configGeneration, configReloadSuccessful, configReloadSuccessStamp *prometheus.Desc
	configPendingRestart, configHash                                   *prometheus.Desc
	certificateExpiry                                                  *prometheus.Desc
}

// silenceName is that of the one gauge histogram.
const silenceName = "idlegate_silence_seconds"

func newDescs() *descs {
	return &descs{
		connections:     desc("connections", "Client connections open now.", "route"),
		connectionLimit: desc("connection_limit", "Client connections that the route lets be open at most. Routes without a limit have none.", "route"),
		opened:          desc("connections_opened_total", "Client connections taken in. Refused ones are not among them.", "route"),
		closed:          desc("connections_closed_total", "Client connections that have ended, by the one reason for which they ended.", "route", "reason"),
		refused:         desc("connections_refused_total", "Client connections reset as they came, by cause. They never count as opened.", "route", "cause"),
		timeouts: desc("timeouts_total", "Timers of the policy that ran out. With the action observed they belong to a dry run and closed nothing.",
			"route", "timeout", "action"),
		messages: desc("messages_total", "Complete messages, by the side that sent them and by what they are: data, or a heartbeat that only says 'I am here'.", "route", "from", "kind"),
		opaque:   desc("opaque_connections_total", "Connections whose protocol is not understood any more, as behind encryption: they have no messages.", "route"),
		probes:   desc("probes_total", "Probes of silent clients, by result: answered, or unanswered, for which the connection was ended.", "route", "result"),
		bytes:    desc("bytes_total", "Bytes of payload, by the side that sent them.", "route", "from"),

		lateness: histogram("timeout_lateness_seconds", "How long after it was due the gateway acted on a timer. No timer is ever early.",
			100*time.Microsecond, time.Second, "route"),
		duration: histogram("connection_duration_seconds", "How long the client connections that have ended had lasted.",
			10*time.Millisecond, 7*24*time.Hour, "route"),
		gap: histogram("message_gap_seconds", "Silence between one message of a client and its next. Set idle_timeout above what is usual here.",
			time.Millisecond, time.Hour, "route"),
		probe: histogram("probe_seconds", "Round-trip time of a probe that the client answered, without the time in which the client was not read.",
			100*time.Microsecond, 10*time.Second, "route"),

		silence: histogram("silence_seconds", "How long the clients of the open connections have been silent. A gauge histogram: its counts fall as well as rise.",
			100*time.Millisecond, 24*time.Hour, "route"),
		falseCuts: desc("dry_run_false_cuts_total", "Clients that spoke after a dry run of idle_timeout had counted the end of their connection.", "route"),
		timeoutValue: desc("timeout_seconds", "Value in force of a timer of the route's policy. Not there where the timer is off, or only in a dry run.",
			"route", "timeout"),

		upstreamConnections: desc("upstream_connections", "Connections to the endpoint open now.", "upstream", "endpoint"),
		upstreamConnects:    desc("upstream_connects_total", "Attempts to connect to the endpoint that have ended, by result.", "upstream", "endpoint", "result"),
		upstreamClosed: desc("upstream_closed_total", "Connections whose end the endpoint caused, by close reason. Other ends are not among them.",
			"upstream", "endpoint", "reason"),
		upstreamHealthy: desc("upstream_healthy", "1 where new connections may go to the endpoint: it has an address, and is neither drained, down by its health checks, nor ejected.",
			"upstream", "endpoint"),
		upstreamRetries: desc("upstream_retries_total", "Attempts to connect that followed others of the same client connection.", "upstream"),
		upstreamLookups: desc("upstream_lookups_total", "Look-ups of the names of the upstream's endpoints that have ended, by result: ok or failed.",
			"upstream", "result"),
		upstreamLookupFailing: desc("upstream_lookup_failing", "1 while a name of the upstream's endpoints does not resolve, wholly or in part: what was last known stays.", "upstream"),
		upstreamConnect: histogram("upstream_connect_seconds", "How long connecting to an endpoint took where it succeeded.",
			100*time.Microsecond, 10*time.Second, "upstream"),

		bufferBytes: desc("buffer_bytes", "Bytes held in memory for peers that do not take them. Limited by buffer_memory."),
		bufferLimit: desc("buffer_limit_bytes", "Bytes that may be held in memory for peers that do not take them."),
		draining:    desc("draining", "1 while the gateway drains: it accepts no more, and ends with its last connection."),
		loopBusy: desc("loop_busy_seconds_total", "How long an event loop has been at work. The loop is busy all the time where this grows by a second each second.",
			"loop"),
		adminRequests:  desc("admin_requests_total", "Answers of the admin server, by status code.", "code"),
		connectionsMax: desc("connections_max", "Client connections the gateway holds at most."),
		acceptPaused:   desc("accept_paused", "1 while accepting is paused, since every place is taken or descriptors are used up: new clients wait."),
		acceptPauses:   desc("accept_paused_seconds_total", "How long accepting was paused, in all."),
		logDropped:     desc("log_dropped_total", "Log lines lost because the log's destination was slow or refused them."),

		certificateExpiry: desc("certificate_expiry_timestamp_seconds",
			"When a certificate in force, or one of those that come along with it, is valid no longer, as Unix time. The certificate is its file, as the policy has it.", "certificate"),

		configGeneration:         desc("config_generation", "Number of the policy in force. It rises by one with each change that takes over."),
		configPendingRestart:     desc("config_pending_restart", "Changes in the policy file that take effect only when the gateway is started again."),
		configHash:               desc("config_hash", "A number that is the same wherever the same policy is in force. Comments do not count."),
		configReloadSuccessful:   desc("config_last_reload_successful", "1 if the policy file read last is in force, 0 if it was refused and an older one stays."),
		configReloadSuccessStamp: desc("config_last_reload_success_timestamp_seconds", "When a policy file was accepted last, as Unix time. 0 if none was."),
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("idlegate_"+name, help, labels, nil)
}

func histogram(name, help string, shortest, longest time.Duration, labels ...string) histogramDesc {
	return histogramDesc{Desc: desc(name, help, labels...), shortest: shortest, longest: longest}
}
