package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// hostNames takes a list of host names; it is left out of the effective file where it is empty.
func hostNames(to *[]string) value {
	return value{
		read: readHostNames(to),
		node: func() *yaml.Node {
			if len(*to) == 0 {
				return nil
			}
			var items []*yaml.Node
			for _, name := range *to {
				items = append(items, scalarNode(name))
			}
			return flowList(items...)
		},
		schema: func() schema { return listOf(pattern(hostPattern)) },
	}
}

func readHostNames(to *[]string) func(cursor) {
	return func(c cursor) {
		c.list(func(c cursor) {
			s, ok := c.scalar()
			if !ok {
				return
			}
			name, err := parseHostName(s)
			if err == nil && slices.Contains(*to, name) {
				err = fmt.Errorf("%s is listed twice", name)
			}
			if err != nil {
				c.fail("%s", err)
				return
			}
			*to = append(*to, name)
		})
		c.refuseEmpty("a name, or remove the key")
	}
}

// parseHostName takes a name in small letters, without port.
func parseHostName(s string) (string, error) {
	host, _, _ := strings.Cut(s, ":")
	switch _, err := netip.ParseAddr(s); {
	case err == nil:
		return "", fmt.Errorf("%s is an address, which needs no place here", s)
	case strings.Contains(s, "://"):
		return "", fmt.Errorf("%s is a URL; write the name alone", quote(s))
	case host != s && isHostName(host):
		return "", fmt.Errorf("%s has a port; write %s, which stands for every port", quote(s), strings.ToLower(host))
	case !isHostName(s):
		return "", fmt.Errorf("%s is not a host name", quote(s))
	}
	return strings.ToLower(s), nil
}

func isHostName(s string) bool {
	name, err := parseHost(s)
	return err == nil && name != "" && !strings.HasSuffix(name, ".")
}
