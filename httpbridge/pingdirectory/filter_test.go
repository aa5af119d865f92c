package pingdirectory

import (
	"strings"
	"testing"

	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

var filterSchema = subschema.Parse([]string{
	`( 2.5.4.0 NAME 'objectClass' SYNTAX 1.3.6.1.4.1.1466.115.121.1.38 )`,
	`( 2.5.4.3 NAME ( 'cn' 'commonName' ) SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )`,
	`( 1.3.6.1.1.1.1.0 NAME 'uidNumber' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )`,
	`( 2.5.18.1 NAME 'createTimestamp' SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE USAGE directoryOperation )`,
	`( 2.5.18.9 NAME 'hasSubordinates' SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE USAGE directoryOperation )`,
	`( 0.9.2342.19200300.100.1.60 NAME 'jpegPhoto' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )`,
}, nil)

func TestLDAPFilter(t *testing.T) {
	for _, tt := range []struct{ scim, ldap string }{
		{``, `(objectClass=*)`},
		{`objectClass eq "person"`, `(objectClass=person)`},
		{`cn ne "a"`, `(!(cn=a))`},
		{`cn co "a"`, `(cn=*a*)`},
		{`cn sw "a"`, `(cn=a*)`},
		{`cn ew "a"`, `(cn=*a)`},
		{`cn pr`, `(cn=*)`},
		{`uidNumber gt 5`, `(&(uidNumber>=5)(!(uidNumber=5)))`},
		{`uidNumber ge 5`, `(uidNumber>=5)`},
		{`uidNumber lt 5`, `(&(uidNumber<=5)(!(uidNumber=5)))`},
		{`uidNumber le -5`, `(uidNumber<=-5)`},
		{`createTimestamp ge "2018-05-01T15:04:49.866Z"`, `(createTimestamp>=20180501150449.866Z)`},
		{`hasSubordinates eq true`, `(hasSubordinates=TRUE)`},
		{`jpegPhoto eq "/9g="`, `(jpegPhoto=\ff\d8)`},
		{`cn eq null`, `(!(cn=*))`},
		{`cn ne null`, `(cn=*)`},
		{`commonName eq "a" and (cn sw "b" or not (cn pr))`, `(&(commonName=a)(|(cn=b*)(!(cn=*))))`},
		{`cn;lang-de eq "a"`, `(cn;lang-de=a)`},
		// No value gets out of its place.
		{`cn eq "*)(uid=*"`, `(cn=\2a\29\28uid=\2a)`},
		{`cn co "a\\*\u0000"`, `(cn=*a\5c\2a\00*)`},
		{`cn eq "ä"`, `(cn=\c3\a4)`},
	} {
		got, err := ldapFilter(filterSchema, tt.scim)
		if err != nil || got != tt.ldap {
			t.Errorf("%s: %s, %v, want %s", tt.scim, got, err, tt.ldap)
		}
		if _, err := upstream.EncodeFilter(got); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}

func TestLDAPFilterErrors(t *testing.T) {
	for _, tt := range []struct{ scim, err string }{
		{`cn eq`, "column 6: expected a string, a number, true, false or null"},
		{`CN eq "a"`, "CN is written cn"},
		{`shoeSize eq 5`, "shoeSize is not an attribute of the server's schema"},
		{`_dn eq "uid=a"`, "_dn is not an attribute of the server's schema"},
		{`uidNumber eq "5"`, "uidNumber is compared with an integer"},
		{`cn eq 5`, "cn is compared with a string"},
		{`cn gt null`, "cn is compared with a string"},
		{`uidNumber sw 5`, errSubstring.Error()},
		{`cn co ""`, errSubstring.Error()},
		{`createTimestamp ge "yesterday"`, "createTimestamp is compared with a time like 2026-01-02T03:04:05Z"},
	} {
		if got, err := ldapFilter(filterSchema, tt.scim); err == nil || err.Error() != tt.err {
			t.Errorf("%s: %q, %v, want %s", tt.scim, got, err, tt.err)
		}
	}
}

// Whatever a filter holds, it becomes one filter of LDAP.
func FuzzLDAPFilter(f *testing.F) {
	for _, s := range []string{`cn eq "*)(a=b"`, `not (uidNumber lt 5) and cn;x-a co "\u0000"`, `createTimestamp gt "2018-05-01T15:04:49+02:00"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ldapFilter(filterSchema, text)
		if err != nil {
			return
		}
		b, err := upstream.EncodeFilter(got)
		if err != nil {
			t.Fatalf("%q: %q: %v", text, got, err)
		}
		if again, err := upstream.DecodeFilter(b); err != nil || strings.Count(again, "(") != strings.Count(got, "(") {
			t.Fatalf("%q: %q, %q: %v", text, got, again, err)
		}
	})
}
