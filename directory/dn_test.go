package directory

import (
	"testing"

	"tallystick/directory/schema"
)

// Names that do not parse are the client's mistake. What parses how is tested
// in package schema.
func TestParseDNErrors(t *testing.T) {
	s := schema.Standard()
	_, err := ParseDN(s, "dc=x,y")
	if r := Result(err); r.ResultCode != InvalidDNSyntax || r.DiagnosticMessage != "at offset 6: expected an equals sign behind the attribute type" {
		t.Error(err)
	}
	_, err = ParseRDN(s, "cn=a,dc=x")
	if r := Result(err); r.ResultCode != InvalidDNSyntax || r.DiagnosticMessage != "at offset 0: more than one RDN" {
		t.Error(err)
	}
	dn, err := ParseDN(s, "CN=a, dc=X")
	if err != nil || dn.String() != "CN=a,dc=X" || dn.Norm() != "cn=a,dc=x" {
		t.Errorf("%v %q, %v", dn, dn.Norm(), err)
	}
	rdn, err := ParseRDN(s, "CN=a")
	if err != nil || rdn.Norm() != "cn=a" {
		t.Errorf("%v, %v", rdn, err)
	}
}
