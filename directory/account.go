package directory

import (
	"bytes"
	"errors"
	"hash/maphash"
	"strings"

	"tallystick/directory/store"
)

// account is whom somebody claims to be. Whether there is such a user must not
// show: the unknown are treated as users whose password is never right.
type account struct {
	id entryID // 0: the root user; shadow ids: nobody
	dn DN      // meaningless for nobody
}

// shadowIDs begin the ids of users who do not exist. They have counters, to
// make the same work, that many names share.
const (
	shadowIDs      entryID = 1 << 63
	shadowCounters         = 4096
)

func (a account) known() bool { return a.id < shadowIDs }
func (a account) root() bool  { return a.id == 0 }

// nobody is an account that does not exist; name is what it was called.
func (d *Directory) nobody(name string) account {
	return account{id: shadowIDs + entryID(maphash.String(d.credentials.seed, name)%shadowCounters)}
}

// isSelf reports whether who is a.
func (d *Directory) isSelf(who Requester, a account) bool {
	if who.DN == d.rootName {
		return a.dn.Equal(d.root)
	}
	own, err := d.parseDN(who.DN)
	return err == nil && own.Equal(a.dn)
}

// accountOf is the account of a DN.
func (d *Directory) accountOf(r store.Reader, dn DN) (account, error) {
	if dn.Equal(d.root) {
		return account{dn: dn}, nil
	}
	if dn.IsZero() {
		return d.nobody(""), nil
	}
	id, err := d.resolve(r, dn)
	if errors.Is(err, NoSuchObject) {
		return d.nobody(dn.Norm()), nil
	}
	return account{id, dn}, err
}

// authenticationID is the account that "dn:…" or "u:…" names (RFC 4513,
// section 5.2.1.8). Anything else is nobody's, and so is a user name that
// several entries have. A malformed DN is an invalidDNSyntax.
func (d *Directory) authenticationID(r store.Reader, text string) (account, error) {
	if name, ok := strings.CutPrefix(text, "dn:"); ok {
		dn, err := d.parseDN(name)
		if err != nil {
			return d.nobody(text), err
		}
		return d.accountOf(r, dn)
	}
	if name, ok := strings.CutPrefix(text, "u:"); ok {
		return d.accountOfUser(r, name)
	}
	return d.nobody(text), nil
}

// looseID is authenticationID for what people type: without a prefix it is
// taken for a DN if it can be one, and for a user name if not. A malformed DN
// is nobody's.
func (d *Directory) looseID(r store.Reader, text string) (account, error) {
	if strings.HasPrefix(text, "dn:") || strings.HasPrefix(text, "u:") {
		a, err := d.authenticationID(r, text)
		if errors.Is(err, InvalidDNSyntax) {
			err = nil
		}
		return a, err
	}
	if dn, err := d.parseDN(text); err == nil {
		return d.accountOf(r, dn)
	}
	return d.accountOfUser(r, text)
}

// accountOfUser is the account of the one entry with the given uid.
func (d *Directory) accountOfUser(r store.Reader, uid string) (account, error) {
	t := d.schema.AttributeOrUndefined("uid")
	norm, ok := normalized(t.EqualityRule(), []byte(uid))
	if !ok || uid == "" {
		return d.nobody(uid), nil
	}
	p := planner{d: d, r: r}
	candidates, ok, err := p.scan(equalityPrefix(t.Name(), norm), 100) // long names may share a key
	if err != nil || !ok {
		return d.nobody(uid), err
	}
	var found []entryID
	for _, id := range candidates {
		rec, err := readRecord(r, id)
		if err != nil {
			return account{}, err
		}
		for _, v := range d.valuesOf(rec, "uid") {
			if n, ok := normalized(t.EqualityRule(), v); ok && bytes.Equal(n, norm) {
				found = append(found, id)
				break
			}
		}
	}
	if len(found) != 1 {
		return d.nobody(uid), nil
	}
	name, err := d.nameOf(r, found[0])
	if err != nil {
		return account{}, err
	}
	dn, err := d.parseDN(name)
	return account{found[0], dn}, err
}
