package directory

import (
	"context"
	"net/netip"
)

// Authentication is how a requester proved who they are.
type Authentication int

const (
	Unauthenticated       Authentication = iota // anonymous
	ByPassword                                  // static password alone
	ByPasswordAndCode                           // static password and a TOTP code
	ByTransport                                 // SASL EXTERNAL: the peer of a local socket
	ByServer                                    // the server itself, or a command run on its machine
	ByCode                                      // a TOTP code alone, where the configuration allows it
	InGrace                                     // static password alone where a policy requires a code: he may enrol, and no more
	ByApplicationPassword                       // a password made for an application: it may read, and no more
)

// Requester is on whose behalf an operation runs and how that was
// established. The zero value is an anonymous client in the clear.
type Requester struct {
	DN       string         // authorization identity; "" is anonymous
	How      Authentication // Unauthenticated if DN is ""
	Method   string         // SASL mechanism that DN was proved by; "": a simple bind, or somebody acts for DN
	Factor   string         // what the code shown was of: id of a TOTP credential, or a set of recovery codes; "": none
	Proxy    string         // DN of who acts for DN, in whose name operations are written down; "": nobody does
	External string         // DN that SASL EXTERNAL would give on this transport; "" if none
	Peer     string         // address of the client, for the log and the audit
	Listener string         // where the client came in, one of Listeners; "": none of them
	Secure   bool           // TLS or a local socket
	KeyBits  int            // of the cipher that TLS uses; 0: no TLS
	Limits   Limits         // of whom it is; zero: the server's own

	Password PasswordPolicyAnswer // what the password policy said when he bound

	// id and proxy are the entries of DN and Proxy when he proved to be who he
	// is, and names is Directory.names as of when they were called that; 0: there
	// is none, or nobody has looked.
	id, proxy entryID
	names     uint64

	// fingerprint is of the user's passwords as they were when he showed what
	// an access token can be made of; "": he did not.
	fingerprint string
}

// mayChange fails for a session that can do less than its user: change nothing,
// or nothing but his password.
func (r Requester) mayChange() error {
	if r.How == InGrace {
		return errEnrolFirst
	}
	return r.mayEnrol()
}

// mayEnrol is mayChange for what the grace of a policy is for.
func (r Requester) mayEnrol() error {
	if r.How == ByApplicationPassword {
		return errApplication
	}
	if r.Password.MustChange {
		return ErrMustChange
	}
	return nil
}

// mayChangePassword is mayChange for his own password.
func (r Requester) mayChangePassword() error {
	r.Password.MustChange = false
	return r.mayChange()
}

// errApplication is the answer to an application that would change what its
// user proves himself by.
var errApplication = Errorf(InsufficientAccessRights, "not allowed with an application password")

// Transport is the client of r before he said who he is: anonymous.
func (r Requester) Transport() Requester {
	return Requester{External: r.External, Peer: r.Peer, Listener: r.Listener, Secure: r.Secure, KeyBits: r.KeyBits}
}

// localStrength is what a connection counts as that never leaves the machine:
// more than none and less than any encryption, as slapd has it.
const localStrength = 71

// strength is how well the connection is protected, in bits of a key.
func (r Requester) strength() int {
	switch {
	case r.KeyBits > 0:
		return r.KeyBits
	case r.Secure:
		return localStrength
	}
	return 0
}

// simple reports whether the requester bound by name and password himself.
func (r Requester) simple() bool {
	return r.Method == "" && r.Proxy == "" && (r.How == ByPassword || r.How == ByPasswordAndCode || r.How == ByApplicationPassword)
}

// address is that of the client; not valid if he has none.
func (r Requester) address() netip.Addr {
	if a, err := netip.ParseAddrPort(r.Peer); err == nil {
		return a.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(r.Peer)
	return a.Unmap().WithZone("")
}

// Anonymous reports whether nobody in particular asks.
func (r Requester) Anonymous() bool { return r.DN == "" }

// AuthzID is the authorization identity as RFC 4513, section 5.2.1.8, writes
// it: "dn:…", or "" for anonymous.
func (r Requester) AuthzID() string {
	if r.DN == "" {
		return ""
	}
	return "dn:" + r.DN
}

type slowKey struct{}

// WithSlow returns a context whose operation calls slow, once or more, when it
// turns out to take long: before it hashes a password, waits for the disk, or
// has looked at many entries. A front uses it to keep reading meanwhile.
func WithSlow(ctx context.Context, slow func()) context.Context {
	return context.WithValue(ctx, slowKey{}, slow)
}

// Slow tells the front that the operation of ctx will take long from here.
func Slow(ctx context.Context) {
	if slow, ok := ctx.Value(slowKey{}).(func()); ok {
		slow()
	}
}
