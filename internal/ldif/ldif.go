// Package ldif reads and writes the LDAP Data Interchange Format (RFC 2849):
// content records and change records, one at a time, in constant memory.
//
// The reader is stricter than most about what would be misread, and more
// lenient than the RFC about what cannot: values and names in plain UTF-8, a
// byte order mark, a last line without newline, a last "-" left out, and
// content records beside change records are all taken as meant.
package ldif

import (
	"fmt"

	"tallystick/directory"
)

// ChangeType is what a record asks for.
type ChangeType int

const (
	Content  ChangeType = iota // no changetype line: an entry as it is
	Add                        // changetype: add
	Delete                     // changetype: delete
	Modify                     // changetype: modify
	ModifyDN                   // changetype: modrdn or moddn
)

// String is the word of the changetype line; "content" for a content record.
func (c ChangeType) String() string {
	switch c {
	case Content:
		return "content"
	case Add:
		return "add"
	case Delete:
		return "delete"
	case Modify:
		return "modify"
	case ModifyDN:
		return "modrdn"
	}
	return fmt.Sprintf("ChangeType(%d)", int(c))
}

// Record is one record of a file. What a Reader returns is valid until its
// next call of Next, the values' octets included, unless Options.Keep is set.
type Record struct {
	Line     int // of the dn, counted from 1; 0 in a record that was not read
	DN       string
	Controls []Control // change records only
	Change   ChangeType

	Attributes []directory.Attribute // Content, Add: no attribute description twice
	Changes    []directory.Change    // Modify

	NewRDN       string  // ModifyDN
	DeleteOldRDN bool    // ModifyDN
	NewSuperior  *string // ModifyDN; nil: the parent stays
}

// Control is a control line of a change record.
type Control struct {
	OID      string
	Critical bool
	Value    []byte // nil if absent
}

// Error says what is wrong with one record. The reader goes on behind the
// record when it is called again.
type Error struct {
	Line   int // the line at fault, counted from 1
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }
