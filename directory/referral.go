package directory

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"tallystick/directory/store"
)

// Referral objects (RFC 3296) say that what is at and below them is held by
// other servers. A request that has ManageDsaIT takes them for entries like
// any other.

const (
	referralClass = "referral"
	refAttribute  = "ref"
)

// A ReferenceWriter is an EntryWriter that takes search continuations too
// (RFC 4511, section 4.5.3): URIs of which one will do. A search whose writer
// is none passes over them.
type ReferenceWriter interface {
	EntryWriter
	WriteReference(uris []string) error
}

// refsOf is the values of ref in an entry.
func (d *Directory) refsOf(rec *record) (values [][]byte) {
	for _, a := range rec.attributes {
		if t := d.schema.Attribute(a.Name); t != nil && t.Name() == refAttribute {
			values = append(values, a.Values...)
		}
	}
	return values
}

// isReferral reports whether an entry is a referral object.
func (d *Directory) isReferral(rec *record) bool {
	class := d.schema.ObjectClass(referralClass)
	return class != nil && len(d.refsOf(rec)) > 0 && slices.ContainsFunc(d.valuesOf(rec, "objectClass"), func(v []byte) bool {
		c := d.schema.ObjectClass(string(v))
		return c != nil && c.IsA(class)
	})
}

// referralObjects returns the ids of what could be referral objects.
func (d *Directory) referralObjects(r store.Reader) ([]entryID, error) {
	p := planner{d: d, r: r}
	ids, known, err := p.equality(&Filter{Kind: FilterEqualityMatch, Attribute: "objectClass", Value: []byte(referralClass)}, maxCandidates)
	if err == nil && !known {
		err = Errorf(AdminLimitExceeded, "there are more than %d referral objects", maxCandidates)
	}
	return ids, err
}

// openReferrals finds out whether there are referral objects.
func (d *Directory) openReferrals(ctx context.Context) error {
	return d.store.View(ctx, func(r store.Reader) error {
		ids, err := d.referralObjects(r)
		d.referrals.Store(len(ids) > 0)
		return err
	})
}

// held fails with a referral if the entry named dn is, or would be, held by
// another server (RFC 3296, sections 5.2 and 5.3). A referral object that the
// requester may not know of is none. scope is that of a search,
// as in an LDAP URL; "" for other operations. Where there never was a referral
// object, it costs nothing.
func (d *Directory) held(r store.Reader, x *rights, dn DN, manage bool, scope string) error {
	if _, ours := d.context(dn); !ours {
		if len(d.cfg.Referral) == 0 || len(*d.contexts.Load()) == 0 {
			return nil
		}
		var uris []string
		for _, uri := range d.cfg.Referral {
			uris = append(uris, continued(uri, dn.String(), "", scope))
		}
		return &Error{ResultCode: Referral, Referral: uris}
	}
	if manage || !d.referrals.Load() {
		return nil
	}
	id, err := d.resolve(r, dn)
	missing := errors.Is(err, NoSuchObject)
	if missing {
		if id, err = d.deepest(r, err); err != nil || id == 0 {
			return err
		}
	}
	if err != nil {
		return err
	}
	for id != 0 {
		rec, err := readRecord(r, id)
		if err != nil {
			return err
		}
		if d.isReferral(rec) {
			v, err := x.on(d, r, id, rec)
			if err != nil || !v.ruling.sees(v) {
				return err
			}
			return d.referral(r, dn, rec, scope)
		}
		if !missing {
			return nil
		}
		id = rec.parent
	}
	return nil
}

// deepest returns the id of the entry that a noSuchObject names; 0 if none.
func (d *Directory) deepest(r store.Reader, err error) (entryID, error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.MatchedDN == "" {
		return 0, nil
	}
	dn, err := d.parseDN(e.MatchedDN)
	if err != nil {
		return 0, err
	}
	return d.resolve(r, dn)
}

// referral is the error of a request for dn, which is at or below the referral
// object rec.
func (d *Directory) referral(r store.Reader, dn DN, rec *record, scope string) error {
	name, err := d.nameOfRecord(r, rec)
	if err != nil {
		return err
	}
	at, err := d.parseDN(name)
	if err != nil {
		return err
	}
	var below []string
	for i := range dn.Len() - at.Len() {
		below = append(below, dn.RDN(i).String())
	}
	return &Error{ResultCode: Referral, Referral: urisOf(d.refsOf(rec), name, strings.Join(below, ","), scope)}
}

// urisOf is the references that values of ref stand for. name is that of the
// referral object.
func urisOf(refs [][]byte, name, below, scope string) []string {
	var uris []string
	for _, v := range refs {
		uri, _, _ := strings.Cut(string(v), " ") // a label may follow
		uris = append(uris, continued(uri, name, below, scope))
	}
	return uris
}

// continued is an LDAP URL (RFC 4516) made to stand for what is named below
// under its DN, or under name if it has none, with another scope. Attributes
// and filter go, extensions stay. Other URIs stay as they are.
func continued(uri, name, below, scope string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok || !ldapScheme(scheme) {
		return uri
	}
	host, rest, _ := strings.Cut(rest, "/")
	parts := strings.SplitN(rest, "?", 5)
	if dn, err := url.PathUnescape(parts[0]); err == nil && dn != "" {
		name = dn
	}
	dn := url.URL{Path: joinName(name, below)}
	uri = scheme + "://" + host + "/" + strings.TrimPrefix(dn.EscapedPath(), "./")
	if len(parts) == 5 {
		return uri + "??" + scope + "??" + parts[4]
	}
	if scope != "" {
		uri += "??" + scope
	}
	return uri
}

func ldapScheme(s string) bool {
	s = strings.ToLower(s)
	return s == "ldap" || s == "ldaps" || s == "ldapi"
}

// checkReferences fails if values cannot be those of ref: URIs, each with a
// label or without.
func checkReferences(values [][]byte) error {
	for i, v := range values {
		uri, _, _ := strings.Cut(string(v), " ")
		if err := checkReference(uri); err != nil {
			return Errorf(InvalidAttributeSyntax, "%s: value %d: %v", refAttribute, i+1, err)
		}
	}
	return nil
}

// checkReference fails if a text is not a URI that a client can be referred to.
func checkReference(uri string) error {
	scheme, rest, _ := strings.Cut(uri, ":")
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "" || rest == "":
		return errors.New("not a URI")
	case ldapScheme(scheme) && !strings.HasPrefix(rest, "//"):
		return errors.New("not an LDAP URL")
	}
	return nil
}

// CheckSuperior fails if a text is not an LDAP URL that a client can be sent to
// with any name: one without a name of its own.
func CheckSuperior(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || !ldapScheme(u.Scheme) || u.Opaque != "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return errors.New("not the LDAP URL of a server, without a name in it")
	}
	return nil
}

// referralScope is the scope of a search as a referral from its base has it.
var referralScope = map[Scope]string{BaseObject: "base", SingleLevel: "one", WholeSubtree: "sub", SubordinateSubtree: "subord"}

// sendReferences sends a continuation for each referral object in scope,
// whatever the filter (RFC 3296, section 5.4).
func (s *search) sendReferences(ctx context.Context) error {
	if s.req.Scope == BaseObject || s.after != nil {
		return nil
	}
	ids, err := s.d.referralObjects(s.r)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.pace(ctx); err != nil {
			return err
		}
		rec, err := readRecord(s.r, id)
		if err != nil {
			return err
		}
		in, err := s.inScope(id, rec)
		if err != nil {
			return err
		}
		if !in || !s.d.isReferral(rec) {
			continue
		}
		if s.rights != nil {
			v, err := s.rights.on(s.d, s.r, id, rec)
			if err != nil {
				return err
			}
			if !v.ruling.sees(v) {
				continue
			}
		}
		s.met = true
		if err := s.sendReference(rec); err != nil {
			return err
		}
	}
	return nil
}

// sendReference sends a continuation for a referral object.
func (s *search) sendReference(rec *record) error {
	scope := "sub"
	if s.req.Scope == SingleLevel {
		scope = "base"
	}
	name, err := s.d.nameOfRecord(s.r, rec)
	if err != nil {
		return err
	}
	uris := urisOf(s.d.refsOf(rec), name, "", scope)
	if f := s.following; f != nil {
		return f.sendReference(rec, uris)
	}
	if w, ok := s.w.(ReferenceWriter); ok {
		return w.WriteReference(uris)
	}
	return nil
}
