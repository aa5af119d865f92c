package pingdirectory

import (
	"context"
	"slices"
	"strings"

	"tallystick/httpbridge/upstream"
)

// putEntry replaces the attributes that are given, or renames the entry if _dn
// is another name than it has.
func putEntry(ctx context.Context, h *Handler, c *call) (*reply, error) {
	s, dn, err := entrySession(ctx, h.ldap, c)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	v, err := h.view(ctx, s, c)
	if err != nil {
		return nil, err
	}
	in, err := readContent(v.schema, c.document)
	if err != nil {
		return nil, err
	}
	if in.parentDN != "" {
		return nil, errParentDN
	}
	var r *rename
	if in.dn != "" {
		if r, err = newRename(dn, in); err != nil {
			return nil, err
		}
		if r != nil {
			if err := r.do(ctx, s); err != nil {
				return nil, err
			}
			dn, in.attributes = in.dn, nil
		}
	}
	var changes []upstream.Change
	for _, a := range in.attributes {
		changes = append(changes, upstream.Change{Type: upstream.Replace, Attribute: a})
	}
	if len(changes) == 0 && r == nil {
		return unwritten(ctx, s, v, dn)
	}
	if len(changes) > 0 {
		if err := s.Modify(ctx, dn, changes, in.controls); err != nil {
			return nil, err
		}
	}
	controls, err := responseControls(s)
	if err != nil {
		return nil, err
	}
	return done(written(ctx, s, v, dn, controls)), nil
}

// rename is a PUT with another _dn. LDAP renames and changes in two operations
// of which the second may fail, and PingDirectory joins them in a third that
// few servers have. So a rename changes nothing else: what is given besides
// must be what the entry has, or gets by the rename.
type rename struct {
	from, to upstream.Name
	dn       string // from, as given
	in       *content
}

// newRename is nil if _dn is the name the entry has.
func newRename(dn string, in *content) (*rename, error) {
	from, err := upstream.ParseName(dn)
	if err != nil {
		return nil, &upstream.Result{Code: invalidDNSyntax}
	}
	to, err := upstream.ParseName(in.dn)
	if err != nil || len(to.RDN) == 0 {
		return nil, errNewDN
	}
	if from.Equal(to) {
		return nil, nil
	}
	return &rename{from: from, to: to, dn: dn, in: in}, nil
}

func (r *rename) do(ctx context.Context, s *upstream.Session) error {
	for _, part := range r.to.RDN {
		given := r.in.attribute(part.Type)
		if given == nil || !containsFold(given.Values, part.Value) {
			return errNamingAttribute
		}
	}
	deleteOld, err := r.deletesOld()
	if err != nil {
		return err
	}
	var names []string
	for _, a := range r.in.attributes {
		names = append(names, a.Name)
	}
	current, err := readEntry(ctx, s, r.dn, names, nil)
	if err != nil {
		return err
	}
	for _, a := range r.in.attributes {
		if !equalFold(a.Values, r.after(a.Name, current.Values(a.Name), deleteOld)) {
			return errRenameAndChange
		}
	}
	newSuperior := ""
	if !r.from.SameParent(r.to) {
		newSuperior = r.to.Parent
	}
	return s.ModifyDN(ctx, r.dn, r.to.RDNText(), deleteOld, newSuperior, r.in.controls)
}

// deletesOld says whether the values of the old RDN go: they do unless the body
// has them. It cannot have some of them only.
func (r *rename) deletesOld() (bool, error) {
	kept, gone := 0, 0
	for _, part := range r.from.RDN {
		if slices.ContainsFunc(r.to.RDN, func(p upstream.NamePart) bool {
			return strings.EqualFold(p.Type, part.Type) && strings.EqualFold(p.Value, part.Value)
		}) {
			continue // it stays in any case
		}
		if given := r.in.attribute(part.Type); given != nil && containsFold(given.Values, part.Value) {
			kept++
		} else {
			gone++
		}
	}
	if kept > 0 && gone > 0 {
		return false, errRenameAndChange
	}
	return gone > 0, nil
}

// after is the values that an attribute will have after the rename.
func (r *rename) after(name string, values []string, deleteOld bool) []string {
	values = slices.Clone(values)
	for _, part := range r.from.RDN {
		if deleteOld && strings.EqualFold(part.Type, name) {
			values = slices.DeleteFunc(values, func(v string) bool { return strings.EqualFold(v, part.Value) })
		}
	}
	for _, part := range r.to.RDN {
		if strings.EqualFold(part.Type, name) && !containsFold(values, part.Value) {
			values = append(values, part.Value)
		}
	}
	return values
}

func containsFold(values []string, value string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, value) })
}

// equalFold reports whether a and b are the same set.
func equalFold(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, v := range a {
		if !containsFold(b, v) {
			return false
		}
	}
	return true
}
