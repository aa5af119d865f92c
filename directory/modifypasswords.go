package directory

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"tallystick/directory/schema"
	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// onlyPasswords reports whether changes are about passwords and nothing else.
func (d *Directory) onlyPasswords(changes []Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool {
		return !isPassword(d.schema.AttributeOrUndefined(c.Attribute.Name))
	})
}

func (m *modification) preparePasswords(ctx context.Context) error {
	var u *user
	err := m.d.view(ctx, func(r store.Reader) error {
		err := m.allowed(r)
		var id entryID
		if err == nil {
			id, err = m.d.resolve(r, m.dn)
		}
		if err == nil {
			u, err = m.mayChangePassword(r, id)
		}
		if errors.Is(err, NoSuchObject) {
			u = new(user)
			var failed error
			if u.passwordPolicy, failed = m.d.passwordPolicyOf(r, nil); failed != nil {
				return failed
			}
		}
		return err
	})
	missing := err
	if err != nil && !errors.Is(err, NoSuchObject) {
		return err
	}
	err = nil
	for i := range m.changes {
		c := &m.changes[i]
		t := m.d.schema.AttributeOrUndefined(c.Attribute.Name)
		if !isPassword(t) {
			continue
		}
		switch {
		case c.Operation == IncrementValues:
			return Errorf(ConstraintViolation, "%s: not a number", t.Name())
		case c.Operation == DeleteValues && missing != nil:
			return missing // run will say it of the rest, unless its transaction adds the entry
		case c.Operation == DeleteValues && t.Name() == authPassword:
			c.Attribute.Values = slices.Clone(c.Attribute.Values)
			for i, v := range c.Attribute.Values {
				c.Attribute.Values[i] = valueKey(t, v)
			}
		case c.Operation == DeleteValues:
			m.policed.proved = m.policed.proved || len(c.Attribute.Values) > 0
			c.Attribute.Values, err = m.matchPasswords(ctx, u, c.Attribute.Values)
		case len(c.Attribute.Values) == 0 && c.Operation == AddValues:
			err = Errorf(InvalidAttributeSyntax, "%s: no values given", t.Name())
		default:
			m.policed.add(t, c.Attribute.Values)
		}
		if err != nil {
			return err
		}
	}
	return m.acceptPasswords(u)
}

// acceptPasswords asks the policy about the new passwords and hashes them.
func (m *modification) acceptPasswords(u *user) (err error) {
	m.policed.self, m.policed.exempt = m.self, m.may.root
	if err := m.d.mayChange(u, m.policed); err != nil {
		return err
	}
	if err := m.d.mayBecome(u, m.policed); err != nil {
		return err
	}
	m.hashes = m.may.bypassACL
	for i := range m.changes {
		c := &m.changes[i]
		t := m.d.schema.AttributeOrUndefined(c.Attribute.Name)
		if !isPassword(t) || c.Operation == DeleteValues {
			continue
		}
		if c.Attribute.Values, err = m.d.hashPasswordValues(t, c.Attribute.Values, m.hashes); err != nil {
			return err
		}
	}
	return nil
}

// matchPasswords replaces passwords in clear by the stored values they match.
// Each is an attempt like any other: whoever may delete a password need not
// know it, and could find it out. Stored values are for whoever may read them
// all: to show one is not to know the password.
func (m *modification) matchPasswords(ctx context.Context, u *user, given [][]byte) ([][]byte, error) {
	var matched [][]byte
	for _, g := range given {
		if m.may.bypassACL && slices.ContainsFunc(u.passwords, func(stored []byte) bool { return bytes.Equal(stored, g) }) {
			matched = append(matched, g)
			continue
		}
		e, err := m.d.prove(ctx, u.account, proof{door: "modify", who: m.who, password: seal.Secret(g), rule: codeOptional, use: passwordCompared})
		if errors.Is(err, InvalidCredentials) {
			return nil, &Error{ResultCode: NoSuchAttribute, DiagnosticMessage: "userPassword: no such value", Cause: err}
		}
		if err != nil {
			return nil, err
		}
		matched = append(matched, e.stored)
	}
	return matched, nil
}

// mayChangePassword returns whose password it is. It fails for somebody who
// may reset passwords but is after one that would give them more than that,
// and for a user who has shown less than his password modify would take.
func (m *modification) mayChangePassword(r store.Reader, id entryID) (*user, error) {
	u, err := m.d.readUser(r, account{id, m.dn})
	switch {
	case err != nil:
		return nil, err
	case u.entry == nil:
		return nil, &Error{ResultCode: NoSuchObject}
	case m.self:
		return u, u.mayChangeOwnPassword(m.who)
	case !m.may.bypassACL && m.d.privilegesIn(u.entry).any():
		return nil, errNoAccess
	}
	return u, nil
}

// applyPassword makes one change to the stored passwords that are values of t.
// Values are in their storage scheme; those to delete are exactly as stored.
func applyPassword(rec *record, t *schema.AttributeType, c Change, permissive bool) error {
	others := func(v []byte) bool { return passwordAttribute(v) != t.Name() }
	switch c.Operation {
	case AddValues:
		for n, v := range c.Attribute.Values {
			switch {
			case !slices.ContainsFunc(rec.passwords, func(p []byte) bool { return bytes.Equal(p, v) }):
				rec.passwords = append(rec.passwords, v)
			case !permissive:
				return Errorf(AttributeOrValueExists, "%s: the entry has value %d already", t.Name(), n+1)
			}
		}
	case ReplaceValues:
		rec.passwords = append(slices.DeleteFunc(rec.passwords, func(v []byte) bool { return !others(v) }), c.Attribute.Values...)
	case DeleteValues:
		kept := len(rec.passwords)
		if len(c.Attribute.Values) == 0 {
			rec.passwords = slices.DeleteFunc(rec.passwords, func(v []byte) bool { return !others(v) })
			if len(rec.passwords) == kept {
				return Errorf(NoSuchAttribute, "%s: the entry does not have it", t.Name())
			}
			return nil
		}
		for _, v := range c.Attribute.Values {
			i := slices.IndexFunc(rec.passwords, func(p []byte) bool { return bytes.Equal(p, v) && !others(p) })
			if i < 0 {
				return Errorf(NoSuchAttribute, "%s: no such value", t.Name())
			}
			rec.passwords = slices.Delete(rec.passwords, i, i+1)
		}
	}
	return nil
}
