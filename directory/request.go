package directory

// Requests are values: what a client asked for, decoded and not yet judged.
// Names are in string form and may be malformed; the operation that takes the
// request parses them and answers invalidDNSyntax. A front may reuse the
// memory behind a request once the operation has returned.

// Attribute is an attribute description with values (RFC 4511, section
// 4.1.7), in a request, in an entry or in a search result.
type Attribute struct {
	Name   string   // attribute description as given, options included: cn;lang-de
	Values [][]byte // nil where only types were asked for
}

// Entry is an entry as a client sees it: a name and attributes.
type Entry struct {
	DN         string
	Attributes []Attribute
}

// EntryWriter receives the entries of a search, one call each. The entry and
// what it points to is only valid during the call. An error ends the search
// and comes back from it.
type EntryWriter interface {
	WriteEntry(*Entry) error
}

// BindRequest is RFC 4511, section 4.2.
type BindRequest struct {
	Version  int
	Name     string
	Password []byte           // simple authentication; nil if SASL is used
	SASL     *SASLCredentials // nil if simple authentication is used
}

// SASLCredentials is RFC 4511, section 4.2.
type SASLCredentials struct {
	Mechanism   string
	Credentials []byte // nil if absent
}

// Scope of a search (RFC 4511, section 4.5.1.2; subordinates from
// draft-sermersheim-ldap-subordinate-scope).
type Scope int

const (
	BaseObject Scope = iota
	SingleLevel
	WholeSubtree
	SubordinateSubtree
)

// SearchRequest is RFC 4511, section 4.5.1. Aliases are not dereferenced:
// there are none.
type SearchRequest struct {
	BaseObject string
	Scope      Scope
	SizeLimit  int // entries; 0: the server's own limit
	TimeLimit  int // seconds; 0: the server's own limit
	TypesOnly  bool
	Filter     Filter
	Attributes []string // attribute selection as given: names, "*", "+", "1.1", "@class"

	ManageDsaIT   bool              // referral objects are entries like any other (RFC 3296)
	Assertion     *Filter           // what must be true of the base object (RFC 4528); nil: nothing
	Paged         *Paged            // nil: all at once
	Sort          *Sort             // nil: in no particular order
	VirtualList   *VirtualList      // nil: all, or a page
	Sync          *Sync             // what becomes of the content (RFC 4533); nil: what there is
	Persistent    *PersistentSearch // nil: it ends
	MatchedValues []Filter          // only values that match one of these (RFC 3876), which are no And, Or, Not; nil: all
}

// CompareRequest is RFC 4511, section 4.10.
type CompareRequest struct {
	Entry     string
	Attribute string
	Value     []byte

	ManageDsaIT bool    // referral objects are entries like any other (RFC 3296)
	Assertion   *Filter // what else must be true of the entry (RFC 4528); nil: nothing
}

// AddRequest is RFC 4511, section 4.7.
type AddRequest struct {
	Entry      string
	Attributes []Attribute

	ChangeControls
	NameWithEntryUUID bool // the server makes the RDN, of entryUUID, in place of the one given (PingDirectory)
}

// DeleteRequest is RFC 4511, section 4.8.
type DeleteRequest struct {
	Entry string

	ChangeControls
	Subtree bool // with all that is below it (draft-armijo-ldap-treedelete)
}

// ChangeOperation is the operation of one change in a ModifyRequest.
type ChangeOperation int

const (
	AddValues       ChangeOperation = 0
	DeleteValues    ChangeOperation = 1
	ReplaceValues   ChangeOperation = 2
	IncrementValues ChangeOperation = 3 // RFC 4525
)

// Change is one step of a ModifyRequest.
type Change struct {
	Operation ChangeOperation
	Attribute Attribute
}

// ModifyRequest is RFC 4511, section 4.6: all changes or none, in order.
type ModifyRequest struct {
	Object  string
	Changes []Change

	ChangeControls
	Permissive bool // to add values that are there, or delete some that are not, is no error; passwords apart
}

// ModifyDNRequest is RFC 4511, section 4.9.
type ModifyDNRequest struct {
	Entry        string
	NewRDN       string
	DeleteOldRDN bool
	NewSuperior  *string // nil: the parent stays

	ChangeControls
}
