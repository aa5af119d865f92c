package ldapd

import (
	"errors"
	"fmt"

	"tallystick/directory"
	extopwire "tallystick/extop/wire"
	"tallystick/ldapd/wire"
)

// A control is one kind of request control that the server takes (RFC 4511,
// section 4.1.11). To add one: give the request of package directory a typed
// field, write its codec in package wire, and add a row to the table below.
type control struct {
	oid string
	on  operations // on which it means something

	// take puts what c says into op, mostly a field of op.request. If there is
	// something to answer, it gives op.answer the function to ask once the
	// operation has ended. An error is answered in place of the operation:
	// protocolError unless it says otherwise.
	take func(op *operation, c *wire.Control) error
}

// operations is a set of kinds of operation.
type operations uint

const (
	onBind operations = 1 << iota
	onSearch
	onCompare
	onAdd
	onModify
	onDelete
	onModifyDN
	onExtended // those of the plug-in set, and of transactions
)

const (
	onChange = onAdd | onModify | onDelete | onModifyDN
	onAll    = onSearch | onCompare | onChange | onExtended // but Bind, which begins anew
)

// controls is what a server can take; supportedControl is made from what it
// does.
var controls = []control{
	{wire.AccessTokenRequest, onBind, accessToken},
	{wire.AuthorizationIdentityRequest, onBind, authorizationIdentity},
	{extopwire.PasswordPolicyOID, onAll | onBind, passwordPolicy},
	{wire.ProxiedAuthorization, onAll, proxiedAuthorization},
	{extopwire.IntermediateClientOID, onAll | onBind, intermediateClient},
	{wire.ManageDsaIT, onSearch | onCompare | onChange, manageDsaIT},
	{wire.DontUseCopy, onSearch | onCompare, noValue},
	{wire.Assertion, onSearch | onCompare | onChange, assertion},
	{wire.PreRead, onModify | onDelete | onModifyDN, preRead},
	{wire.PostRead, onAdd | onModify | onModifyDN, postRead},
	{wire.PagedResults, onSearch, paged},
	{wire.SortRequest, onSearch, sort},
	{wire.VirtualListRequest, onSearch, virtualList},
	{wire.MatchedValues, onSearch, matchedValues},
	{wire.SyncRequest, onSearch, synchronization},
	{wire.PersistentSearch, onSearch, persistentSearch},
	{wire.NoOp, onChange, noOp},
	{wire.NoOpOpenLDAP, onChange, noOp},
	{wire.PermissiveModify, onModify, permissiveModify},
	{wire.SubtreeDelete, onDelete, subtreeDelete},
	{wire.TransactionSpecification, onChange, inTransaction},
	{wire.NameWithEntryUUID, onAdd, nameWithEntryUUID},
}

// maxControls is how many controls one request may have.
const maxControls = 32

// takeControls takes the controls of op. A critical one that the server does
// not know, or not with this operation, is an error; others are ignored. One
// that the client may not use is like one that is not known.
func (op *operation) takeControls() error {
	if len(op.controls) > maxControls {
		return directory.Errorf(directory.AdminLimitExceeded, "request has more than %d controls", maxControls)
	}
	for i := range op.controls {
		c := &op.controls[i]
		for _, other := range op.controls[:i] {
			if c.OID == other.OID {
				return directory.Errorf(directory.ProtocolError, "control %q is given twice", clip(c.OID))
			}
		}
		known := op.lookUp(c.OID)
		if known != nil {
			may, err := op.c.srv.dir.MayControl(op.ctx, op.who, c.OID)
			if err != nil {
				return err
			}
			if !may {
				known = nil
			}
		}
		if known == nil {
			if c.Critical {
				return directory.Errorf(directory.UnavailableCriticalExtension, "control %q is not supported here", clip(c.OID))
			}
			continue
		}
		if err := known.take(op, c); err != nil {
			return controlError(c, err)
		}
	}
	return nil
}

// controlError is the error to answer with when c could not be taken.
func controlError(c *wire.Control, err error) error {
	if _, ok := errors.AsType[*directory.Error](err); ok {
		return err
	}
	if refused, ok := errors.AsType[*wire.RequestError](err); ok && refused.Code == directory.AdminLimitExceeded {
		return directory.Errorf(refused.Code, "%s", refused.Reason)
	}
	return &directory.Error{ResultCode: directory.ProtocolError, DiagnosticMessage: "malformed value of control " + c.OID, Cause: err}
}

// lookUp returns the control that oid means with op; nil if none.
func (op *operation) lookUp(oid string) *control {
	taken := op.c.srv.controls
	for i := range taken {
		if taken[i].oid == oid && taken[i].on&op.kind() != 0 {
			return &taken[i]
		}
	}
	return nil
}

// kind is the set of the one kind of operation that op is; empty for those
// that no control is about.
func (op *operation) kind() operations {
	switch r := op.request.(type) {
	case *directory.BindRequest:
		return onBind
	case *directory.SearchRequest:
		return onSearch
	case *directory.CompareRequest:
		return onCompare
	case *directory.AddRequest:
		return onAdd
	case *directory.ModifyRequest:
		return onModify
	case *directory.DeleteRequest:
		return onDelete
	case *directory.ModifyDNRequest:
		return onModifyDN
	case *wire.ExtendedRequest:
		if r.Name == oidStartTransaction || r.Name == oidEndTransaction || op.c.srv.ops.Lookup(r.Name) != nil {
			return onExtended
		}
	}
	return 0
}

// An answer returns the response control to send, or nil. It is called when
// the operation has ended with code.
type answer func(code directory.ResultCode) *wire.Control

// answer makes a the one to ask for a response control.
func (op *operation) answer(a answer) { op.answers = append(op.answers, a) }

// responseControls is the controls to send with the result; nil if none.
func (op *operation) responseControls(code directory.ResultCode) []wire.Control {
	var list []wire.Control
	for _, a := range op.answers {
		if c := a(code); c != nil {
			list = append(list, *c)
		}
	}
	if _, ok := op.request.(*directory.BindRequest); ok && op.c.srv.cfg.NetscapePasswordControls {
		list = op.netscapePassword(code, list)
	}
	return list
}

// changeControls is where controls of a change are put.
func (op *operation) changeControls() *directory.ChangeControls {
	switch r := op.request.(type) {
	case *directory.AddRequest:
		return &r.ChangeControls
	case *directory.ModifyRequest:
		return &r.ChangeControls
	case *directory.DeleteRequest:
		return &r.ChangeControls
	case *directory.ModifyDNRequest:
		return &r.ChangeControls
	}
	panic(fmt.Sprintf("ldapd: %T changes nothing", op.request))
}

// manageDsaIT takes that referral objects are entries (RFC 3296, section 3).
func manageDsaIT(op *operation, c *wire.Control) error {
	switch r := op.request.(type) {
	case *directory.SearchRequest:
		r.ManageDsaIT = true
	case *directory.CompareRequest:
		r.ManageDsaIT = true
	default:
		op.changeControls().ManageDsaIT = true
	}
	return wire.DecodeNoValue(c.Value)
}

// noValue takes a control that changes nothing here: there are no copies that
// lag behind.
func noValue(_ *operation, c *wire.Control) error { return wire.DecodeNoValue(c.Value) }

// authorizationIdentity takes the request for the identity that a bind gives
// (RFC 3829).
func authorizationIdentity(op *operation, c *wire.Control) error {
	op.answer(func(code directory.ResultCode) *wire.Control {
		if code != directory.Success {
			return nil
		}
		return &wire.Control{OID: wire.AuthorizationIdentityResponse, Value: []byte(op.c.who.AuthzID())}
	})
	return wire.DecodeNoValue(c.Value)
}

// proxiedAuthorization makes op run as somebody else (RFC 4370). Whether it
// may is for the directory to say.
func proxiedAuthorization(op *operation, c *wire.Control) error {
	switch {
	case !c.Critical:
		return directory.Errorf(directory.ProtocolError, "proxied authorization must be critical")
	case c.Value == nil:
		return wire.ErrValue
	}
	who, err := op.c.srv.dir.ProxiedAs(op.ctx, op.who, string(c.Value))
	if err != nil {
		return err
	}
	op.who = who
	return nil
}
