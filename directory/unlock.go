package directory

import "context"

// Unlock ends a user's lockout, or delay, and that of all addresses that failed
// at him. It is for an administrator, who has password-reset, and bypass-acl if
// the user has privileges; not for himself. Errors: insufficientAccessRights,
// noSuchObject, invalidDNSyntax; unwillingToPerform for himself.
func (d *Directory) Unlock(ctx context.Context, who Requester, authenticationID *string) error {
	if err := who.mayEnrol(); err != nil {
		return err
	}
	who, err := d.asOfNow(ctx, who)
	if err != nil {
		return err
	}
	target, _, err := d.factorTarget(ctx, who, authenticationID, false)
	if err != nil {
		return err
	}
	err = d.changeFactors(ctx, who, target, false, "unlock", func(u *user, _ evidence) error {
		locked := d.lockedOut(u)
		if failures := d.forgive(u); failures > 0 && !locked {
			u.note(AuditUnlocked, nil, "", failures)
		}
		u.unlock()
		return nil
	})
	if err == nil {
		d.credentials.pardon(target.id)
	}
	return err
}

// pardon forgets what memory has against a user, once the store does not.
func (c *credentials) pardon(id entryID) {
	c.forget(id)
	c.sources.pairs.forgetUser(id)
}
