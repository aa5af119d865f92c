package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// Resealed is what a run of Reseal did.
type Resealed struct {
	Credentials int // that were looked at
	Anew        int // that were sealed with an older key
	Closed      int // that do not open; they stay as they are
}

// A run looks at scanned credentials in one snapshot, and seals up to resealed
// of them in one transaction, so that nobody waits for it long.
const (
	scanned  = 4096
	resealed = 64
)

// Reseal seals with the newest key of the keyset every TOTP secret that an
// older one sealed. It may run while the directory serves, and again where it
// was interrupted. The audit log has its beginning, in the transaction of the
// first secret, and its end.
func (d *Directory) Reseal(ctx context.Context) (done Resealed, err error) {
	keyset := d.credentials.cfg.Keyset
	if keyset == nil {
		return done, errKeyset
	}
	for next := []byte{credentialSpace}; next != nil; {
		var stale [][]byte
		err := d.store.View(ctx, func(r store.Reader) (err error) {
			stale, next, err = staleSecrets(r, keyset, next, &done.Credentials)
			return err
		})
		if err != nil {
			return done, err
		}
		if len(stale) == 0 {
			continue
		}
		var anew, closed int
		err = d.store.Update(ctx, func(w store.Writer) error {
			anew, closed = 0, 0
			for _, key := range stale {
				switch err := d.reseal(w, key); {
				case errors.Is(err, seal.ErrSealed), errors.Is(err, errRecord):
					d.log.Error("a TOTP secret cannot be sealed anew", "entry", uint64(idAtEnd(key[:9])), "credential", string(key[9:]), "err", err)
					closed++
				case errors.Is(err, store.ErrNotFound): // deleted meanwhile
				case err != nil:
					return err
				default:
					anew++
				}
			}
			if done.Anew > 0 || anew == 0 {
				return nil
			}
			return d.auditReseal(w, keyset, 0)
		})
		if err != nil {
			return done, err
		}
		done.Anew += anew
		done.Closed += closed
	}
	if done.Anew == 0 {
		return done, nil
	}
	return done, d.store.Update(ctx, func(w store.Writer) error { return d.auditReseal(w, keyset, done.Anew) })
}

// auditReseal tells of a run that has sealed n secrets; 0: it begins.
func (d *Directory) auditReseal(w store.Writer, keyset *seal.Keyset, n int) error {
	return d.audit(w, AuditEvent{Kind: AuditResealed, Door: "keys", Count: uint64(n), Cause: fmt.Sprintf("key %010d", keyset.Primary())})
}

// staleSecrets returns keys of credentials that an older key of the keyset
// sealed, from a key of the store on, and the key to go on at: nil at the end.
// It adds to seen how many credentials it looked at.
func staleSecrets(r store.Reader, keyset *seal.Keyset, from []byte, seen *int) (stale [][]byte, next []byte, err error) {
	n := 0
	all := store.Prefix([]byte{credentialSpace})
	err = r.Scan(store.Range{Start: from, End: all.End}, func(key, value []byte) bool {
		if n == scanned || len(stale) == resealed {
			next = slices.Clone(key)
			return false
		}
		n++
		var c credential
		if len(key) > 9 && c.decode(value) == nil && !keyset.Current(c.sealed) { // what is malformed is for Check to tell
			stale = append(stale, slices.Clone(key))
		}
		return true
	})
	*seen += n
	return stale, next, err
}

// reseal seals one secret anew.
func (d *Directory) reseal(w store.Writer, key []byte) error {
	value, err := w.Get(key)
	if err != nil {
		return err
	}
	c := credential{id: string(key[9:])}
	if err := c.decode(value); err != nil {
		return err
	}
	owner, err := readRecord(w, idAtEnd(key[:9]))
	if err != nil {
		return err
	}
	secret, err := d.unseal(owner.uuid, &c)
	if err != nil {
		return err
	}
	defer secret.Wipe()
	if err := d.seal(owner.uuid, &c, secret); err != nil {
		return err
	}
	w.Set(key, c.encode())
	return nil
}

// SealedWith tells how many TOTP secrets each key of the keyset has sealed.
func (d *Directory) SealedWith(ctx context.Context) (map[uint32]int, error) {
	count := map[uint32]int{}
	err := d.store.View(ctx, func(r store.Reader) error {
		return scanAll(ctx, r, credentialSpace, func(_, value []byte) error {
			var c credential
			if err := c.decode(value); err != nil {
				return err
			}
			if id, ok := seal.SealedWith(c.sealed); ok {
				count[id]++
			}
			return nil
		})
	})
	return count, err
}
