package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// RestoreConfig is how Restore treats what it restores.
type RestoreConfig struct {
	// Credentials is the configuration of the server that will run; its
	// Window and MaxDrift say which codes may have been used.
	Credentials CredentialsConfig

	// Now is the clock; nil: time.Now.
	Now func() time.Time

	// Made is when the backup was made, for the audit log.
	Made time.Time

	// KeepRecoveryCodes keeps the recovery codes that were left when the
	// backup was made. Some may have been used since, and would count again.
	KeepRecoveryCodes bool
}

// Restore fills an empty store with the pairs of a backup that read hands to
// put. It needs no keyset. What was used up since the backup must not come
// back to life, so no code counts that could have been accepted until now:
// every credential's last accepted step becomes the highest that could have
// been, some minutes ahead, counter-based tokens wait for a resync, and there are
// no recovery codes any more. Not covered is a token resynchronized since the
// backup: where its clock was is not known. The
// restoring is an event in the audit log. It fails, and leaves the store
// empty, if read fails or the pairs are those of another format.
func Restore(ctx context.Context, s store.Store, cfg RestoreConfig, read func(put func(key, value []byte) error) error) error {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Credentials = cfg.Credentials.withDefaults()
	return s.Load(ctx, func(put func(key, value []byte) error) error {
		if err := mustBeEmpty(ctx, s); err != nil {
			return err
		}
		r := &restoring{cfg: cfg, now: cfg.Now(), w: putter{put: put}, head: auditHead{first: 1}}
		if err := read(r.pair); err != nil {
			return err
		}
		r.head.add(&r.w, r.now, AuditEvent{Kind: AuditRestored, Door: "restore", Cause: "a backup of " + cfg.Made.UTC().Format(time.RFC3339)}, nil)
		r.w.Set(auditHeadKey, r.head.encode())
		return r.w.err
	})
}

// ErrNotEmpty is returned by Restore for a store that holds something.
var ErrNotEmpty = errors.New("a backup can only be restored into an empty store")

func mustBeEmpty(ctx context.Context, s store.Store) error {
	empty := true
	err := s.View(ctx, func(r store.Reader) error {
		return r.Scan(store.Range{KeysOnly: true}, func(_, _ []byte) bool {
			empty = false
			return false
		})
	})
	if err == nil && !empty {
		err = ErrNotEmpty
	}
	return err
}

// restoring is one Restore at work.
type restoring struct {
	cfg  RestoreConfig
	now  time.Time
	w    putter
	head auditHead
}

// pair puts one pair of the backup, changed where that is needed. A record
// that cannot be read is taken over as it is: nobody is believed on it.
func (r *restoring) pair(key, value []byte) error {
	switch {
	case string(key) == string(auditHeadKey): // Restore puts it, at the end
		head, err := decodeAuditHead(value)
		head.last = max(head.last, r.head.last)
		r.head = head
		return err
	case string(key) == string(historyHeadKey): // what came behind the backup may have been told to somebody
		head, err := decodeHistoryHead(value)
		if err != nil {
			return err
		}
		value = head.renewed().encode()
	case key[0] == auditSpace && len(key) == 9: // if the head is gone or stops short, the log goes on behind its records
		r.head.last = uint64(idAtEnd(key))
	case string(key) == string(metaKey("format")) && !readable(value):
		return fmt.Errorf("the backup is of format %q and this program reads %q", value, formatVersion)
	case key[0] == credentialSpace:
		value = r.credential(value)
	case key[0] == attemptSpace && !r.cfg.KeepRecoveryCodes:
		value = withoutRecoveryCodes(value)
	}
	r.w.Set(key, value)
	return r.w.err
}

// credential is a stored credential whose codes up to now are dead, and those
// ahead of it that a token running ahead may have shown.
func (r *restoring) credential(value []byte) []byte {
	var c credential
	if c.decode(value) != nil {
		return value
	}
	if c.oath || c.parameters.Counter { // ofToken knows the period and the window; nobody knows the counter
		c.restored = r.now
		return c.encode()
	}
	limits := totp.Limits{Window: r.cfg.Credentials.Window, MaxDrift: r.cfg.Credentials.MaxDrift}
	c.totp.LastStep = max(c.totp.LastStep, c.latest(r.now, limits))
	return c.encode()
}

func withoutRecoveryCodes(value []byte) []byte {
	var a attempts
	if a.decode(value) != nil {
		return value
	}
	a.recovery = totp.RecoveryCodes{}
	return a.encode()
}
