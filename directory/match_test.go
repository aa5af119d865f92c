package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tallystick/directory/schema"
)

// sample is an entry to match.
type sample struct {
	dn         string
	attributes []Attribute
}

func (s sample) eachAttribute(yield func(*Attribute) bool) {
	for i := range s.attributes {
		if !yield(&s.attributes[i]) {
			return
		}
	}
}

func (s sample) maySearch(*schema.AttributeType) bool { return true }

func (s sample) entryDN() DN {
	dn, err := ParseDN(schema.Standard(), s.dn)
	if err != nil {
		panic(err)
	}
	return dn
}

func attribute(name string, values ...string) Attribute {
	a := Attribute{Name: name}
	for _, v := range values {
		a.Values = append(a.Values, []byte(v))
	}
	return a
}

var ann = sample{"cn=Ann  Lee+employeeNumber=7,ou=People,dc=example,dc=com", []Attribute{
	attribute("objectClass", "top", "inetOrgPerson", "myClass"),
	attribute("cn", "Ann  Lee", "Annie"),
	attribute("cn;lang-de;x-a", "Anna"),
	attribute("SN", "Lee"),
	attribute("employeeNumber", "7"),
	attribute("mail", "Ann@Example.com"),
	attribute("telephoneNumber", "+1 555-0100"),
	attribute("uidNumber", "1000"),
	attribute("userPassword", "x\x00y"),
	attribute("description", "\xff", "good"),
	attribute("postalAddress", "1 Main St$Town"),
	attribute("manager", "CN=Bob, DC=Example, DC=com"),
	attribute("labeledURI", "http://x/A"),
	attribute("colour", "Light Blue"),
	attribute("jpegPhoto", "\xff\xd8"),
	attribute("createTimestamp", "20260102030405Z"),
	attribute("hasSubordinates", "FALSE"),
}}

// One entry with many values, and one filter with many parts, can take longer
// than a search may.
func TestLongMatch(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	lines := []string{"objectClass: device", "cn: big"}
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf("description: %d", i))
	}
	mustAdd(t, d, "cn=big,dc=example,dc=com", lines...)
	everything := Filter{Kind: FilterPresent, Attribute: "objectClass"}
	many := Filter{Kind: FilterOr, Filters: make([]Filter, 1000)}
	for i := range many.Filters {
		many.Filters[i] = Filter{Kind: FilterEqualityMatch, Attribute: "description", Value: []byte("x")}
	}
	for what, req := range map[string]SearchRequest{
		"filter":         {Filter: many},
		"matched values": {Filter: everything, MatchedValues: many.Filters},
		"presence of it": {Filter: everything, MatchedValues: []Filter{{Kind: FilterPresent, Attribute: "mail"}}},
	} {
		req.BaseObject = "cn=big,dc=example,dc=com"
		ctx, cancel := context.WithCancel(t.Context())
		if err := d.Search(WithSlow(ctx, cancel), root, &req, &collected{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, abandoned once it is slow: %v", what, err)
		}
		d.cfg.TimeLimit = time.Nanosecond
		if err := d.Search(t.Context(), as("ann"), &req, &collected{}); !errors.Is(err, TimeLimitExceeded) {
			t.Errorf("%s, with a limit: %v", what, err)
		}
	}
	for what, req := range map[string]any{
		"search":  &SearchRequest{BaseObject: "cn=big,dc=example,dc=com", Filter: everything, Assertion: &many},
		"compare": &CompareRequest{Entry: "cn=big,dc=example,dc=com", Attribute: "cn", Value: []byte("big"), Assertion: &many},
		"modify": &ModifyRequest{Object: "cn=big,dc=example,dc=com", Changes: []Change{{ReplaceValues, Attribute{Name: "serialNumber"}}},
			ChangeControls: ChangeControls{Assertion: &many}},
	} {
		if err := operate(d, root, req); !errors.Is(err, AdminLimitExceeded) {
			t.Errorf("assertion of a %s: %v", what, err)
		}
	}
}

// The values of filters (RFC 4511, section 4.5.1.7), each also negated.
func TestMatch(t *testing.T) {
	tests := []struct {
		filter string
		want   truth
	}{
		// And, Or, Not in three-valued logic; the empty ones of RFC 4526.
		{"(&)", isTrue},
		{"(|)", isFalse},
		{"(&(sn=lee)(mail=*))", isTrue},
		{"(&(sn=lee)(sn=x))", isFalse},
		{"(&(sn=lee)(unknown=x))", isUndefined},
		{"(&(sn=x)(unknown=x))", isFalse},
		{"(&(unknown=x)(sn=x))", isFalse},
		{"(|(sn=x)(sn=lee))", isTrue},
		{"(|(sn=x)(unknown=x))", isUndefined},
		{"(|(unknown=x)(sn=lee))", isTrue},
		{"(|(sn=x)(sn=y))", isFalse},
		{"(!(!(sn=lee)))", isTrue},

		// Equality, by the type's rule, of any value.
		{"(cn=annie)", isTrue},
		{"(cn=ann lee)", isTrue},
		{"(CN= ANN   LEE )", isTrue},
		{"(2.5.4.3=annie)", isTrue},
		{"(commonName=annie)", isTrue},
		{"(cn=bob)", isFalse},
		{"(givenName=ann)", isFalse},
		{"(labeledURI=http://x/A)", isTrue},
		{"(labeledURI=http://x/a)", isFalse},
		{"(mail=ann@example.COM)", isTrue},
		{"(telephoneNumber=+15550100)", isTrue},
		{"(uidNumber=01000)", isTrue},
		{"(userPassword=x\\00y)", isTrue},
		{"(objectClass=PERSON)", isFalse},
		{"(objectClass=2.16.840.1.113730.3.2.2)", isTrue},
		{"(objectClass=MYCLASS)", isTrue},
		{"(manager=cn = bob,dc=example,dc=com)", isTrue},
		{"(manager=cn=rob,dc=example,dc=com)", isFalse},
		{"(postalAddress=1 main  st$ town)", isTrue},
		{"(createTimestamp=20260102040405+01)", isTrue},
		{"(hasSubordinates=FALSE)", isTrue},

		// Undefined: no equality rule, a malformed assertion, a type that
		// neither schema nor entry knows, a value that cannot be compared.
		{"(jpegPhoto=x)", isUndefined},
		{"(uidNumber=abc)", isUndefined},
		{"(uidNumber>=abc)", isUndefined},
		{"(manager=nonsense)", isUndefined},
		{"(cn=\\ff)", isUndefined},
		{"(cn=*\\ff*)", isUndefined},
		{"(unknown=x)", isUndefined},
		{"(unknown=*)", isUndefined},
		{"(unknown=*x*)", isUndefined},
		{"(description=bad)", isUndefined},
		{"(description=good)", isTrue},

		// A type that only the entry knows is matched as caseIgnoreMatch.
		{"(colour=light  BLUE)", isTrue},
		{"(COLOUR=*blue)", isTrue},
		{"(colour=red)", isFalse},
		{"(colour=*)", isTrue},

		// Presence.
		{"(objectClass=*)", isTrue},
		{"(mail=*)", isTrue},
		{"(givenName=*)", isFalse},
		{"(jpegPhoto=*)", isTrue},

		// Subtypes and options (RFC 4512, section 2.5).
		{"(name=lee)", isTrue},
		{"(name=anna)", isTrue},
		{"(name=*)", isTrue},
		{"(name=ann@example.com)", isFalse},
		{"(cn=anna)", isTrue},
		{"(cn;lang-de=anna)", isTrue},
		{"(CN;LANG-DE=anna)", isTrue},
		{"(cn;x-a;lang-de=anna)", isTrue},
		{"(cn;lang-de=annie)", isFalse},
		{"(cn;lang-fr=anna)", isFalse},
		{"(cn;lang-de=*)", isTrue},
		{"(sn;lang-de=*)", isFalse},
		{"(objectClass;lang-de=*)", isFalse},

		// Substrings, with the spaces of RFC 4518, section 2.6.1.
		{"(cn=ann*)", isTrue},
		{"(cn=*lee)", isTrue},
		{"(cn=*n l*)", isTrue},
		{"(cn=a*n*l*e)", isTrue},
		{"(cn=ann *lee)", isTrue},
		{"(cn=ann * lee)", isTrue},
		{"(cn=lee*)", isFalse},
		{"(cn=*ann lee*)", isTrue},
		{"(cn=annie*annie)", isFalse},
		{"(mail=*@EXAMPLE.com)", isTrue},
		{"(telephoneNumber=*5550*)", isTrue},
		{"(uidNumber=1*)", isUndefined}, // no substrings rule
		{"(postalAddress=*main*)", isTrue},

		// Ordering.
		{"(uidNumber>=1000)", isTrue},
		{"(uidNumber<=1000)", isTrue},
		{"(uidNumber>=999)", isTrue},
		{"(uidNumber>=1001)", isFalse},
		{"(uidNumber<=-1001)", isFalse},
		{"(createTimestamp>=20260101000000Z)", isTrue},
		{"(createTimestamp<=20260101000000Z)", isFalse},
		{"(cn>=a)", isUndefined}, // no ordering rule

		// Approximately equal is equal.
		{"(cn~=ANNIE)", isTrue},
		{"(cn~=annnie)", isFalse},

		// Extensible: a type alone, by its equality rule.
		{"(cn:=annie)", isTrue},
		{"(jpegPhoto:=x)", isUndefined},
		{"(unknown:=x)", isUndefined},
		// A type and a rule.
		{"(cn:caseExactMatch:=Annie)", isTrue},
		{"(cn:caseExactMatch:=annie)", isFalse},
		{"(cn:2.5.13.5:=Annie)", isTrue},
		{"(cn:CASEEXACTMATCH:=Annie)", isTrue},
		{"(name:caseExactMatch:=Lee)", isTrue},
		{"(cn;lang-de:caseExactMatch:=Anna)", isTrue},
		{"(cn:noSuchRule:=x)", isUndefined},
		{"(cn:integerMatch:=1)", isUndefined}, // not a rule for this type
		{"(uidNumber:integerMatch:=x)", isUndefined},
		{"(uidNumber:integerOrderingMatch:=1001)", isTrue}, // the value is less
		{"(uidNumber:integerOrderingMatch:=1000)", isFalse},
		{"(cn:caseIgnoreSubstringsMatch:=ann\\2alee)", isTrue},
		{"(cn:caseIgnoreSubstringsMatch:=\\2ax)", isFalse},
		{"(cn:caseIgnoreSubstringsMatch:=annie)", isUndefined},
		{"(colour:caseExactMatch:=Light Blue)", isTrue},
		// A rule alone: all attributes it applies to.
		{"(:caseExactMatch:=Ann@Example.com)", isTrue},
		{"(:caseExactMatch:=ann@example.com)", isUndefined}, // one description is no string
		{"(:caseExactMatch:=Light Blue)", isTrue},
		{"(:integerMatch:=1000)", isTrue},
		{"(:noSuchRule:=1000)", isUndefined},
		// The entry's name as well.
		{"(ou:=people)", isFalse},
		{"(ou:dn:=people)", isTrue},
		{"(dc:dn:=EXAMPLE)", isTrue},
		{"(dc:dn:=org)", isFalse},
		{"(employeeNumber:dn:=7)", isTrue},
		{"(ou:dn:caseExactMatch:=people)", isFalse},
		{"(ou:dn:caseExactMatch:=People)", isTrue},
		{"(name:dn:=people)", isTrue},
		{"(ou;lang-de:dn:=people)", isFalse},
		{"(:caseExactMatch:=People)", isUndefined},
		{"(:dn:caseExactMatch:=People)", isTrue},
	}
	for _, tt := range tests {
		for _, not := range []string{tt.filter, "(!" + tt.filter + ")"} {
			f, err := ParseFilter(not)
			if err != nil {
				t.Fatalf("%s: %v", not, err)
			}
			m, err := compileFilter(schema.Standard(), &f)
			if err != nil {
				t.Errorf("%s: %v", not, err)
				continue
			}
			for range 2 { // the matcher is used for entry after entry
				if got := m.root.evaluate(ann); got != tt.want {
					t.Errorf("%s is %d, want %d", not, got, tt.want)
				}
			}
			if m.match(ann) != (tt.want == isTrue) {
				t.Errorf("%s: match is not evaluate", not)
			}
			tt.want = -tt.want
		}
	}
}

// Filters that no client should send.
func TestCompileFilterErrors(t *testing.T) {
	present := Filter{Kind: FilterPresent, Attribute: "cn"}
	for name, f := range map[string]Filter{
		"Not of nothing":           {Kind: FilterNot},
		"Not of two":               {Kind: FilterNot, Filters: []Filter{present, present}},
		"substrings without any":   {Kind: FilterSubstrings, Attribute: "cn"},
		"extensible about nothing": {Kind: FilterExtensibleMatch, Value: []byte("x")},
		"unknown kind":             {Kind: 12},
		"a bad part":               {Kind: FilterAnd, Filters: []Filter{present, {Kind: -1}}},
	} {
		_, err := compileFilter(schema.Standard(), &f)
		if Result(err).ResultCode != ProtocolError {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The commonest filters cost no memory for each entry.
func TestMatchDoesNotAllocate(t *testing.T) {
	for _, text := range []string{"(mail=nobody@example.com)", "(&(objectClass=inetOrgPerson)(uidNumber>=1))", "(cn=*x*)", "(objectClass=*)", "(!(givenName=*))"} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := compileFilter(schema.Standard(), &f)
		if err != nil {
			t.Fatal(err)
		}
		var e attributeSource = &ann
		if n := testing.AllocsPerRun(100, func() { m.match(e) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, text := range []string{"(mail=nobody@example.com)", "(&(objectClass=inetOrgPerson)(uidNumber>=1))", "(cn=*x*)"} {
		b.Run(strings.Trim(text, "()"), func(b *testing.B) {
			f, err := ParseFilter(text)
			if err != nil {
				b.Fatal(err)
			}
			m, err := compileFilter(schema.Standard(), &f)
			if err != nil {
				b.Fatal(err)
			}
			var e attributeSource = &ann
			b.ReportAllocs()
			for b.Loop() {
				m.match(e)
			}
		})
	}
}
