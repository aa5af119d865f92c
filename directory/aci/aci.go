// Package aci is access control instructions in the syntax that PingDirectory,
// 389 Directory Server and their relatives share:
//
//	(targetattr="cn || mail")(targetfilter="(objectClass=person)")
//	(version 3.0; acl "the staff reads"; allow (read, search) groupdn="ldap:///cn=staff,dc=example,dc=com";)
//
// It parses them and says to whom and to what they apply. Where they are kept,
// and what follows from several of them, is for its callers: a deny that applies
// outdoes every allow, and where nothing applies nothing is allowed.
package aci

import (
	"strings"

	"tallystick/directory/schema"
)

// Rights is a set of things one may do.
type Rights uint16

const (
	Read      Rights = 1 << iota // see values
	Search                       // use them in a filter
	Compare                      // use them in a Compare
	Write                        // change them
	SelfWrite                    // add or delete the requester's own name among them
	Add                          // add the entry
	Delete                       // delete it
	Import                       // move an entry below it
	Export                       // move it elsewhere
	Proxy                        // act for it

	// All is what "all" stands for.
	All = Read | Search | Compare | Write | SelfWrite | Add | Delete

	// OfEntry are the rights that are about an entry whatever its attributes:
	// targetattr says nothing about them.
	OfEntry = Add | Delete | Import | Export | Proxy
)

var rightNames = []string{"read", "search", "compare", "write", "selfwrite", "add", "delete", "import", "export", "proxy"}

// RightNamed is the right, or the rights, with a name; 0 if there is none.
func RightNamed(name string) Rights {
	if strings.EqualFold(name, "all") {
		return All
	}
	for i, n := range rightNames {
		if strings.EqualFold(name, n) {
			return 1 << i
		}
	}
	return 0
}

// String is the names of the rights, with commas between them.
func (r Rights) String() string {
	var names []string
	for i, n := range rightNames {
		if r&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// ACI is one access control instruction. It does not change.
type ACI struct {
	Name        string // as its "acl" says
	Permissions []Permission

	text       string
	attributes *attributes // targetattr; nil: none
	target     *target     // nil: the entry that has the ACI
	scope      scope
	filter     Filter // targetfilter; nil: none
	filterNot  bool
	extops     *oids // nil: it is not about extended operations
	controls   *oids // nil: it is not about request controls
}

// Permission is what an ACI allows or denies, and to whom.
type Permission struct {
	Allow  bool // false: it denies
	Rights Rights
	rule   rule
	text   string
}

// String is the ACI as it was given.
func (a *ACI) String() string { return a.text }

// String is the permission as it was given.
func (p *Permission) String() string { return p.text }

// OfRequests reports whether the ACI is about extended operations or request
// controls, and not about entries.
func (a *ACI) OfRequests() bool { return a.extops != nil || a.controls != nil }

// CoversExtendedOperation reports whether it is about the one with this OID.
func (a *ACI) CoversExtendedOperation(oid string) bool { return a.extops != nil && a.extops.cover(oid) }

// CoversControl reports whether it is about the one with this OID.
func (a *ACI) CoversControl(oid string) bool { return a.controls != nil && a.controls.cover(oid) }

// Filter is a search filter, made by the function given to Parse.
type Filter any

// Verdict is what can be said without looking at one entry in particular.
type Verdict int8

const (
	No Verdict = iota
	Yes
	Depends // on the entry
)

func verdict(yes bool) Verdict {
	if yes {
		return Yes
	}
	return No
}

func (v Verdict) not() Verdict {
	switch v {
	case No:
		return Yes
	case Yes:
		return No
	}
	return v
}

// Covers reports whether targetattr names the attribute type.
func (a *ACI) Covers(t *schema.AttributeType) bool { return a.attributes.cover(t) }

// Attributes are the types that targetattr names.
func (a *ACI) Attributes() []string {
	if a.attributes == nil {
		return nil
	}
	return a.attributes.given
}

// Filter is targetfilter; nil: none.
func (a *ACI) Filter() Filter { return a.filter }

// OnlyAt returns the name that the ACI is about nothing outside of, and whether
// it is about nothing below it either. It is not ok if there is none.
func (a *ACI) OnlyAt() (dn schema.DN, alone, ok bool) {
	if a.target == nil || a.target.not || a.target.pattern != nil {
		return schema.DN{}, false, false
	}
	return a.target.dn, a.scope == base, true
}

// TargetDN is the name that target has; zero if there is none, or a pattern.
func (a *ACI) TargetDN() schema.DN {
	if a.target == nil {
		return schema.DN{}
	}
	return a.target.dn
}
