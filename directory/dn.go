package directory

import "tallystick/directory/schema"

// DN is a distinguished name (RFC 4514), RDN one of its parts and AVA an
// attribute type with a value in an RDN. They live in package schema, which
// compares names with the matching rules of their attributes.
type (
	DN  = schema.DN
	RDN = schema.RDN
	AVA = schema.AVA
)

// ParseDN parses the string form of a name. It fails with invalidDNSyntax and
// a message that says where and why.
func ParseDN(s *schema.Schema, text string) (DN, error) {
	dn, err := s.ParseDN(text)
	if err != nil {
		return DN{}, &Error{ResultCode: InvalidDNSyntax, DiagnosticMessage: err.Error()}
	}
	return dn, nil
}

// ParseRDN parses the string form of a relative name, as ParseDN does.
func ParseRDN(s *schema.Schema, text string) (RDN, error) {
	rdn, err := s.ParseRDN(text)
	if err != nil {
		return RDN{}, &Error{ResultCode: InvalidDNSyntax, DiagnosticMessage: err.Error()}
	}
	return rdn, nil
}
