package gateway

import (
	"idlegate/gateway/internal/relay"
	"idlegate/policy"
)

const (
	// spareDescriptors are kept for everything else: listeners, event loops, the operator, health checks (64 at a
	// time), name servers, log files.
	spareDescriptors = 200
	// mostPipes is how many pipes for large messages a loop may have, of two descriptors each. Where descriptors are few
	// they get no more than a share of 1/pipeShare of them together.
	mostPipes = 32
	pipeShare = 16
)

// few is how many connections an operator hardly means to stop at. The usual limit of a shell, 1,024 descriptors, leaves 400.
const few = 1000

// pipesFor returns how many pipes each of the loops may have.
func pipesFor(descriptors, loops int) int { return min(mostPipes, descriptors/pipeShare/2/loops) }

var onFull = [...]relay.OnFull{policy.OnFullWait: relay.Wait, policy.OnFullRefuse: relay.Refuse, policy.OnFullEvictIdlest: relay.EvictIdlest}

// bounds are what all loops share.
type bounds struct {
	connections int64
	onFull      relay.OnFull // when there are that many
	memory      int64        // bytes
}

// bounds returns what the policy asks for. Where that cannot be, the nearest that can be is in force, and the log says so.
func (g *Gateway) bounds(cfg *policy.Config, descriptors, loops int) bounds {
	settings := cfg.Gateway
	most := int64(max(1, (descriptors-spareDescriptors-2*g.pipes*loops)/2))
	if want := int64(settings.MaxConnections); want > most {
		g.log.logger.Warn("max_connections is more than the descriptor limit allows",
			"max_connections", want, "descriptor_limit", descriptors, "in_force", most)
	} else if want > 0 {
		most = want
	}
	g.warnFew(settings, most, descriptors)
	memory := settings.BufferMemory
	if least := relay.LeastBudget(loops, mostHeld(cfg)); memory < least {
		g.log.logger.Warn("buffer_memory is less than the event loops need",
			"buffer_memory", memory, "loops", loops, "in_force", least)
		memory = least
	}
	return bounds{connections: most, onFull: onFull[settings.OnFull], memory: memory}
}

// mostHeld is the most that any route lets a first message have.
func mostHeld(cfg *policy.Config) (most int) {
	for _, r := range cfg.Routes {
		if r.ConnectOn == policy.ConnectOnFirstMessage {
			most = max(most, holdOf(r))
		}
	}
	return most
}

// warnFew says at the start that it is the descriptor limit which leaves few connections, not the policy file.
func (g *Gateway) warnFew(settings policy.Gateway, most int64, descriptors int) {
	if g.admission != nil || settings.MaxConnections > 0 || most >= few {
		return
	}
	g.log.logger.Warn("the descriptor limit leaves room for few connections; raise it (ulimit -n, LimitNOFILE)",
		"descriptor_limit", descriptors, "connections", most)
}
