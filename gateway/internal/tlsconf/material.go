package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"sync"
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/file"
)

// File is a file of the policy.
type File struct {
	Path string // to open it by
	Name string // as the policy has it; "": there is none
}

// Pair is a certificate, with those between it and its authority, and its key. Both are PEM.
type Pair struct {
	Cert, Key File
	At        string // the key of the policy that has cert and key, below that of the Material, as "certificates[1]"; "": that itself
}

// Config is what a Material is made from.
type Config struct {
	At         string   // the key of the policy that it is of, as "admin.tls"
	Pairs      []Pair   // a server has one at least, a client one at most
	CA         File     // who signs the certificates of peers; none: a server asks for no certificates, a client trusts the system's authorities
	CAKey      string   // its key in the policy
	ALPN       []string // by preference; empty: none is spoken
	MinVersion uint16   // 0: TLS 1.2
	Client     bool     // it is for those who begin handshakes
	ServerName string   // of a client's peer
}

// same reports whether both make the same of the same files.
func (c *Config) same(other *Config) bool {
	equal := c.At == other.At && c.CA == other.CA && c.MinVersion == other.MinVersion && c.Client == other.Client &&
		c.ServerName == other.ServerName && len(c.Pairs) == len(other.Pairs) && len(c.ALPN) == len(other.ALPN)
	for i := 0; equal && i < len(c.Pairs); i++ {
		equal = c.Pairs[i] == other.Pairs[i]
	}
	for i := 0; equal && i < len(c.ALPN); i++ {
		equal = c.ALPN[i] == other.ALPN[i]
	}
	return equal
}

// Material is what one listener or one upstream shows and trusts.
type Material struct {
	// Set once, then read only.
	cfg   Config
	files []*file.File

	now atomic.Pointer[contents]

	looking atomic.Bool // a look is under way
	watched watched     // Owned by the look under way.
}

// contents are those of the files at one time.
type contents struct {
	config   *tls.Config
	leaves   []*x509.Certificate // of Pairs
	expires  []time.Time         // of Pairs: the first certificate of each that does
	roots    []*x509.Certificate // of CA
	lookedAt []file.Look         // when they were read
	byName   sync.Map            // of a client without a ServerName: *tls.Config by that of the peer
}

// New reads the files. The error joins an *Error for each key of the policy that is wrong.
func New(cfg Config) (*Material, error) {
	m := &Material{cfg: cfg}
	for _, f := range cfg.files() {
		m.files = append(m.files, file.New(f.Path))
	}
	read, err := m.read()
	if err != nil {
		return nil, err
	}
	m.now.Store(read)
	m.watched.last = read.lookedAt
	return m, nil
}

// files are those that there are: cert and key of each pair, then the authorities.
func (c *Config) files() (all []File) {
	for _, p := range c.Pairs {
		all = append(all, p.Cert, p.Key)
	}
	if c.CA.Name != "" {
		all = append(all, c.CA)
	}
	return all
}

// At returns the key of the policy that it is of.
func (m *Material) At() string { return m.cfg.At }

// TLS returns the configuration in force. It is shared and must not be changed.
func (m *Material) TLS() *tls.Config { return m.now.Load().config }

// For returns the configuration in force for a peer that is called by name, which must be valid for it unless the Config has another.
func (m *Material) For(name string) *tls.Config {
	now := m.now.Load()
	if m.cfg.ServerName != "" {
		return now.config
	}
	if known, ok := now.byName.Load(name); ok {
		return known.(*tls.Config)
	}
	own := now.config.Clone()
	own.ServerName = name
	known, _ := now.byName.LoadOrStore(name, own)
	return known.(*tls.Config)
}

// Made reports whether m is what cfg would make.
func (m *Material) Made(cfg Config) bool { return m != nil && m.cfg.same(&cfg) }

// IsFor reports whether one of the certificates in force is valid for a host.
func (m *Material) IsFor(host string) bool {
	for _, leaf := range m.now.Load().leaves {
		if leaf.VerifyHostname(host) == nil {
			return true
		}
	}
	return false
}

// Expiry is when a certificate, or one of those between it and its authority, is valid no longer.
type Expiry struct {
	Certificate string // the file, as the policy has it
	At          time.Time
}

// Expiries returns those of the certificates in force.
func (m *Material) Expiries() (all []Expiry) {
	now := m.now.Load()
	for i, p := range m.cfg.Pairs {
		all = append(all, Expiry{p.Cert.Name, now.expires[i]})
	}
	return all
}
