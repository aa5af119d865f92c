package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tallystick/directory/store"
)

// A change is one Add, Delete, Modify or ModifyDN, judged as far as that needs
// no entry.
type change interface {
	// run makes the change. It may run again.
	run(store.Writer) error
	// done is called once, when the change is durable.
	done(context.Context) error
}

// newChange judges a request that changes an entry.
func (d *Directory) newChange(ctx context.Context, who Requester, request any) (change, error) {
	switch req := request.(type) {
	case *AddRequest:
		return d.newAddition(ctx, who, req)
	case *DeleteRequest:
		return d.newDeletion(ctx, who, req)
	case *ModifyDNRequest:
		return d.newRename(ctx, who, req)
	case *ModifyRequest:
		dn, err := d.parseDN(req.Object)
		if err != nil {
			return nil, err
		}
		if dn.Equal(d.subentry) {
			return nil, Errorf(UnwillingToPerform, "the schema is not changed in a transaction")
		}
		return d.newModification(ctx, who, dn, req)
	}
	return nil, fmt.Errorf("directory: %T is not a change", request)
}

// maxTransactionTime is how long the changes of one Transact may take, while
// nobody else can write.
const maxTransactionTime = 2 * time.Second

// Transact makes all of the changes that requests ask for, one after the
// other, or none of them. A request is an *AddRequest, a *DeleteRequest, a
// *ModifyRequest or a *ModifyDNRequest. If one of them is why it failed, failed
// is its index; otherwise it is -1. RFC 5805, section 3.4.
func (d *Directory) Transact(ctx context.Context, who Requester, requests []any) (failed int, err error) {
	d.defining.RLock()
	defer d.defining.RUnlock()
	changes := make([]change, len(requests))
	for i, request := range requests {
		if changes[i], err = d.newChange(ctx, who, request); err != nil {
			return i, err
		}
	}
	defer d.renames()()
	failed = -1
	logged := slices.Clone(requests)
	for i, c := range changes {
		if x, ok := c.(*addition); ok {
			logged[i] = x.request(requests[i].(*AddRequest))
		}
	}
	err = d.change(ctx, who, logged, func(w store.Writer) error {
		begun := time.Now()
		for i, c := range changes {
			failed = i
			if err := ctx.Err(); err != nil {
				return err
			}
			if time.Since(begun) > d.transactionTime {
				return Errorf(AdminLimitExceeded, "the transaction takes too long")
			}
			if err := c.run(w); err != nil {
				return err
			}
		}
		failed = -1
		return nil
	})
	if errors.Is(err, store.ErrTooLarge) {
		return failed, &Error{ResultCode: AdminLimitExceeded, DiagnosticMessage: "the transaction is too large", Cause: err}
	}
	if err != nil {
		return failed, err
	}
	for _, c := range changes {
		err = errors.Join(err, c.done(ctx))
	}
	return -1, err
}
