package schema

import (
	"strings"
	"testing"
)

// Values under their syntaxes (RFC 4517, section 3.3); "" is no error.
func TestValidate(t *testing.T) {
	tests := []struct{ attribute, value, want string }{
		{"cn", "Ann é", ""},
		{"cn", "", "a directory string is not empty"},
		{"cn", "\xff", "a directory string is UTF-8"},
		{"mail", "a@b", ""},
		{"mail", "", ""},
		{"mail", "é@b", "an IA5 string has only ASCII characters"},
		{"c", "DE", ""},
		{"c", "DEU", "a country string is two letters"},
		{"serialNumber", "A-1 (x)", ""},
		{"serialNumber", "a_b", "a printable string has only letters, digits, spaces and '()+,-./:?="},
		{"serialNumber", "", "a printable string is not empty"},
		{"x121Address", "12 34", ""},
		{"x121Address", "12a", "a numeric string has only digits and spaces"},
		{"x121Address", "", "a numeric string is not empty"},
		{"telephoneNumber", "+1 555 0100", ""},
		{"telephoneNumber", "", "a printable string is not empty"},
		{"facsimileTelephoneNumber", "+1 555$a3Width$b4Length", ""},
		{"facsimileTelephoneNumber", "+1 555$x", "the parameters of a fax number are twoDimensional, fineResolution, unlimitedLength, b4Length, a3Width, b4Width, uncompressed"},
		{"facsimileTelephoneNumber", "$a3Width", "a printable string is not empty"},
		{"telexNumber", "12$DE$x", ""},
		{"telexNumber", "12", "a telex number is number$country$answerback"},
		{"telexNumber", "12$$x", "a printable string is not empty"},
		{"preferredDeliveryMethod", "mhs $ telephone", ""},
		{"preferredDeliveryMethod", "pigeon", "a delivery method is one of any, mhs, physical, telex, teletex, g3fax, g4fax, ia5, videotex, telephone, or several with $ between them"},
		{"uidNumber", "-10", ""},
		{"uidNumber", "0", ""},
		{"uidNumber", "010", "an integer has no zeros in front"},
		{"uidNumber", "-0", "an integer has no zeros in front"},
		{"uidNumber", "1.5", "an integer has only digits, behind a minus sign if it is negative"},
		{"hasSubordinates", "TRUE", ""},
		{"hasSubordinates", "true", "a boolean is TRUE or FALSE"},
		{"createTimestamp", "20260102030405Z", ""},
		{"createTimestamp", "20260102", "a generalized time is YYYYMMDDHHMMSSZ: it begins with ten digits"},
		{"member", "cn=a,dc=x", ""},
		{"member", "", ""},
		{"member", "cn", "at offset 2: expected an equals sign behind the attribute type"},
		{"uniqueMember", "cn=a#'01'B", ""},
		{"uniqueMember", "a#'01'B", "at offset 1: expected an equals sign behind the attribute type"},
		{"x500UniqueIdentifier", "'0101'B", ""},
		{"x500UniqueIdentifier", "0101", "a bit string is zeros and ones between '…'B"},
		{"objectClass", "person", ""},
		{"objectClass", "2.5.6.6", ""},
		{"objectClass", "1person", "an object identifier is a name or numbers with dots"},
		{"objectClass", "2.05", "an object identifier is a name or numbers with dots"},
		{"entryUUID", "597ae2f6-16a6-1027-98f4-d28b5365dc14", ""},
		{"entryUUID", "x", "a UUID is 8-4-4-4-12 hexadecimal digits"},
		{"authPassword", "SHA1$c2FsdA==$OkdKcR/L5MdZtVjOJpk8WgxcUPE=", ""},
		{"authPassword", "  X-1/_. $ $  ", ""},
		{"authPassword", "{SHA}OkdKcR/L5MdZtVjOJpk8WgxcUPE=", "an authentication password is scheme$authInfo$authValue"},
		{"authPassword", "A$b$c$d", "an authentication password is scheme$authInfo$authValue"},
		{"authPassword", "sha1$$", "an authentication password is scheme$authInfo$authValue: a scheme has capital letters, digits and -./_, the rest no spaces"},
		{"authPassword", "$b$c", "an authentication password is scheme$authInfo$authValue: a scheme has capital letters, digits and -./_, the rest no spaces"},
		{"authPassword", "A$b c$d", "an authentication password is scheme$authInfo$authValue: a scheme has capital letters, digits and -./_, the rest no spaces"},
		{"authPassword", "A$\u00e9$d", "an authentication password is scheme$authInfo$authValue: a scheme has capital letters, digits and -./_, the rest no spaces"},
		{"postalAddress", `1 Main St$Town\24`, ""},
		{"postalAddress", `1\5c2 Main St\5C$\24`, ""},
		{"postalAddress", `C:\temp`, `a backslash in a postal address is \5C`},
		{"postalAddress", `a\2$b`, `a backslash in a postal address is \5C`},
		{"postalAddress", "a$$b", "a postal address has no empty lines"},
		{"postalAddress", "a$\xff", "a postal address is UTF-8"},
		{"nisNetgroupTriple", "(host,user,domain)", ""},
		{"nisNetgroupTriple", "host,user,domain", "a netgroup triple is (host,user,domain)"},
		{"attributeTypes", "( 1.2 SUP name )", ""},
		{"attributeTypes", "( 1.2 )", "at offset 0: neither SUP nor SYNTAX"},
		{"objectClasses", "( 1.2", "at offset 5: expected a word"},
		{"userPassword", "\x00\xff", ""},
		{"jpegPhoto", "\x00\xff", ""},
		{"userCertificate", "", ""},
		{"someUnknownType", "", "a directory string is not empty"},
	}
	for _, tt := range tests {
		got := ""
		if err := Standard().AttributeOrUndefined(tt.attribute).Syntax.Validate([]byte(tt.value)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.attribute, tt.value, got, tt.want)
		}
	}
	// The syntaxes that no attribute here has.
	for _, tt := range []struct{ syntax, value, want string }{
		{"16", "( 2.5.6.6 DESC 'people' NOT ( x121Address $ telexNumber ) AUX pkiUser )", ""},
		{"16", "( 2.5.6.6 WITHOUT x121Address )", `at offset 10: unknown keyword "WITHOUT"`},
		{"17", "( 2 DESC 'organization structure rule' FORM 2.5.15.3 )", ""},
		{"17", "( 3 FORM 2.5.15.4 SUP ( 1 2 ) )", ""},
		{"17", "( 3 SUP 1 )", "no FORM"},
		{"31", "( 2.5.13.16 APPLIES ( givenName $ surname ) )", ""},
		{"31", "( 2.5.13.16 )", "no APPLIES"},
		{"35", "( 2.5.15.3 NAME 'orgNameForm' OC organization MUST o MAY ( l $ st ) )", ""},
		{"35", "( 2.5.15.3 NAME 'orgNameForm' OC organization )", "no MUST"},
		{"21", "person#(sn$EQ)#oneLevel", ""},
		{"21", "2.5.6.6 # !(sn$APPROX | cn$SUBSTR) & ?true # wholeSubtree", ""},
		{"21", "person#sn$EQ#below", "an enhanced guide is class#criteria#subset; subsets are baseobject, oneLevel and wholeSubtree"},
		{"25", "person#sn$EQ", ""},
		{"25", "(sn$GE&(cn$LE|!?false))", ""},
		{"25", "sn", "criteria of a guide are attribute$EQ, SUBSTR, GE, LE or APPROX, ?true and ?false, with !, &, | and parentheses"},
		{"25", strings.Repeat("(", 100) + "?true", "criteria of a guide are attribute$EQ, SUBSTR, GE, LE or APPROX, ?true and ?false, with !, &, | and parentheses"},
		{"25", "#sn$EQ", "the class of a guide is a name or numbers with dots"},
		{"51", "12-ab$graphic:\x00\xff$page:a4", ""},
		{"51", "12$colour:red", "the parameters of a teletex terminal are graphic, control, misc, page, private, with a colon and a value behind"},
		{"51", "", "a printable string is not empty"},
		{"53", "2601020304Z", ""},
		{"53", "260102030405+0100", ""},
		{"53", "2601020304", ""},
		{"53", "20260102030405Z", "a UTC time is YYMMDDHHMMSSZ"},
		{"53", "2613020304Z", "a generalized time is YYYYMMDDHHMMSSZ: month, hour, minute or second is out of range"},
	} {
		got := ""
		if err := Standard().Syntax(syntaxArc + tt.syntax).Validate([]byte(tt.value)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.syntax, tt.value, got, tt.want)
		}
	}
	other := Standard().Syntax(syntaxArc + "39")
	if other.Validate([]byte("Internet$a@b")) != nil || other.Validate([]byte("x")) == nil {
		t.Error("other mailbox")
	}
}

// Whatever octets come, every syntax says something about them.
func FuzzValidate(f *testing.F) {
	for _, seed := range []string{"person#(sn$EQ)#oneLevel", "( 3 FORM 2.5.15.4 SUP ( 1 2 ) )", "12$graphic:x", "2601020304Z", "cn=a#'01'B"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, value []byte) {
		for _, x := range Standard().inForce.Load().syntaxList {
			_ = x.Validate(value)
		}
	})
}

// No message repeats what it is about: values may be secret.
func TestMessagesDoNotRepeatValues(t *testing.T) {
	const value = "hunter2\xff"
	for _, x := range Standard().inForce.Load().syntaxList {
		if err := x.Validate([]byte(value)); err != nil && strings.Contains(err.Error(), "hunter2") && !strings.Contains(x.Desc, "Description") {
			t.Errorf("%s: %v", x.Desc, err)
		}
	}
	for _, r := range Standard().inForce.Load().ruleList {
		if _, err := r.Normalize(nil, []byte(value)); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", r.Name(), err)
		}
	}
}
