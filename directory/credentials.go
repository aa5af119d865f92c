package directory

import (
	"context"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// CredentialsConfig is what may be set about passwords, TOTP and attempts. The
// zero value works, but for TOTP it needs a Keyset.
type CredentialsConfig struct {
	// Keyset seals the TOTP secrets. nil: none can be made, and users who
	// have one cannot log in.
	Keyset *seal.Keyset

	// Scheme is for new passwords; "": password.Default. A stored password of
	// another scheme is replaced when its owner next binds.
	Scheme password.Scheme

	// MinPasswordLength is how many characters a new password must have, up to
	// password.MaxLength octets; 0: one. Hashes from administrators and imports
	// have no length.
	MinPasswordLength int

	// PasswordPolicy is the DN of the pwdPolicy entry of users whose
	// pwdPolicySubentry names none; "": they are under none.
	PasswordPolicy string

	// TellLocked lets a bind that is refused because the account is locked say
	// so to a client that asks with the password policy control. It says so of
	// names that nobody has, too, once they have been tried that often.
	TellLocked bool

	// Window is how many steps before and behind the learned drift a code is
	// accepted; 0: one, negative: the one step alone.
	Window int

	// MaxDrift is up to how many steps either way drift is learned; 0: ten,
	// negative: it is not learned.
	MaxDrift int

	// Separator stands between the static password and the code behind it;
	// "": nothing does.
	Separator string

	// PasswordAloneMayChange lets the static password alone add and remove
	// secrets of a user who has had a code accepted, as PingDirectory does.
	// By default a valid code must follow it.
	PasswordAloneMayChange bool

	// CodeAloneMayBind lets a code do without the static password in SASL
	// UNBOUNDID-TOTP (PingDirectory: require-static-password is false).
	CodeAloneMayBind bool

	// MaxCredentials is how many secrets one user may have; 0: ten.
	MaxCredentials int

	// PendingFor is after what time a secret of which no code was accepted is
	// forgotten; 0: 24 hours, negative: never.
	PendingFor time.Duration

	// ResyncWithin is up to how far the clock of a token may be off for
	// ResyncTOTP to find it; 0: 25 hours, negative: not at all.
	ResyncWithin time.Duration

	// Issuer is who makes the secrets, as authenticators show it: printable
	// text without a colon; "": tallystick.
	Issuer string

	// TokenLifetime is how long an access token is taken; 0: five minutes,
	// negative: there are none.
	TokenLifetime time.Duration

	// FreeAttempts is after how many failures in a row the user has to wait;
	// 0: five.
	FreeAttempts int

	// Delay is the first wait; it doubles with every failure. 0: 90 seconds,
	// for which a code is accepted in a window of one step either way, so that
	// in that time nobody tries more than FreeAttempts.
	Delay time.Duration

	// LockoutAfter is after how many failures in a row the wait is Lockout;
	// 0: ten.
	LockoutAfter int

	// Lockout is the longest wait, unless a code lives longer; 0: 15 minutes. Failures are forgotten by a
	// code, or, of a user without an active credential, by what is enough for
	// a bind; by an administrator's new password or Unlock; and by a day
	// without one.
	Lockout time.Duration

	// SourceFree is after how many failures in a row at one user an address has
	// to wait, at first for Delay; 0: three, negative: addresses are not told
	// apart. It should be less than FreeAttempts.
	SourceFree int

	// SourceLockout is the longest wait of an address; 0: four hours.
	SourceLockout time.Duration

	// SourceHourly is how many failures an hour, at all users, an address may
	// have in the long run; 0: one hundred.
	SourceHourly int

	// SharedSources are addresses behind which there are many users, of which
	// one must not suffer for the other: proxies and application servers. What
	// comes from there counts for the user only.
	SharedSources []netip.Prefix
}

func (c CredentialsConfig) withDefaults() CredentialsConfig {
	number := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
		*p = max(*p, 0)
	}
	number(&c.Window, totp.DefaultLimits.Window)
	number(&c.MaxDrift, totp.DefaultLimits.MaxDrift)
	number(&c.MaxCredentials, 10)
	number(&c.FreeAttempts, 5)
	number(&c.LockoutAfter, 10)
	if c.SourceFree == 0 {
		c.SourceFree = 3
	}
	if c.SourceLockout <= 0 {
		c.SourceLockout = 4 * time.Hour
	}
	if c.SourceHourly <= 0 {
		c.SourceHourly = 100
	}
	if c.Scheme == "" {
		c.Scheme = password.Default
	}
	if c.PendingFor == 0 {
		c.PendingFor = 24 * time.Hour
	}
	if c.ResyncWithin == 0 {
		c.ResyncWithin = 25 * time.Hour // a wrong date, or a wrong zone
	}
	if c.Issuer == "" {
		c.Issuer = "tallystick"
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = 5 * time.Minute
	}
	if c.Delay <= 0 {
		c.Delay = 90 * time.Second
	}
	if c.Lockout <= 0 {
		c.Lockout = 15 * time.Minute
	}
	return c
}

// credentials is the part of a Directory that judges passwords and codes.
type credentials struct {
	cfg   CredentialsConfig
	turns turnstile
	seed  maphash.Seed // of the shadow counters, and of the keys of sources

	sources sources
	windows windows

	// decoy is a stored password that nobody knows, to spend the same work on
	// a user who does not exist.
	decoy func() []byte

	mu      sync.Mutex           // guards unsaved
	unsaved map[entryID]attempts // counters that the store did not take
}

func (c *credentials) open(_ context.Context, d *Directory) error {
	c.cfg = d.cfg.Credentials.withDefaults()
	if _, err := password.ParseScheme(string(c.cfg.Scheme)); err != nil {
		return err
	}
	if err := totp.CheckIssuer(c.cfg.Issuer); err != nil {
		return err
	}
	c.seed = maphash.MakeSeed()
	c.unsaved = map[entryID]attempts{}
	c.decoy = sync.OnceValue(func() []byte {
		value, err := password.Hash(c.cfg.Scheme, []byte(password.Generate()))
		if err != nil {
			panic(err) // no randomness: nothing here may go on
		}
		return value
	})
	return nil
}

// errKeyset is the answer where a secret would have to be sealed or opened.
var errKeyset = &Error{ResultCode: UnwillingToPerform, DiagnosticMessage: "this server keeps no TOTP shared secrets"}

// abandoned returns whether a credential is pending for too long at the time
// now.
func (c *credentials) abandoned(now time.Time) func(*credential) bool {
	return func(one *credential) bool {
		return one.state == pending && c.cfg.PendingFor > 0 && now.Sub(one.created) > c.cfg.PendingFor
	}
}

// limits is the window in which codes of a credential are accepted.
func (c *credentials) limits(one *credential) totp.Limits {
	window := c.cfg.Window
	if one.token != nil {
		window = one.token.window
	}
	return totp.Limits{Window: window, MaxDrift: c.cfg.MaxDrift}
}

// readCredentials reads the credentials of an entry, in the order of their
// ids.
func readCredentials(r store.Reader, id entryID) ([]*credential, error) {
	var list []*credential
	var failed error
	prefix := credentialPrefix(id)
	err := r.Scan(store.Prefix(prefix), func(key, value []byte) bool {
		c := new(credential)
		if failed = c.decode(value); failed != nil {
			return false
		}
		c.id, c.indexed = string(key[len(prefix):]), true
		list = append(list, c)
		return true
	})
	if err == nil {
		err = failed
	}
	return list, err
}

// deleteCredentials removes what belongs to an entry that is deleted.
func (d *Directory) deleteCredentials(w store.Writer, id entryID) error {
	w.Delete(attemptKey(id))
	return deleteSecrets(w, id)
}

// deleteSecrets removes the credentials of an entry, readable or not.
func deleteSecrets(w store.Writer, id entryID) error {
	var gone []*credential
	damaged := false
	prefix := credentialPrefix(id)
	err := w.Scan(store.Prefix(prefix), func(key, value []byte) bool {
		c := &credential{id: string(key[len(prefix):])}
		damaged = c.decode(value) != nil || damaged
		gone = append(gone, c)
		return true
	})
	if err != nil {
		return err
	}
	for _, c := range gone {
		dropCredential(w, id, c)
	}
	if damaged {
		return dropNumbers(w, id)
	}
	return nil
}
