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

// parseTarget reads an address as the policy file has it, or one that is copied from a browser: http://host:port or https://host:port.
func parseTarget(s string) (target, error) {
	scheme, rest := cutScheme(s)
	address, err := policy.ParseAddress(rest)
	if err != nil {
		return target{}, err
	}
	if address.IsUnix() {
		if scheme != "" {
			return target{}, fmt.Errorf("a unix socket needs no %s: write %s", scheme, rest)
		}
		return target{network: "unix", dial: address.Path, host: unixHost}, nil
	}
	if address.Host == "" {
		address.Host = "127.0.0.1"
	}
	host := net.JoinHostPort(address.Host, strconv.Itoa(int(address.Port)))
	return target{network: "tcp", dial: host, host: host, secure: scheme == "https"}, nil
}

// cutScheme takes the scheme of a URL off, and the slash at its end; "" where s has none of ours.
func cutScheme(s string) (scheme, rest string) {
	for _, scheme := range []string{"http", "https"} {
		if rest, ok := strings.CutPrefix(s, scheme+"://"); ok {
			return scheme, strings.TrimSuffix(rest, "/")
		}
	}
	return "", s
}

// base is what URLs begin with.
func (t target) base() string {
	if t.secure {
		return "https://" + t.host
	}
	return "http://" + t.host
}
