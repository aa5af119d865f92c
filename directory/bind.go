package directory

import (
	"context"

	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// Bind establishes who somebody is: simple (RFC 4513, section 5.1) or by SASL
// PLAIN (RFC 4616), EXTERNAL (RFC 4422, appendix A), OAUTHBEARER (RFC 7628)
// with an access token, or PingDirectory's UNBOUNDID-TOTP. A user with an
// active TOTP credential appends a code to the password; in UNBOUNDID-TOTP it
// stands beside it. It returns the requester that operations on the connection
// run for from now on; on an error that is an anonymous one.
//
//	version other than 3               protocolError
//	simple, no name, no password       success, anonymous
//	simple, name, no password          unwillingToPerform (RFC 4513, section 5.1.2)
//	simple, malformed name             invalidDNSyntax
//	password or code not right         invalidCredentials, whatever the reason
//	mechanism not offered              authMethodNotSupported
//	malformed SASL credentials         protocolError
//	access token not taken             saslBindInProgress, then invalidCredentials
//	EXTERNAL on a transport without    inappropriateAuthentication
//	authorization identity not allowed insufficientAccessRights
func (d *Directory) Bind(ctx context.Context, who Requester, req *BindRequest) (Requester, error) {
	names := d.names.Load()
	now, err := d.bind(ctx, who, req)
	if err != nil {
		return now, err
	}
	now.names = names
	if now.Limits.Identity != "" {
		return now, nil // they were read on the way
	}
	if now, err = d.withLimits(ctx, now); err != nil {
		return who.Transport(), err
	}
	return now, nil
}

func (d *Directory) bind(ctx context.Context, who Requester, req *BindRequest) (Requester, error) {
	anonymous := who.Transport()
	if req.Version != 3 {
		return anonymous, Errorf(ProtocolError, "LDAP version %d is not supported: use 3", req.Version)
	}
	if req.SASL != nil {
		return d.bindSASL(ctx, anonymous, req.SASL)
	}
	switch {
	case req.Name == "" && len(req.Password) == 0:
		return anonymous, nil
	case len(req.Password) == 0:
		return anonymous, Errorf(UnwillingToPerform, "a name without a password authenticates nobody")
	}
	dn, err := d.parseDN(req.Name)
	if err != nil {
		return anonymous, err
	}
	a, err := d.lookUp(ctx, func(r store.Reader) (account, error) { return d.accountOf(r, dn) })
	if err != nil {
		return anonymous, err
	}
	who, err = d.provePassword(ctx, anonymous, "simple bind", a, req.Password)
	if err != nil {
		return anonymous, err
	}
	return who, nil
}

// as is the requester once he has proved to be the user with the given name.
func (who Requester) as(a account, how Authentication) Requester {
	who.DN, who.How = a.dn.String(), how
	if a.known() {
		who.id = a.id
	}
	return who
}

// lookUp finds an account in a snapshot of its own.
func (d *Directory) lookUp(ctx context.Context, find func(store.Reader) (account, error)) (a account, err error) {
	err = d.view(ctx, func(r store.Reader) (err error) {
		a, err = find(r)
		return err
	})
	return a, err
}

// provePassword makes who the user a by password, with a code where the user
// needs one.
func (d *Directory) provePassword(ctx context.Context, who Requester, door string, a account, password []byte) (Requester, error) {
	p := proof{door: door, who: who, password: seal.Secret(password), rule: codeIfActive, bind: true, use: passwordBinds}
	e, err := d.prove(ctx, a, p)
	if err != nil {
		return who, err
	}
	who.Limits = e.limits
	if e.application != "" {
		return who.as(a, ByApplicationPassword), nil
	}
	who.fingerprint, who.Password = e.fingerprint, e.standing
	if upgraded := d.upgrade(ctx, a, e.stored, e.password); upgraded != "" {
		who.fingerprint = upgraded
		d.credentials.windows.upgraded(a, p, upgraded)
	}
	if e.standing.MustChange {
		who.fingerprint = "" // no token
	}
	switch {
	case e.grace:
		who.fingerprint = "" // no token
		return who.as(a, InGrace), nil
	case !e.code:
		return who.as(a, ByPassword), nil
	}
	who.Factor = e.factor
	return who.as(a, ByPasswordAndCode), nil
}
