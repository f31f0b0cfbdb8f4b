package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"idlegate/gateway/internal/file"
	"idlegate/gateway/internal/tlsconf"
	"idlegate/policy"
)

// CheckConfig says what Check looks at.
type CheckConfig struct {
	Policy  *policy.Config
	Offline bool // the gateway is for another machine or network: names are not looked up, nor the addresses to listen at
}

// Check reports what New would refuse though it is well written, as a token file that is not there, and what would go wrong
// on this machine. Nothing is bound, and nothing is left behind. Warnings are what New starts with: an advise_file that could not be
// kept, a name without an address, and what may be otherwise when the gateway starts.
func Check(c CheckConfig) (problems, warnings policy.Problems) {
	l := &look{cfg: c.Policy, hosts: map[string][]netip.Addr{}}
	l.files()
	own := ownAddresses()
	if !c.Offline {
		l.names(system)
		l.foreign(own)
		l.foreignSources(own)
	}
	l.circles(own)
	return l.problems, l.warnings
}

// look is one look at what a policy names.
type look struct {
	cfg      *policy.Config
	hosts    map[string][]netip.Addr // names that were looked up
	problems policy.Problems
	warnings policy.Problems
}

func (l *look) problem(path string, err error) {
	if err != nil {
		l.problems = append(l.problems, l.cfg.ProblemAt(path, strings.TrimPrefix(err.Error(), path+": ")))
	}
}

// files looks at what New would read or write.
func (l *look) files() {
	admin := l.cfg.Admin
	if !admin.TokenFile.IsZero() {
		_, err := readToken(file.New(admin.TokenFile.Path))
		l.problem("admin.token_file", err)
	}
	if !admin.Viewer.IsZero() {
		_, err := readTokenOf("admin.viewer_token_file", file.New(admin.Viewer.Path))
		l.problem("admin.viewer_token_file", err)
	}
	if !admin.TLS.Cert.IsZero() {
		l.certificates(adminTLS(admin.TLS))
	}
	if file := l.cfg.Advise; !file.IsZero() {
		if err := tryAdviceFile(file.Path); err != nil { // run starts all the same
			l.warnings = append(l.warnings, l.cfg.ProblemAt("advise_file", "what advise knows could not be kept: "+err.Error()))
		}
	}
	l.reloaded()
	l.listeners(func(path string, a policy.Address) {
		if a.IsUnix() {
			l.problem(path, mayListen(a.Path))
		}
	})
}

// certificates reports what is wrong with the files of one section, each at the key that it is about.
func (l *look) certificates(of tlsconf.Config) {
	m, err := tlsconf.New(of)
	if err != nil {
		l.certificate(err)
		return
	}
	for _, w := range m.Warnings(time.Now()) {
		l.warnings = append(l.warnings, l.cfg.ProblemAt(w.Key, w.Err.Error()))
	}
}

func (l *look) certificate(err error) {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, one := range several.Unwrap() {
			l.certificate(one)
		}
		return
	}
	var at *tlsconf.Error
	if errors.As(err, &at) {
		l.problems = append(l.problems, l.cfg.ProblemAt(at.Key, at.Err.Error()))
	}
}

// listeners visits every address that the gateway is to listen at.
func (l *look) listeners(visit func(path string, a policy.Address)) {
	visit("admin.listen", l.cfg.Admin.Listen)
	visit("admin.metrics", l.cfg.Admin.Metrics)
	for i, r := range l.cfg.Routes {
		for j, a := range r.Listen {
			visit(fmt.Sprintf("routes[%d].listen[%d]", i, j), a)
		}
	}
}

// circles looks for endpoints that are this gateway's own listeners.
func (l *look) circles(own map[netip.Addr]bool) {
	l.problems = append(l.problems, l.cfg.Circles(policy.Hosts{
		Local: func(ip netip.Addr) bool { return own[ip] || ip.IsLoopback() },
		Lookup: func(host string) []netip.Addr {
			if ip, err := netip.ParseAddr(host); err == nil {
				return []netip.Addr{ip}
			}
			return l.hosts[host]
		},
	})...)
}

// foreign warns of addresses to listen at that this machine does not have; that which the gateway will run on may.
func (l *look) foreign(own map[netip.Addr]bool) {
	l.listeners(func(path string, a policy.Address) {
		ip, err := netip.ParseAddr(a.Host)
		if err != nil || len(own) == 0 || own[ip.Unmap()] || ip.IsLoopback() || ip.IsUnspecified() {
			return
		}
		l.warnings = append(l.warnings, l.cfg.ProblemAt(path, fmt.Sprintf("%s is no address of this machine now, and run can listen at those only", ip)))
	})
}

// foreignSources warns of addresses to connect from that this machine does not have.
func (l *look) foreignSources(own map[netip.Addr]bool) {
	for _, u := range l.cfg.Upstreams {
		for i, ip := range u.Sources {
			if len(own) == 0 || own[ip] || ip.IsLoopback() {
				continue
			}
			l.warnings = append(l.warnings, l.cfg.ProblemAt(fmt.Sprintf("upstreams.%s.source_addresses[%d]", u.Name, i),
				fmt.Sprintf("%s is no address of this machine now, and run can connect from those only", ip)))
		}
	}
}

// ownAddresses are those of this machine's interfaces; none where they cannot be told.
func ownAddresses() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own[prefix.Addr().Unmap()] = true
		}
	}
	return own
}

// tryLog says why a log could not be written to path. A file that is there is opened as New would; one that is not is never
// made, since it would be this user's and not the gateway's.
func tryLog(path string) error {
	if _, err := os.Stat(path); err == nil {
		file, err := openLog(path)
		if err != nil {
			return err
		}
		return file.Close()
	}
	return tryFolder(path, nil)
}

// tryFolder says why no file with that content could be made beside path.
func tryFolder(path string, content []byte) error {
	probe, err := os.CreateTemp(filepath.Dir(path), ".idlegate-check-*")
	var refused *fs.PathError
	if errors.As(err, &refused) {
		return fmt.Errorf("make a file in %s: %w", filepath.Dir(path), refused.Err)
	}
	if err != nil {
		return err
	}
	_, err = probe.Write(content)
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

// mayListen says why no unix socket can be made at path. One that is there is replaced, if nobody listens there.
func mayListen(path string) error {
	if err := isFolder(filepath.Dir(path)); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSocket == 0 {
		return errors.New("a file that is no socket is in the way")
	}
	return nil
}

func isFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", path)
	}
	return nil
}
