package main

import (
	"log/slog"
	"net/netip"
	"time"

	"tallystick/directory"
	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/store/badger"
	"tallystick/ldapd"
	"tallystick/ldapd/wire"
)

// What the parts of the program are told of the configuration. They take 0
// for their own default, and some a negative number for none.

func (c *config) storeConfig(log *slog.Logger) badger.Config {
	return badger.Config{
		Logger:         log.With("part", "store"),
		MinFree:        int64(orNegative(int(c.MinFree))),
		AcceptRollback: c.acceptRollback,
	}
}

func (c *config) directoryConfig(keys *seal.Keyset, log *slog.Logger, now func() time.Time) directory.Config {
	return directory.Config{
		Suffixes:             c.Directory.Suffixes,
		Referral:             c.Directory.Referral,
		RootDN:               c.Directory.RootDN,
		SizeLimit:            c.Directory.SizeLimit,
		LookThroughLimit:     c.Directory.LookThroughLimit,
		UnindexedLimit:       c.Directory.UnindexedLimit,
		ACIs:                 c.acis(),
		AnyAttributes:        !c.Directory.Classes,
		Unique:               c.Directory.Unique,
		TimeLimit:            time.Duration(c.Directory.TimeLimit),
		ReferentialIntegrity: c.Directory.ReferentialIntegrity,
		Credentials: directory.CredentialsConfig{
			Keyset:                 keys,
			Scheme:                 password.Scheme(c.Passwords.Scheme),
			MinPasswordLength:      c.Passwords.MinLength,
			PasswordPolicy:         c.Passwords.Policy,
			TellLocked:             c.Passwords.TellLocked,
			Window:                 orNegative(c.SecondFactor.Window),
			MaxDrift:               orNegative(c.SecondFactor.Drift),
			Separator:              c.SecondFactor.Separator,
			PasswordAloneMayChange: c.SecondFactor.PasswordAloneMayChange,
			CodeAloneMayBind:       !c.SecondFactor.RequireStaticPassword,
			MaxCredentials:         c.SecondFactor.PerUser,
			PendingFor:             time.Duration(orNegative(c.SecondFactor.PendingFor)),
			ResyncWithin:           time.Duration(orNegative(c.SecondFactor.ResyncWithin)),
			Issuer:                 c.SecondFactor.Issuer,
			TokenLifetime:          time.Duration(orNegative(c.Tokens.Lifetime)),
			FreeAttempts:           c.Attempts.Free,
			Delay:                  time.Duration(c.Attempts.Delay),
			LockoutAfter:           c.Attempts.LockAfter,
			Lockout:                time.Duration(c.Attempts.LockFor),
			SourceFree:             orNegative(c.Attempts.Address.Free),
			SourceLockout:          time.Duration(c.Attempts.Address.LockFor),
			SourceHourly:           c.Attempts.Address.Hourly,
			SharedSources:          prefixes(c.Attempts.Address.Shared),
		},
		Sync:  directory.SyncConfig{Keep: orNegative(c.Sync.Keep), KeepFor: time.Duration(c.Sync.KeepFor)},
		Audit: directory.AuditConfig{Keep: orNegative(c.Audit.Keep), KeepFor: time.Duration(c.Audit.KeepFor)},
		Now:   now,
		Log:   log.With("part", "directory"),
	}
}

// acis is access.aci; not nil, which would be the default.
func (c *config) acis() []string { return append([]string{}, c.Access.ACI...) }

func (c *config) ldapConfig(log *slog.Logger) ldapd.Config {
	return ldapd.Config{
		Log:     log.With("part", "ldap"),
		Bridges: prefixes(c.Listen.Bridges),

		NetscapePasswordControls: c.Passwords.NetscapeControls,

		MaxMessage:            int(c.Limits.Message),
		MaxMessageAnonymous:   int(c.Limits.MessageUnbound),
		MaxRequests:           int(orNegative(c.Limits.Requests)),
		MaxOperations:         c.Limits.Operations,
		MaxPersistent:         c.Sync.Searches,
		MaxConnections:        c.Limits.Connections,
		MaxConnectionsPerPeer: c.Limits.ConnectionsPerPeer,
		MaxConnectionsPerUser: c.Limits.ConnectionsPerUser,
		IdleTimeout:           time.Duration(c.Limits.Idle),
		MessageTimeout:        time.Duration(c.Limits.Receive),
		WriteTimeout:          time.Duration(c.Limits.Send),
		HandshakeTimeout:      time.Duration(c.Limits.Handshake),
		BusyTimeout:           time.Duration(c.Limits.Busy),
		Decoding:              wire.Limits{Depth: c.Limits.Depth, Filters: c.Limits.Filters, Elements: c.Limits.Elements},
	}
}

// orNegative is n, or -1 for 0.
func orNegative[N ~int | ~int64](n N) N {
	if n == 0 {
		return -1
	}
	return n
}

// prefixes are networks that problems has checked.
func prefixes(list []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range list {
		if p, err := netip.ParsePrefix(text); err == nil {
			all = append(all, p.Masked())
		}
	}
	return all
}
