package aci

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tallystick/directory/schema"
)

func newSchema(t testing.TB) *schema.Schema {
	t.Helper()
	s, err := schema.New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// textFilter is a filter that is true where its text is among what is so.
func textFilter(text string) (Filter, error) {
	if !strings.HasPrefix(text, "(") || !strings.HasSuffix(text, ")") {
		return nil, errors.New("no filter")
	}
	return text, nil
}

// sampleEntry is an entry with what is so of it.
type sampleEntry struct {
	dn          schema.DN
	self, below bool
	so          string
	values      map[int]map[string]string
}

func (e sampleEntry) DN() (schema.DN, error)         { return e.dn, nil }
func (e sampleEntry) IsRequester() (bool, error)     { return e.self, nil }
func (e sampleEntry) BelowRequester() (bool, error)  { return e.below, nil }
func (e sampleEntry) Matches(f Filter) (bool, error) { return strings.Contains(e.so, f.(string)), nil }
func (e sampleEntry) Values(level int, attribute string) ([][]byte, error) {
	if v, ok := e.values[level][attribute]; ok {
		return [][]byte{[]byte(v)}, nil
	}
	return nil, nil
}

// What an ACI is made of, and where one is wrong.
func TestParse(t *testing.T) {
	s := newSchema(t)
	ok := `(version 3.0; acl "x"; allow (read) userdn="ldap:///anyone";)`
	for _, row := range []struct{ text, err string }{
		{ok, ""},
		{`( version 3.0 ;acl "x" ; allow(read,search , compare)userdn = "ldap:///anyone" ; deny (write) (userdn="ldap:///self" and not ip="192.0.2.1"); )`, ""},
		{`(TARGETATTR = "cn||sn")(Version 3.0; ACL "x"; ALLOW (ALL) UserDN="LDAP:///all";)`, ""},
		{`(target=ldap:///ou=people,dc=example,dc=com)(targetscope="onelevel")` + ok, ""},
		{`(targetfilter="(cn=x)")(targetattr!="userPassword")` + ok, ""},
		{`(targetfilter != (cn=x))` + ok, ""},
		{`(targetfilter = (cn=x)` + ok[1:], "targetfilter: "},
		{``, "at character 1: ( is missing"},
		{`(version 2.0; acl "x"; allow (read) userdn="ldap:///anyone";)`, "at character 10: version 3.0 is the only one"},
		{`(version 3.0; acl x; allow (read) userdn="ldap:///anyone";)`, "at character 19: a value in quotation marks is missing"},
		{`(version 3.0; acl "x; allow (read) userdn=`, "at character 19: the quotation mark is never closed"},
		{`(version 3.0; acl "x";)`, "allow or deny is missing"},
		{`(version 3.0; acl "x"; permit (read) userdn="ldap:///anyone";)`, "at character 24: allow or deny is missing"},
		{`(version 3.0; acl "x"; allow (peek) userdn="ldap:///anyone";)`, `"peek" is none of read, search, compare, write, selfwrite, add, delete, import, export, proxy, all`},
		{`(version 3.0; acl "x"; allow (read) userdn="ldap:///anyone")`, "at character 60: ; is missing"},
		{ok + " more", "text behind the end"},
		{`(targetattr="cn")(targetattr="sn")` + ok, "at character 19: targetattr is given twice"},
		{`(targetattr="c n")` + ok, `targetattr: "c n" is no attribute type`},
		{`(targetattr="cn || ")` + ok, "targetattr: a part is empty"},
		{`(targetattr>"cn")` + ok, "= or != is missing behind targetattr"},
		{`(target="ldap://host/dc=example")` + ok, "target: begins with ldap:///"},
		{`(target="ldap:///dc=example??sub?(cn=x)")` + ok, "target: is a name, without scope and filter"},
		{`(target="ldap:///dc")` + ok, "target: "},
		{`(targetscope="sideways")` + ok, "targetscope: is = base, onelevel, subtree or subordinate"},
		{`(targetscope!="base")` + ok, "targetscope: is = base"},
		{`(targetfilter="cn=x")` + ok, "targetfilter: no filter"},
		{`(targattrfilters="add=cn:(cn=x)")` + ok, "targattrfilters: is not supported"},
		{`(target_to="ldap:///dc=x")` + ok, "target_to: is not supported: use the rights import and export"},
		{`(extop="1.2.3 || 4")` + ok, ""},
		{`(extop="one")` + ok, `extop: "one" is no OID`},
		{`(extop="1.2")(targetattr="cn")` + ok, "extop and targetcontrol are about requests"},
		{`(extop="1.2")(version 3.0; acl "x"; allow (write) userdn="ldap:///anyone";)`, "what extop and targetcontrol allow or deny is read"},
		{`(colour="red")` + ok, `"colour" is none of target, targetattr`},
	} {
		_, err := Parse(s, row.text, textFilter)
		if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
			t.Errorf("%s\n got %v\nwant %s", row.text, err, row.err)
		}
	}
}

// Bind rules that are none, and why.
func TestParseRules(t *testing.T) {
	s := newSchema(t)
	for _, row := range []struct{ rule, err string }{
		{`userdn="uid=ann"`, "userdn: "},
		{`userdn="ldap:///"`, "the empty name"},
		{`userdn="ldap:///uid=ann,dc=x%zz"`, "a percent sign is %25"},
		{`userdn="ldap:///dc=x?cn?sub?(a=b)"`, "no attributes go into the URL"},
		{`userdn="ldap:///dc=x??deep?(a=b)"`, "the scope is base, one or sub"},
		{`userdn="ldap:///uid=*,dc=x??sub?(a=b)"`, "asterisks in the name do not go with scope and filter"},
		{`userdn="ldap:///a*=b+c=d,dc=x"`, "an RDN of several attributes has no asterisks"},
		{`groupdn="ldap:///cn=*,dc=x"`, "is the name of one group"},
		{`userattr="manager"`, "is attribute#USERDN"},
		{`userattr="manager#ROLEDN"`, "there are no roles"},
		{`userattr="manager#SELFDN"`, "use #USERDN"},
		{`userattr="parent[0,0].manager#USERDN"`, "each once"},
		{`userattr="parent[9].manager#USERDN"`, "numbers from 0 to 4"},
		{`userattr="parent[0].manager#boss"`, "has no levels"},
		{`ip="192.0.2.1/24"`, "do you mean 192.0.2.0/24?"},
		{`ip="192.0.*.1"`, "neither an address nor a network"},
		{`ip="192.0.2.9-192.0.2.1"`, "neither an address nor a network"},
		{`ip="192.0.2.0+255.0.255.0"`, "the mask has holes"},
		{`ip="host.example.com"`, "neither an address nor a network"},
		{`dns="*.example.com"`, "dns: is not supported: a name is what whoever has the address says; use ip"},
		{`roledn="ldap:///cn=x"`, "roledn: is not supported"},
		{`authmethod="magic"`, `"magic" is none of none, simple`},
		{`ssf="high"`, "is a number of bits"},
		{`secure="maybe"`, "is true or false"},
		{`timeofday>="2460"`, "is a time of day"},
		{`dayofweek="mon, someday"`, `"someday" is none of sun`},
		{`userdn>"ldap:///self"`, "userdn goes with = or !="},
		{`userdn="ldap:///self" and ip="192.0.2.1" or ssf>"1"`, "and and or without parentheses"},
		{strings.Repeat("(", 20) + `userdn="ldap:///self"` + strings.Repeat(")", 20), "rules within rules"},
		{strings.Repeat("not ", 20) + `userdn="ldap:///self"`, "rules within rules"},
		{`shoesize="42"`, `"shoesize" is no bind rule`},
	} {
		_, err := Parse(s, `(version 3.0; acl "x"; allow (read) `+row.rule+`;)`, textFilter)
		if err == nil || !strings.Contains(err.Error(), row.err) {
			t.Errorf("%s\n got %v\nwant %s", row.rule, err, row.err)
		}
	}
}

// Whom bind rules are for.
func TestRules(t *testing.T) {
	s := newSchema(t)
	dn := func(text string) schema.DN {
		d, err := s.ParseDN(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	ann := Requester{
		DN: dn("uid=ann,ou=people,dc=example,dc=com"), Simple: true, Address: netip.MustParseAddr("192.0.2.7"), Strength: 128,
		Now:     time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC), // a Tuesday
		InGroup: func(g schema.DN) (bool, error) { return g.Equal(dn("cn=staff,dc=example,dc=com")), nil },
		Matches: func(f Filter) (bool, error) {
			return strings.Contains("(title=boss)(employeeType=a\\2ab)", f.(string)), nil
		},
	}
	stranger := Requester{Now: ann.Now}
	e := sampleEntry{dn: dn("uid=bob,ou=people,dc=example,dc=com"), values: map[int]map[string]string{
		0: {"manager": "UID=Ann, ou=people, dc=example, dc=com", "owner": "cn=staff,dc=example,dc=com", "labeledURI": "ldap:///ou=people,dc=example,dc=com??one?(title=boss)", "seeAlso": "no name"},
		1: {"secretary": "uid=ann,ou=people,dc=example,dc=com"},
	}}
	own := sampleEntry{dn: ann.DN, self: true, below: true}
	for _, row := range []struct {
		rule     string
		q        Requester
		e        Entry
		without  Verdict // what is known without the entry
		with     Verdict
		rejected string
	}{
		{`userdn="ldap:///anyone"`, stranger, e, Yes, Yes, ""},
		{`userdn="ldap:///all"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///all"`, stranger, e, No, No, ""},
		{`userdn="ldap:///self"`, ann, own, Depends, Yes, ""},
		{`userdn="ldap:///self"`, ann, e, Depends, No, ""},
		{`userdn="ldap:///self"`, stranger, own, No, No, ""},
		{`userdn!="ldap:///self"`, ann, e, Depends, Yes, ""},
		{`userdn="ldap:///parent"`, ann, own, Depends, Yes, ""},
		{`userdn="ldap:///parent"`, ann, e, Depends, No, ""},
		{`userdn="ldap:///UID=Ann,OU=People,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///uid=ann,ou=people,dc=example%2Cdc=com"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///uid=bob,dc=x || ldap:///uid=ann,ou=people,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`userdn!="ldap:///uid=bob,dc=x || ldap:///uid=ann,ou=people,dc=example,dc=com"`, ann, e, No, No, ""},
		{`userdn!="ldap:///uid=bob,dc=x"`, stranger, e, Yes, Yes, ""},
		// Asterisks.
		{`userdn="ldap:///uid=*,ou=people,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///uid=a*n,ou=people,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///uid=b*,ou=people,dc=example,dc=com"`, ann, e, No, No, ""},
		{`userdn="ldap:///*=ann,ou=people,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///uid=ann,*,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///uid=ann,*,dc=com"`, ann, e, No, No, ""},
		{`userdn="ldap:///uid=ann,**,dc=com"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///**"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///uid=*,dc=example,dc=com"`, ann, e, No, No, ""},
		{`userdn="ldap:///**"`, stranger, e, No, No, ""},
		// URLs.
		{`userdn="ldap:///ou=people,dc=example,dc=com??one?(title=boss)"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///dc=example,dc=com??one?(title=boss)"`, ann, e, No, No, ""},
		{`userdn="ldap:///dc=example,dc=com??sub?(title=clerk)"`, ann, e, No, No, ""},
		{`userdn="ldap:///??sub?(title=boss)"`, ann, e, Yes, Yes, ""},
		{`userdn="ldap:///ou=people,dc=example,dc=com??sub?"`, ann, e, Yes, Yes, ""},
		// Groups.
		{`groupdn="ldap:///cn=staff,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`groupdn="ldap:///cn=x,dc=x||ldap:///cn=staff,dc=example,dc=com"`, ann, e, Yes, Yes, ""},
		{`groupdn="ldap:///cn=boards,dc=example,dc=com"`, ann, e, No, No, ""},
		{`groupdn!="ldap:///cn=staff,dc=example,dc=com"`, stranger, e, Yes, Yes, ""},
		// What the entry says.
		{`userattr="manager#USERDN"`, ann, e, Depends, Yes, ""},
		{`userattr="secretary#USERDN"`, ann, e, Depends, No, ""},
		{`userattr="parent[0,1].secretary#USERDN"`, ann, e, Depends, Yes, ""},
		{`userattr="parent[1].manager#USERDN"`, ann, e, Depends, No, ""},
		{`userattr="owner#GROUPDN"`, ann, e, Depends, Yes, ""},
		{`userattr="manager#GROUPDN"`, ann, e, Depends, No, ""},
		{`userattr="seeAlso#GROUPDN"`, ann, e, Depends, No, ""},
		{`userattr="labeledURI#LDAPURL"`, ann, e, Depends, Yes, ""},
		{`userattr="manager#LDAPURL"`, ann, e, Depends, No, ""},
		{`userattr="manager#USERDN"`, stranger, e, No, No, ""},
		// What the requester's own entry says.
		{`userattr="title#boss"`, ann, e, Yes, Yes, ""},
		{`userattr="title#clerk"`, ann, e, No, No, ""},
		{`userattr="employeeType#a*b"`, ann, e, Yes, Yes, ""},
		// Where from.
		{`ip="192.0.2.7"`, ann, e, Yes, Yes, ""},
		{`ip="192.0.2.0/24"`, ann, e, Yes, Yes, ""},
		{`ip="198.51.100.1 || 192.0.2.*"`, ann, e, Yes, Yes, ""},
		{`ip="10.*.*.*, 192.0.*"`, ann, e, Yes, Yes, ""},
		{`ip="192.0.2.0+255.255.255.0"`, ann, e, Yes, Yes, ""},
		{`ip="192.0.2.7-192.0.2.9"`, ann, e, Yes, Yes, ""},
		{`ip="192.0.2.8-192.0.2.9"`, ann, e, No, No, ""},
		{`ip="::/0"`, ann, e, No, No, ""},
		{`ip="0.0.0.0/0"`, stranger, e, No, No, ""},
		{`ip!="192.0.2.0/24"`, ann, e, No, No, ""},
		// How.
		{`authmethod="none"`, stranger, e, Yes, Yes, ""},
		{`authmethod="none"`, ann, e, No, No, ""},
		{`authmethod="simple"`, ann, e, Yes, Yes, ""},
		{`authmethod="sasl"`, ann, e, No, No, ""},
		{`authmethod="sasl"`, Requester{DN: ann.DN, Mechanism: "PLAIN"}, e, Yes, Yes, ""},
		{`authmethod="sasl plain"`, Requester{DN: ann.DN, Mechanism: "PLAIN"}, e, Yes, Yes, ""},
		{`authmethod="sasl EXTERNAL"`, Requester{DN: ann.DN, Mechanism: "PLAIN"}, e, No, No, ""},
		{`authmethod="ssl"`, Requester{DN: ann.DN, Mechanism: "EXTERNAL"}, e, Yes, Yes, ""},
		{`authmethod="otp"`, ann, e, No, No, ""},
		{`authmethod="otp"`, Requester{DN: ann.DN, Simple: true, Code: true}, e, Yes, Yes, ""},
		{`ssf>="128"`, ann, e, Yes, Yes, ""},
		{`ssf>"128"`, ann, e, No, No, ""},
		{`ssf="0"`, stranger, e, Yes, Yes, ""},
		{`secure="true"`, ann, e, Yes, Yes, ""},
		{`secure="true"`, stranger, e, No, No, ""},
		{`secure!="true"`, stranger, e, Yes, Yes, ""},
		// When.
		{`timeofday>="0800" and timeofday<"1800"`, ann, e, Yes, Yes, ""},
		{`timeofday>"0930"`, ann, e, No, No, ""},
		{`timeofday="0930"`, ann, e, Yes, Yes, ""},
		{`dayofweek="mon,Tue"`, ann, e, Yes, Yes, ""},
		{`dayofweek="sat, sun"`, ann, e, No, No, ""},
		// Together.
		{`not userdn="ldap:///self" and groupdn="ldap:///cn=staff,dc=example,dc=com"`, ann, e, Depends, Yes, ""},
		{`userdn="ldap:///self" and ip="198.51.100.1"`, ann, own, No, No, ""},
		{`userdn="ldap:///self" or ip="192.0.2.7"`, ann, e, Yes, Yes, ""},
		{`(userdn="ldap:///self" or ip="198.51.100.1") and secure="true"`, ann, own, Depends, Yes, ""},
	} {
		a, err := Parse(s, `(version 3.0; acl "x"; allow (read) `+row.rule+`;)`, textFilter)
		if err != nil {
			t.Errorf("%s: %v", row.rule, err)
			continue
		}
		without, err := a.Permissions[0].For(&row.q, nil)
		with, err2 := a.Permissions[0].For(&row.q, row.e)
		if without != row.without || with != row.with || err != nil || err2 != nil {
			t.Errorf("%s for %q: %v, with the entry %v; want %v and %v (%v %v)", row.rule, row.q.DN.Norm(), without, with, row.without, row.with, err, err2)
		}
	}
}

// What ACIs are about. Each stands in ou=people.
func TestTargets(t *testing.T) {
	s := newSchema(t)
	const holder = "ou=people,dc=example,dc=com"
	for _, row := range []struct {
		targets, dn string
		so          string
		applies     bool
		below       Verdict // what is known from the container alone
	}{
		{``, holder, "", true, Yes},
		{``, "uid=ann," + holder, "", true, Yes},
		{`(targetscope="base")`, holder, "", true, Yes},
		{`(targetscope="base")`, "uid=ann," + holder, "", false, No},
		{`(targetscope="onelevel")`, holder, "", false, No},
		{`(targetscope="onelevel")`, "uid=ann," + holder, "", true, Yes},
		{`(targetscope="onelevel")`, "cn=x,uid=ann," + holder, "", false, No},
		{`(targetscope="subordinate")`, "cn=x,uid=ann," + holder, "", true, Yes},
		{`(targetscope="subordinate")`, holder, "", false, No},
		{`(target="ldap:///uid=ann,` + holder + `")`, "uid=ann," + holder, "", true, Depends},
		{`(target="ldap:///uid=ann,` + holder + `")`, "uid=bob," + holder, "", false, Depends},
		{`(target="ldap:///uid=ann,` + holder + `")`, "cn=x,uid=ann," + holder, "", true, Yes},
		{`(target="ldap:///uid=ann,` + holder + `")(targetscope="base")`, "cn=x,uid=ann," + holder, "", false, No},
		{`(target!="ldap:///uid=ann,` + holder + `")`, "uid=bob," + holder, "", true, Depends},
		{`(target!="ldap:///uid=ann,` + holder + `")`, "cn=x,uid=ann," + holder, "", false, No},
		{`(target="ldap:///uid=a*,` + holder + `")`, "uid=ann," + holder, "", true, Depends},
		{`(target="ldap:///uid=a*,` + holder + `")`, "cn=x,uid=ann," + holder, "", true, Depends},
		{`(target="ldap:///uid=a*,` + holder + `")(targetscope="base")`, "cn=x,uid=ann," + holder, "", false, Depends},
		{`(target="ldap:///uid=b*,` + holder + `")`, "uid=ann," + holder, "", false, Depends},
		{`(targetfilter="(cn=x)")`, "uid=ann," + holder, "(cn=x)", true, Depends},
		{`(targetfilter="(cn=x)")`, "uid=ann," + holder, "", false, Depends},
		{`(targetfilter!="(cn=x)")`, "uid=ann," + holder, "", true, Depends},
		{`(targetfilter="(cn=x)")(targetscope="base")`, "uid=ann," + holder, "(cn=x)", false, No},
	} {
		a, err := Parse(s, row.targets+`(version 3.0; acl "x"; allow (read) userdn="ldap:///anyone";)`, textFilter)
		if err != nil {
			t.Errorf("%s: %v", row.targets, err)
			continue
		}
		dn, err := s.ParseDN(row.dn)
		if err != nil {
			t.Fatal(err)
		}
		depth := dn.Len() - 3
		applies, err := a.Applies(false, depth, sampleEntry{dn: dn, so: row.so})
		if applies != row.applies || err != nil {
			t.Errorf("%s of %s: %v, %v", row.targets, row.dn, applies, err)
		}
		if below := a.AppliesBelow(false, depth, dn.Parent()); depth > 0 && below != row.below {
			t.Errorf("%s below %s: %v, want %v", row.targets, dn.Parent(), below, row.below)
		}
	}
}

// Which attributes targetattr names.
func TestTargetAttributes(t *testing.T) {
	s := newSchema(t)
	for _, row := range []struct {
		targetattr  string
		covers, not string
		names       string
	}{
		{`(targetattr="cn || MAIL")`, "cn mail commonName rfc822Mailbox", "sn name userPassword createTimestamp", "cn MAIL"},
		{`(targetattr="name")`, "name", "cn", "name"}, // subtypes are types of their own
		{`(targetattr="2.5.4.3")`, "cn", "sn", "2.5.4.3"},
		{`(targetattr="*")`, "cn userPassword objectClass unheardOf", "createTimestamp aci entryUUID", ""},
		{`(targetattr="+")`, "createTimestamp aci", "cn", ""},
		{`(targetattr="* || +")`, "cn createTimestamp", "", ""},
		{`(targetattr="* || entryUUID")`, "cn entryUUID", "createTimestamp", "entryUUID"},
		{`(targetattr!="userPassword || mail")`, "cn objectClass", "userPassword mail createTimestamp", "userPassword mail"},
		{``, "", "cn createTimestamp", ""},
	} {
		a, err := Parse(s, row.targetattr+`(version 3.0; acl "x"; allow (read) userdn="ldap:///anyone";)`, textFilter)
		if err != nil {
			t.Errorf("%s: %v", row.targetattr, err)
			continue
		}
		for _, name := range strings.Fields(row.covers) {
			if !a.Covers(s.AttributeOrUndefined(name)) {
				t.Errorf("%s does not cover %s", row.targetattr, name)
			}
		}
		for _, name := range strings.Fields(row.not) {
			if a.Covers(s.AttributeOrUndefined(name)) {
				t.Errorf("%s covers %s", row.targetattr, name)
			}
		}
		if names := strings.Join(a.Attributes(), " "); names != row.names {
			t.Errorf("%s names %s", row.targetattr, names)
		}
	}
}

// FuzzParse: no text makes Parse panic, and what it takes says the same when it
// is asked with and without an entry.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`(targetattr="cn || sn")(targetfilter="(cn=x)")(version 3.0; acl "x"; allow (read) userdn="ldap:///self";)`,
		`(target="ldap:///uid=*,**,dc=com")(version 3.0; acl "x"; deny (all) (groupdn="ldap:///cn=x,dc=x" or not ip="192.0.2.*");)`,
		`(extop="1.2.3")(version 3.0; acl "x"; allow (read) userattr="parent[0,1].manager#USERDN" and ssf>"1";)`,
		`(version 3.0; acl "x"; allow (read) userdn="ldap:///a=b??sub?(c=d)" and timeofday<="1200" and dayofweek="mon";)`,
		`(targetcontrol!="*")(version 3.0; acl "x"; allow (read) authmethod="sasl PLAIN"; deny (read) secure="false";)`,
	} {
		f.Add(text, "uid=ann,ou=people,dc=example,dc=com")
	}
	s := newSchema(f)
	f.Fuzz(func(t *testing.T, text, name string) {
		a, err := Parse(s, text, textFilter)
		if err != nil {
			return
		}
		dn, err := s.ParseDN(name)
		if err != nil {
			return
		}
		q := &Requester{DN: dn, InGroup: func(schema.DN) (bool, error) { return true, nil }, Matches: func(Filter) (bool, error) { return true, nil }}
		e := sampleEntry{dn: dn, self: true}
		if !dn.IsZero() {
			below := a.AppliesBelow(true, 0, dn.Parent())
			applies, _ := a.Applies(true, 0, e)
			if below != Depends && verdict(applies) != below {
				t.Errorf("%s: below %v, at %q %v", text, below, name, applies)
			}
		}
		for i := range a.Permissions {
			without, _ := a.Permissions[i].For(q, nil)
			with, _ := a.Permissions[i].For(q, e)
			if without != Depends && with != without || with == Depends {
				t.Errorf("%s: %v without the entry, %v with it", text, without, with)
			}
		}
		again, err := Parse(s, a.String(), textFilter)
		if err != nil || again.Name != a.Name {
			t.Errorf("%s: %v", text, err)
		}
	})
}
