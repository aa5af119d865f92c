package ldapd

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"math"
	"net/netip"
	"time"

	"tallystick/ldapd/wire"
)

// Config is what may be set of a Server. The zero value works. A limit of 0
// is the default named beside it; a negative one is no limit.
type Config struct {
	// TLS serves ldaps and StartTLS. Certificates that may be exchanged come
	// from its GetCertificate. nil: neither is offered.
	TLS *tls.Config

	// Bridges are the addresses of servers that are believed whom they ask for
	// (see intermediateClient), beside those that run as this server does.
	Bridges []netip.Prefix

	// NetscapePasswordControls says with every bind that a password has expired,
	// or will soon, to clients that do not ask for it by the other control.
	NetscapePasswordControls bool

	// Log gets what happens to connections, and faults; nil discards.
	Log *slog.Logger

	// Access gets one record for each operation; nil: Log does.
	Access *slog.Logger

	MaxMessage            int // octets in a request; 16 MiB
	MaxMessageAnonymous   int // octets in a request before a bind succeeded; 256 KiB
	MaxRequests           int // octets in requests of all connections, see budget.go; 256 MiB
	MaxOperations         int // operations running beside the reading of one connection; 32
	MaxConnections        int // but for those from within this process; 10,000
	MaxPersistent         int // searches that wait for changes, on all connections, a quarter of them for who is not bound; 100
	MaxTransactionChanges int // waiting in one transaction; 1,000
	MaxConnectionsPerPeer int // from one IPv4 address or one IPv6 /64; 1,000
	MaxConnectionsPerUser int // that are bound as one user, the root user apart; no limit

	// Decoding limits what one request may hold; a field that is 0 is taken
	// from wire.DefaultLimits.
	Decoding wire.Limits

	IdleTimeout        time.Duration // between operations, none running; 15 min
	MessageTimeout     time.Duration // from the first octet of a request to its last; 30 s
	WriteTimeout       time.Duration // for the client to take 64 KiB; 30 s
	HandshakeTimeout   time.Duration // for TLS; 10 s
	TransactionTimeout time.Duration // from the start of a transaction to its end; 1 min
	BusyTimeout        time.Duration // for a request to wait while MaxOperations run, before busy(51); 5 s
}

// withDefaults returns c with every limit a positive number.
func (c Config) withDefaults() Config {
	c.MaxMessage = limit(c.MaxMessage, 16<<20)
	c.MaxMessageAnonymous = limit(c.MaxMessageAnonymous, 256<<10)
	c.MaxRequests = limit(c.MaxRequests, 256<<20)
	c.MaxOperations = limit(c.MaxOperations, 32)
	c.MaxConnections = limit(c.MaxConnections, 10_000)
	c.MaxConnectionsPerPeer = limit(c.MaxConnectionsPerPeer, 1000)
	c.Decoding.Depth = cmp.Or(c.Decoding.Depth, wire.DefaultLimits.Depth)
	c.Decoding.Filters = cmp.Or(c.Decoding.Filters, wire.DefaultLimits.Filters)
	c.Decoding.Elements = cmp.Or(c.Decoding.Elements, wire.DefaultLimits.Elements)
	c.IdleTimeout = limit(c.IdleTimeout, 15*time.Minute)
	c.MessageTimeout = limit(c.MessageTimeout, 30*time.Second)
	c.WriteTimeout = limit(c.WriteTimeout, 30*time.Second)
	c.HandshakeTimeout = limit(c.HandshakeTimeout, 10*time.Second)
	c.MaxPersistent = limit(c.MaxPersistent, 100)
	c.MaxTransactionChanges = limit(c.MaxTransactionChanges, 1000)
	c.TransactionTimeout = limit(c.TransactionTimeout, time.Minute)
	c.BusyTimeout = limit(c.BusyTimeout, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Access == nil {
		c.Access = c.Log
	}
	return c
}

func limit[T int | time.Duration](given, standard T) T {
	switch {
	case given == 0:
		return standard
	case given < 0:
		return T(math.MaxInt)
	}
	return given
}
