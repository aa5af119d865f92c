package directory

import (
	"context"
	"slices"

	"tallystick/directory/store"
)

// Writability is which changes the directory takes (PingDirectory's
// writability-mode).
type Writability string

const (
	// WritesEnabled: all.
	WritesEnabled Writability = "enabled"

	// WritesInternal: none of clients; but what a log-in leaves behind is
	// written: attempts, codes that were used, the audit log.
	WritesInternal Writability = "internal-only"

	// WritesDisabled: none. Who logs in with a code, which must not be taken
	// twice, or with an expired password, which is let go so many times, is
	// refused.
	WritesDisabled Writability = "disabled"
)

// Writabilities are the values there are.
var Writabilities = []Writability{WritesEnabled, WritesInternal, WritesDisabled}

var errNoChanges = Errorf(UnwillingToPerform, "the server is read-only")

// Writability is what SetWritability set last; WritesEnabled before that.
func (d *Directory) Writability() Writability {
	if w := d.writability.Load(); w != nil {
		return *w
	}
	return WritesEnabled
}

// SetWritability sets which changes are taken, until the program ends. When it
// returns none is on its way that is taken no longer. It takes the privilege
// config-write. Error: constraintViolation for one that is not there.
func (d *Directory) SetWritability(ctx context.Context, who Requester, to Writability) error {
	if who.How != ByServer {
		if err := d.require(ctx, who, func(may privileges) bool { return may.configWrite }); err != nil {
			return err
		}
	}
	if !slices.Contains(Writabilities, to) {
		return Errorf(ConstraintViolation, "%.64q is none of enabled, internal-only, disabled", string(to))
	}
	was := d.Writability()
	d.writability.Store(&to)
	if was != to {
		d.log.Info("which changes are taken was changed", "from", string(was), "to", string(to), "by", who.DN)
	}
	// Updates run one after the other, so those before this one have ended. That
	// it fails, on a full disk, is no matter.
	_ = d.store.Update(ctx, func(store.Writer) error { return nil })
	return nil
}

// takes fails unless changes are taken, made by clients or only by the server.
func (d *Directory) takes(internal bool) error {
	switch d.Writability() {
	case WritesEnabled:
		return nil
	case WritesInternal:
		if internal {
			return nil
		}
	}
	return errNoChanges
}
