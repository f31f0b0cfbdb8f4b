package client

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"idlegate/policy"
)

// unixHost is the Host of calls over a unix socket, which the gateway lets through there.
const unixHost = "idlegate"

// target is an address taken apart.
type target struct {
	network, dial string // for net.Dial
	host          string // of URLs
	secure        bool
}

// parseTarget reads an address as the policy file has it, or https://host:port.
func parseTarget(s string) (target, error) {
	rest, secure := strings.CutPrefix(s, "https://")
	if secure {
		rest = strings.TrimSuffix(rest, "/")
	}
	address, err := policy.ParseAddress(rest)
	if err != nil {
		return target{}, err
	}
	if address.IsUnix() {
		if secure {
			return target{}, fmt.Errorf("a unix socket needs no https: write %s", rest)
		}
		return target{network: "unix", dial: address.Path, host: unixHost}, nil
	}
	if address.Host == "" {
		address.Host = "127.0.0.1"
	}
	host := net.JoinHostPort(address.Host, strconv.Itoa(int(address.Port)))
	return target{network: "tcp", dial: host, host: host, secure: secure}, nil
}

// base is what URLs begin with.
func (t target) base() string {
	if t.secure {
		return "https://" + t.host
	}
	return "http://" + t.host
}
