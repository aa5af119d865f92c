package schema

import (
	"strings"
	"testing"
)

// RFC 4514, section 3, and what section 2.4 and older standards add.
func TestParseDN(t *testing.T) {
	tests := []struct {
		text string
		want string // String
		norm string
	}{
		// Section 4's examples.
		{"UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net", "uid=jsmith,dc=example,dc=net"},
		{"OU=Sales+CN=J.  Smith,DC=example,DC=net", "OU=Sales+CN=J.  Smith,DC=example,DC=net", "cn=j. smith+ou=sales,dc=example,dc=net"},
		{`CN=James \"Jim\" Smith\, III,DC=example,DC=net`, `CN=James \"Jim\" Smith\, III,DC=example,DC=net`, `cn=james "jim" smith\2c iii,dc=example,dc=net`},
		{`CN=Before\0dAfter,DC=example,DC=net`, `CN=Before\0dAfter,DC=example,DC=net`, "cn=before after,dc=example,dc=net"},
		{"1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=Hi", "1.3.6.1.4.1.1466.0=hi"},
		{`CN=Lu\C4\8Di\C4\87`, "CN=Lučić", "cn=lučić"},

		// The empty name.
		{"", "", ""},
		{"  ", "", ""},

		// Types: any case, OIDs, aliases, OID. in front.
		{"2.5.4.3=Ann", "2.5.4.3=Ann", "cn=ann"},
		{"oid.2.5.4.3=Ann", "2.5.4.3=Ann", "cn=ann"},
		{"commonName=Ann", "commonName=Ann", "cn=ann"},
		{"xFoo=A  B", "xFoo=A  B", "xfoo=a b"},
		{"XFOO=a b", "XFOO=a b", "xfoo=a b"},

		// Spaces around separators do not count.
		{" cn = Ann , dc = x ", "cn=Ann,dc=x", "cn=ann,dc=x"},
		{"cn=Ann + sn=Lee , dc=x", "cn=Ann+sn=Lee,dc=x", "cn=ann+sn=lee,dc=x"},
		{`cn=\ Ann\ ,dc=x`, `cn=\ Ann\ ,dc=x`, "cn=ann,dc=x"},
		{`cn=Ann\20,dc=x`, `cn=Ann\ ,dc=x`, "cn=ann,dc=x"},

		// Special characters.
		{`cn=a\+b\;c\<d\>e\=f\#g\\h`, `cn=a\+b\;c\<d\>e=f#g\\h`, `cn=a\2bb;c<d>e=f\23g\5ch`},
		{`cn=\#a`, `cn=\#a`, `cn=\23a`},
		{"cn=a=b", "cn=a=b", "cn=a=b"},
		{`cn="a, b+c"`, `cn=a\, b\+c`, `cn=a\2c b\2bc`},
		{`cn="a\"b" ,dc=x`, `cn=a\"b,dc=x`, `cn=a"b,dc=x`},
		{"cn=#0C02C4B1", "cn=ı", "cn=ı"},
		{"cn=#0403414243 , dc=x", "cn=ABC,dc=x", "cn=abc,dc=x"},

		// The equality rule of the type decides.
		{"uidNumber=007", "uidNumber=007", "uidnumber=\\81\\00\\017"},
		{"labeledURI=Ab", "labeledURI=Ab", "labeleduri=Ab"},
		{"telephoneNumber=\\+1 2-3", "telephoneNumber=\\+1 2-3", "telephonenumber=\\2b123"},
		{`member=CN=A\,DC=X`, `member=CN=A\,DC=X`, `member=cn=a\2cdc=x`},
		{"cn=STRASSE", "cn=STRASSE", "cn=strasse"},
		{"cn=Straße", "cn=Straße", "cn=strasse"},
		{"cn=", "cn=", "cn= "},
	}
	s := Standard()
	for _, tt := range tests {
		dn, err := s.ParseDN(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := dn.String(); got != tt.want {
			t.Errorf("%q: String %q, want %q", tt.text, got, tt.want)
		}
		norm := strings.ReplaceAll(tt.norm, `\81`, "\x81")
		if got := dn.Norm(); got != norm {
			t.Errorf("%q: Norm %q, want %q", tt.text, got, norm)
		}
	}
}

func TestParseDNErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"cn", "at offset 2: expected an equals sign behind the attribute type"},
		{"=x", "at offset 0: expected an attribute type"},
		{"cn=a,", "at offset 5: the name ends where an attribute type is expected"},
		{",cn=a", "at offset 0: expected an attribute type"},
		{"cn=a,,dc=x", "at offset 5: expected an attribute type"},
		{"cn=a+", "at offset 5: the name ends where an attribute type is expected"},
		{"cn;lang-de=a", "at offset 2: expected an equals sign behind the attribute type"},
		{"2.5.=a", "at offset 0: malformed attribute type"},
		{"2=a", "at offset 0: malformed attribute type"},
		{"cn.x=a", "at offset 0: malformed attribute type"},
		{"cn=a;dc=x", "at offset 4: this character must be escaped in a value"},
		{"cn=a\x00", "at offset 4: this character must be escaped in a value"},
		{"cn=a<b", "at offset 4: this character must be escaped in a value"},
		{`cn=a\`, "at offset 4: nothing behind the backslash"},
		{`cn=a\zz`, "at offset 4: expected a special character or two hexadecimal digits behind the backslash"},
		{`cn=a\4`, "at offset 4: expected a special character or two hexadecimal digits behind the backslash"},
		{`cn="a`, "at offset 3: the quotes are not closed"},
		{`cn="a"b`, "at offset 6: expected a comma or a plus sign behind the value"},
		{"cn=#0", "at offset 3: expected an even number of hexadecimal digits behind the number sign"},
		{"cn=#", "at offset 3: the hexadecimal digits are not one BER element"},
		{"cn=#040541", "at offset 3: the hexadecimal digits are not one BER element"},
		{"cn=#020101", "at offset 3: the BER element is not a string"},
		{"dc=x,cn=a+cn=b", "at offset 5: cn twice in one RDN"},
		{"cn=a+commonName=a", "at offset 0: cn twice in one RDN"},
		{`cn=\ff`, "at offset 0: value of cn: not UTF-8"},
		{"uidNumber=x", "at offset 0: value of uidNumber: an integer has only digits, behind a minus sign if it is negative"},
		{strings.Repeat("member=", 10) + "cn=a", "at offset 0: value of member: at offset 0: value of member: at offset 0: value of member: at offset 0: value of member: at offset 0: value of member: at offset 0: names are nested too deep in values"},
		{"cn=" + strings.Repeat("a", maxDNLength), "at offset 32768: the name is too long"},
		{"cn=" + strings.Repeat("\ufdfa", 1000) + ",dc=x", "at offset 3003: the name is too long when normalised"},
		{strings.Repeat("cn=a,", maxRDNs) + "cn=a", "at offset 1280: the name has too many RDNs"},
		{strings.Repeat("cn=a+", maxRDNs) + "cn=a", "at offset 1280: the RDN has too many attributes"},
	}
	for _, tt := range tests {
		_, err := Standard().ParseDN(tt.text)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%.40q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestDNRelations(t *testing.T) {
	s := Standard()
	parse := func(text string) DN {
		dn, err := s.ParseDN(text)
		if err != nil {
			t.Fatal(err)
		}
		return dn
	}
	dn := parse(`cn=A\, B+sn=C,ou=People,dc=x`)
	if dn.Len() != 3 || dn.IsZero() || len(dn.RDN(0).AVAs()) != 2 || dn.RDN(1).String() != "ou=People" {
		t.Errorf("parts of %v", dn)
	}
	for i, want := range []string{"ou=people,dc=x", "dc=x", "", ""} {
		if dn = dn.Parent(); dn.Norm() != want {
			t.Errorf("parent %d is %q, want %q", i+1, dn.Norm(), want)
		}
	}
	under := []struct {
		dn, base string
		want     bool
	}{
		{"cn=a,dc=x", "dc=x", true},
		{"CN=a,DC=X", "dc = x", true},
		{"dc=x", "dc=x", true},
		{"dc=x", "", true},
		{"", "", true},
		{"", "dc=x", false},
		{"dc=x", "cn=a,dc=x", false},
		{"cn=a,dc=xx", "dc=x", false},
		{"cn=a,ndc=x", "dc=x", false},
		{`cn=a\,dc=x`, "dc=x", false},
		{"cn=b+sn=a,dc=x", "sn=a+cn=b,dc=x", true},
	}
	for _, tt := range under {
		if got := parse(tt.dn).IsUnder(parse(tt.base)); got != tt.want {
			t.Errorf("%q under %q: %v", tt.dn, tt.base, got)
		}
	}
	if _, err := s.ParseRDN("cn=a,dc=x"); err == nil {
		t.Error("two RDNs taken for one")
	}
	if _, err := s.ParseRDN(""); err == nil {
		t.Error("no RDN taken for one")
	}
}

func FuzzParseDN(f *testing.F) {
	for _, text := range []string{
		"", "cn=a,dc=x", `CN=\ \#a\00\ff+sn="b,c",2.5.4.10=#0403414243`, "member=cn=a\\,dc=x", "x=\u00a8 a", "uidNumber=-12",
		"createTimestamp=2026010100Z", "postalAddress=a$b",
	} {
		f.Add(text)
	}
	s := Standard()
	f.Fuzz(func(t *testing.T, text string) {
		dn, err := s.ParseDN(text)
		if err != nil {
			return
		}
		again, err := s.ParseDN(dn.String())
		if err != nil {
			t.Fatalf("%q gives %q, which does not parse: %v", text, dn, err)
		}
		if !again.Equal(dn) || again.String() != dn.String() {
			t.Fatalf("%q gives %q and %q, then %q and %q", text, dn, dn.Norm(), again, again.Norm())
		}
		if strings.Count(dn.Norm(), ",") != max(dn.Len(), 1)-1 {
			t.Fatalf("%q: %d RDNs in %q", text, dn.Len(), dn.Norm())
		}
		for p := dn; !p.IsZero(); p = p.Parent() {
			if !dn.IsUnder(p) {
				t.Fatalf("%q is not under its ancestor %q", dn, p)
			}
		}
	})
}

func BenchmarkParseDN(b *testing.B) {
	s := Standard()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.ParseDN("uid=user.12345,ou=People,dc=example,dc=com"); err != nil {
			b.Fatal(err)
		}
	}
}
