package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tallystick/directory/password"
	"tallystick/directory/schema"
)

// The passwords of an entry are values of userPassword, or of authPassword (RFC
// 3112), and kept in one list: whatever is said of one holds for the other. A
// stored value shows of which it is. Values of authPassword are hashed by their
// nature.
const (
	userPassword = "userPassword"
	authPassword = "authPassword"
)

// passwordAttribute is the attribute of which a stored password is a value.
func passwordAttribute(stored []byte) string {
	if password.IsAuthPassword(stored) {
		return authPassword
	}
	return userPassword
}

// passwordAttributes are those of an entry with the names, with stored values.
func (r *record) passwordAttributes(names ...string) []Attribute {
	var list []Attribute
	for _, name := range names {
		a := Attribute{Name: name}
		for _, v := range r.passwords {
			if passwordAttribute(v) == name {
				a.Values = append(a.Values, v)
			}
		}
		if a.Values != nil {
			list = append(list, a)
		}
	}
	return list
}

// isHashed reports whether a value given for userPassword or authPassword is no
// password in the clear.
func isHashed(t *schema.AttributeType, given []byte) bool {
	if t.Name() == authPassword {
		return true
	}
	_, err := password.SchemeOf(given)
	return !password.IsAuthPassword(given) && !errors.Is(err, password.ErrScheme)
}

// passwordOf is a new password as a value of the attribute that has the user's
// now: of userPassword, unless all of them are in authPassword.
func passwordOf(now [][]byte, hashed []byte) []byte {
	if len(now) > 0 && !slices.ContainsFunc(now, func(v []byte) bool { return !password.IsAuthPassword(v) }) {
		return password.AuthPassword(hashed)
	}
	return hashed
}

// isPasswordMatch reports whether a filter asks by authPasswordMatch for a
// password in the clear (RFC 3112, section 2.3).
func (f *Filter) isPasswordMatch() bool {
	return f.Kind == FilterExtensibleMatch && (strings.EqualFold(f.MatchingRule, "authPasswordMatch") || f.MatchingRule == "1.3.6.1.4.1.4203.1.2.3")
}

// passwordMatches are the parts of f that ask so of authPassword.
func (d *Directory) passwordMatches(f *Filter) []*Filter {
	if f.isPasswordMatch() && (f.Attribute == "" || d.schema.AttributeOrUndefined(f.Attribute).Name() == authPassword) {
		return []*Filter{f}
	}
	var list []*Filter
	for i := range f.Filters {
		list = append(list, d.passwordMatches(&f.Filters[i])...)
	}
	return list
}

// answerPasswordMatch is the filter of a search with the answer in the place of
// the part that asks for a password. It is one of whoever may verify passwords,
// about one entry, and counts as an attempt there (see VerifyPassword); any other
// is Undefined, and so are two in one filter.
func (d *Directory) answerPasswordMatch(ctx context.Context, who Requester, req *SearchRequest) (*Filter, error) {
	asked := d.passwordMatches(&req.Filter)
	if len(asked) != 1 || req.Scope != BaseObject || req.Sync != nil || req.Persistent != nil || who.How == InGrace || who.Password.MustChange {
		return &req.Filter, nil
	}
	e, err := d.verifyPassword(ctx, who, req.BaseObject, asked[0].Value)
	switch {
	case errors.Is(err, InsufficientAccessRights), errors.Is(err, NoSuchObject), errors.Is(err, InvalidDNSyntax):
		return &req.Filter, nil // the search says so itself
	case err != nil && !errors.Is(err, InappropriateAuthentication):
		return nil, err
	}
	answer := Filter{Kind: FilterOr} // false
	if password.IsAuthPassword(e.stored) {
		answer.Kind = FilterAnd // true
	}
	f := req.Filter.with(asked[0], answer)
	return &f, nil
}

// with is f with another filter in the place of a part.
func (f *Filter) with(part *Filter, other Filter) Filter {
	if f == part {
		return other
	}
	g := *f
	g.Filters = make([]Filter, len(f.Filters))
	for i := range f.Filters {
		g.Filters[i] = f.Filters[i].with(part, other)
	}
	return g
}
