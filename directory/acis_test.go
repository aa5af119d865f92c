package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// closed is a directory in which nothing is allowed but what its entries' ACIs
// say, with people in it.
func closed(t testing.TB, uids ...string) *Directory {
	t.Helper()
	d := newDirectory(t, func(c *Config) { c.ACIs = []string{} })
	addPeople(t, d, uids...)
	return d
}

// setACIs replaces the ACIs of an entry. Each is given as its targets, then
// what it allows or denies.
func setACIs(t testing.TB, d *Directory, dn string, list ...string) {
	t.Helper()
	c := Change{Operation: ReplaceValues, Attribute: Attribute{Name: "aci"}}
	for _, text := range list {
		c.Attribute.Values = append(c.Attribute.Values, []byte(aciText(text)))
	}
	if err := d.Modify(context.Background(), root, &ModifyRequest{Object: dn, Changes: []Change{c}}); err != nil {
		t.Fatalf("%s: %v", list, err)
	}
}

// aciText puts the middle into an ACI.
func aciText(text string) string {
	at := strings.Index(text, "allow")
	if deny := strings.Index(text, "deny"); at < 0 || deny >= 0 && deny < at {
		at = deny
	}
	return text[:at] + `(version 3.0; acl "test"; ` + text[at:] + ";)"
}

const (
	people   = "ou=people,dc=example,dc=com"
	anybody  = ` userdn="ldap:///anyone"`
	everyone = ` userdn="ldap:///all"`
)

// What one reads and searches: attribute by attribute.
func TestACISearch(t *testing.T) {
	d := closed(t, "ann", "bob", "eve")
	mustAdd(t, d, "cn=staff,dc=example,dc=com", "objectClass: groupOfNames", "member: "+person("ann"))
	for _, row := range []struct {
		rule   string
		acis   []string // of ou=people
		who    Requester
		filter string
		want   string // entries, by uid, with the attributes that are returned
	}{
		{"closed by default", nil, as("ann"), "(objectClass=*)", ""},
		{"read without search finds nothing", []string{`(targetattr="*") allow (read)` + everyone}, as("ann"), "(uid=bob)", ""},
		{"search without read returns nothing", []string{`(targetattr="*") allow (search)` + everyone}, as("ann"), "(uid=bob)", ""},
		{"of what is found, what may be read is returned", []string{`(targetattr="uid || cn") allow (read)` + everyone, `(targetattr="mail") allow (search)` + everyone},
			as("ann"), "(mail=bob@example.com)", "bob: cn uid"},
		{"every attribute of a filter has to be searched", []string{`(targetattr="uid") allow (read, search)` + everyone}, as("ann"), "(&(uid=bob)(mail=*))", ""},
		{"what may not be searched is undefined: an or goes on", []string{`(targetattr="uid") allow (read, search)` + everyone}, as("ann"), "(|(uid=bob)(mail=*))", "bob: uid"},
		{"and a not is no way around", []string{`(targetattr="uid") allow (read, search)` + everyone}, as("ann"), "(&(uid=bob)(!(mail=nobody)))", ""},
		{"nor is the absence of it", []string{`(targetattr="uid") allow (read, search)` + everyone}, as("ann"), "(!(description=*))", ""},
		{"objectClass is an attribute like any other", []string{`(targetattr="uid") allow (read, search)` + everyone}, as("ann"), "(objectClass=*)", ""},
		{"a filter on a supertype passes over what may not be searched", []string{`(targetattr="name || uid || cn") allow (read, search)` + everyone}, as("ann"), "(name=Example)", ""},
		{"the true filter needs no right", []string{`(targetattr="uid") allow (read)` + everyone, `(targetattr="ou") deny (read)` + everyone}, as("ann"), "(&)", "ann: uid; bob: uid; eve: uid"},
		{"a deny outdoes every allow", []string{`(targetattr="*") allow (read, search)` + everyone, `(targetattr="mail") deny (read)` + everyone, `(targetattr="mail") allow (read) userdn="ldap:///self"`},
			as("ann"), "(uid=ann)", "ann: cn objectClass sn uid"},
		{"self", []string{`(targetattr="uid") allow (read, search)` + everyone, `(targetattr="mail") allow (read) userdn="ldap:///self"`}, as("ann"), "(uid=*)", "ann: mail uid; bob: uid; eve: uid"},
		{"everything denied to one", []string{`(targetattr="*") allow (read, search)` + everyone, `(targetattr="* || +") deny (all) userdn="ldap:///` + person("eve") + `"`}, as("eve"), "(uid=*)", ""},
		{"anyone is also who is anonymous", []string{`(targetattr="uid") allow (read, search)` + anybody}, Requester{}, "(uid=bob)", "bob: uid"},
		{"all is not", []string{`(targetattr="uid") allow (read, search)` + everyone}, Requester{}, "(uid=bob)", ""},
		{"a group", []string{`(targetattr="uid") allow (read, search) groupdn="ldap:///cn=staff,dc=example,dc=com"`}, as("ann"), "(uid=bob)", "bob: uid"},
		{"not of the group", []string{`(targetattr="uid") allow (read, search) groupdn="ldap:///cn=staff,dc=example,dc=com"`}, as("bob"), "(uid=bob)", ""},
		{"by the requester's entry", []string{`(targetattr="uid") allow (read, search) userdn="ldap:///` + people + `??one?(mail=ann@*)"`}, as("ann"), "(uid=bob)", "bob: uid"},
		{"by the entry", []string{`(targetattr="uid")(targetfilter="(mail=bob@*)") allow (read, search)` + everyone}, as("ann"), "(uid=*)", "bob: uid"},
		{"by its operational attributes", []string{`(targetattr="uid")(targetfilter="(entryDN=` + person("eve") + `)") allow (read, search)` + everyone}, as("ann"), "(uid=*)", "eve: uid"},
		{"by its group", []string{`(targetattr="uid")(targetfilter="(memberOf=cn=staff,dc=example,dc=com)") allow (read, search)` + everyone}, as("bob"), "(uid=*)", "ann: uid"},
		{"a code", []string{`(targetattr="uid") allow (read, search) authmethod="otp"`}, Requester{DN: person("ann"), How: ByPasswordAndCode}, "(uid=bob)", "bob: uid"},
		{"no code", []string{`(targetattr="uid") allow (read, search) authmethod="otp"`}, as("ann"), "(uid=bob)", ""},
		{"TLS", []string{`(targetattr="uid") allow (read, search) ssf>="128"`}, Requester{DN: person("ann"), How: ByPassword, Secure: true, KeyBits: 128}, "(uid=bob)", "bob: uid"},
		{"no TLS", []string{`(targetattr="uid") allow (read, search) ssf>="128"`}, as("ann"), "(uid=bob)", ""},
		{"an address", []string{`(targetattr="uid") allow (read, search) ip="192.0.2.0/24"`}, Requester{DN: person("ann"), How: ByPassword, Peer: "192.0.2.9:1234"}, "(uid=bob)", "bob: uid"},
		{"a local user without an entry is nobody", []string{`(targetattr="uid") allow (read, search)` + everyone}, Requester{DN: "cn=nobody", How: ByTransport}, "(uid=bob)", ""},
		{"an application reads as its user", []string{`(targetattr="uid") allow (read, search) userdn="ldap:///` + person("ann") + `"`}, Requester{DN: person("ann"), How: ByApplicationPassword}, "(uid=bob)", "bob: uid"},
		{"nobody reads passwords", []string{`(targetattr="* || +") allow (all)` + everyone}, as("ann"), "(userPassword=*)", ""},
		{"the root user is under none", []string{`(targetattr="* || +") deny (all)` + anybody}, root, "(uid=bob)", "bob: cn mail objectClass sn uid"},
	} {
		setACIs(t, d, people, row.acis...)
		got, err := find(t, d, row.who, SearchRequest{BaseObject: people, Scope: SingleLevel}, row.filter)
		if err != nil && !errors.Is(err, NoSuchObject) && !errors.Is(err, InsufficientAccessRights) {
			t.Errorf("%s: %v", row.rule, err)
		}
		if text := briefly(got); text != row.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", row.rule, row.filter, text, row.want)
		}
	}
}

// briefly is entries by their uid, with the names of their attributes.
func briefly(entries collected) string {
	var list []string
	for _, e := range entries {
		var names []string
		for _, line := range strings.Split(e.text(), "\n") {
			if name, _, _ := strings.Cut(line, ":"); name != "" && (len(names) == 0 || names[len(names)-1] != name) {
				names = append(names, name)
			}
		}
		list = append(list, strings.TrimPrefix(strings.Split(e.DN, ",")[0], "uid=")+": "+strings.Join(names, " "))
	}
	return strings.Join(list, "; ")
}

// What one may not see is like what is not there: for every operation the same
// code, text and matched DN.
func TestACIsHide(t *testing.T) {
	ctx := context.Background()
	for name, list := range map[string][]string{
		"seen down to ou=people": {`(targetattr="ou || objectClass")(targetscope="base") allow (read, search)` + everyone},
		"seen by nobody":         {`(targetattr="ou")(targetscope="base") allow (read) userdn="ldap:///uid=nobody"`},
		"may be written, unseen": {`(targetattr="ou")(targetscope="base") allow (read)` + everyone, `(targetattr="description") allow (write)` + everyone, `allow (add)` + everyone},
		"only some are seen":     {`(targetattr="*")(targetfilter="(|(ou=*)(uid=bob))") allow (read, search, compare)` + everyone},
	} {
		d := closed(t, "ann", "bob", "eve")
		mustAdd(t, d, "cn=phone,"+person("eve"), "objectClass: device")
		setACIs(t, d, people, list...)
		for _, who := range []Requester{{}, as("ann"), as("bob")} {
			for _, below := range []string{"", "cn=phone,", "cn=no,"} {
				there, missing := below+person("eve"), below+person("eva")
				if below == "cn=no," {
					there = "cn=phone," + person("eve")
				}
				filter := Filter{Kind: FilterEqualityMatch, Attribute: "uid", Value: []byte("x")}
				operations := map[string]func(dn string) error{
					"compare": func(dn string) error {
						_, err := d.Compare(ctx, who, &CompareRequest{Entry: dn, Attribute: "cn", Value: []byte("x")})
						return err
					},
					"modify": func(dn string) error {
						return d.Modify(ctx, who, &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, Attribute{"cn", [][]byte{[]byte("x")}}}}})
					},
					"password": func(dn string) error {
						return d.Modify(ctx, who, &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, Attribute{"userPassword", [][]byte{[]byte("x")}}}}})
					},
					"delete": func(dn string) error { return d.Delete(ctx, who, &DeleteRequest{Entry: dn}) },
					"rename": func(dn string) error { return d.ModifyDN(ctx, who, &ModifyDNRequest{Entry: dn, NewRDN: "cn=new"}) },
					"move": func(dn string) error {
						return d.ModifyDN(ctx, who, &ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=bob", NewSuperior: &dn})
					},
					"proxy": func(dn string) error { _, err := d.ProxiedAs(ctx, who, "dn:"+dn); return err },
				}
				for _, scope := range []Scope{BaseObject, SingleLevel, WholeSubtree, SubordinateSubtree} {
					for kind, req := range map[string]SearchRequest{
						"": {}, "asserted": {Assertion: &filter}, "sorted": {Sort: &Sort{Keys: []SortKey{{Attribute: "cn"}}}},
						"paged": {Paged: &Paged{Size: 1}}, "listed": {Sort: &Sort{Keys: []SortKey{{Attribute: "cn"}}, Critical: true}, VirtualList: &VirtualList{Offset: 1, After: 3}},
						"limited": {SizeLimit: 1},
					} {
						operations[fmt.Sprintf("search %d %s", scope, kind)] = func(dn string) error {
							req := req
							req.BaseObject, req.Scope = dn, scope
							_, err := find(t, d, who, req, "(objectClass=*)")
							return err
						}
					}
				}
				for op, run := range operations {
					a, b := Result(run(there)), Result(run(missing))
					if a.ResultCode == Success || a.ResultCode != b.ResultCode || a.MatchedDN != b.MatchedDN || a.DiagnosticMessage != b.DiagnosticMessage {
						t.Errorf("%s, %q: %s of %s: %+v\nof %s: %+v", name, who.DN, op, there, a, missing, b)
					}
				}
			}
		}
	}
}

// What changes take.
func TestACIChanges(t *testing.T) {
	ctx := context.Background()
	const groups = "ou=groups,dc=example,dc=com"
	add := func(dn string, lines ...string) func(*Directory, Requester) error {
		return func(d *Directory, who Requester) error {
			return d.Add(ctx, who, &AddRequest{Entry: dn, Attributes: attributes(lines...)})
		}
	}
	modify := func(dn string, op ChangeOperation, name string, values ...string) func(*Directory, Requester) error {
		return func(d *Directory, who Requester) error {
			a := Attribute{Name: name}
			for _, v := range values {
				a.Values = append(a.Values, []byte(v))
			}
			return d.Modify(ctx, who, &ModifyRequest{Object: dn, Changes: []Change{{op, a}}})
		}
	}
	remove := func(dn string, subtree bool) func(*Directory, Requester) error {
		return func(d *Directory, who Requester) error {
			return d.Delete(ctx, who, &DeleteRequest{Entry: dn, Subtree: subtree})
		}
	}
	rename := func(dn, rdn, superior string, deleteOld bool) func(*Directory, Requester) error {
		return func(d *Directory, who Requester) error {
			req := &ModifyDNRequest{Entry: dn, NewRDN: rdn, DeleteOldRDN: deleteOld}
			if superior != "" {
				req.NewSuperior = &superior
			}
			return d.ModifyDN(ctx, who, req)
		}
	}
	sees := `(targetattr="* || +") allow (read, search)` + everyone
	writes := func(attribute, who string) string { return `(targetattr="` + attribute + `") allow (write)` + who }
	group := "cn=club," + groups
	for _, row := range []struct {
		rule string
		acis []string // of dc=example,dc=com
		run  func(*Directory, Requester) error
		code ResultCode
	}{
		{"write", []string{sees, writes("mail", everyone)}, modify(person("bob"), ReplaceValues, "mail", "x@example.com"), Success},
		{"write of another attribute", []string{sees, writes("mail", everyone)}, modify(person("bob"), ReplaceValues, "cn", "x"), InsufficientAccessRights},
		{"write, unseen", []string{writes("mail", everyone)}, modify(person("bob"), ReplaceValues, "mail", "x@example.com"), Success},
		{"write denied below", []string{sees, writes("mail", everyone), `(targetattr="mail")(target="ldap:///` + person("bob") + `") deny (write)` + everyone}, modify(person("bob"), ReplaceValues, "mail", "x"), InsufficientAccessRights},
		{"by the manager", []string{sees, writes("mail", ` userattr="manager#USERDN"`)}, modify(person("bob"), ReplaceValues, "mail", "x@example.com"), Success},
		{"not by the manager of another", []string{sees, writes("mail", ` userattr="manager#USERDN"`)}, modify(person("eve"), ReplaceValues, "mail", "x@example.com"), InsufficientAccessRights},
		{"one's own", []string{sees, writes("mail", ` userdn="ldap:///self"`)}, modify(person("ann"), ReplaceValues, "mail", "x@example.com"), Success},
		{"anybody's but one's own", []string{sees, writes("mail", ` userdn="ldap:///self"`)}, modify(person("bob"), ReplaceValues, "mail", "x@example.com"), InsufficientAccessRights},
		{"selfwrite: in", []string{sees, `(targetattr="member") allow (selfwrite)` + everyone}, modify(group, AddValues, "member", person("ann")), Success},
		{"selfwrite: out", []string{sees, `(targetattr="member") allow (selfwrite)` + everyone}, modify(group, DeleteValues, "member", person("ann")), NoSuchAttribute},
		{"selfwrite: another", []string{sees, `(targetattr="member") allow (selfwrite)` + everyone}, modify(group, AddValues, "member", person("eve")), InsufficientAccessRights},
		{"selfwrite: oneself and another", []string{sees, `(targetattr="member") allow (selfwrite)` + everyone}, modify(group, AddValues, "member", person("ann"), person("eve")), InsufficientAccessRights},
		{"selfwrite: everybody out", []string{sees, `(targetattr="member") allow (selfwrite)` + everyone}, modify(group, DeleteValues, "member"), InsufficientAccessRights},
		{"one's own password", []string{sees, writes("userPassword", everyone)}, modify(person("ann"), ReplaceValues, "userPassword", "new"), Success},
		{"another's takes password-reset besides", []string{sees, writes("userPassword", everyone)}, modify(person("bob"), ReplaceValues, "userPassword", "new"), InsufficientAccessRights},
		{"ACIs take modify-acl besides", []string{sees, writes("* || +", everyone)}, modify(person("bob"), AddValues, "aci", aciText(sees)), InsufficientAccessRights},
		{"privileges take privilege-change", []string{sees, writes("* || +", everyone)}, modify(person("ann"), AddValues, "ds-privilege-name", "bypass-acl"), InsufficientAccessRights},
		{"factors take bypass-acl", []string{sees, writes("* || +", everyone)}, modify(person("bob"), ReplaceValues, "oathSecret", "12345678901234567890"), InsufficientAccessRights},
		{"tokens too", []string{sees, writes("* || +", everyone)}, modify(person("bob"), AddValues, "objectClass", "oathTOTPUser"), InsufficientAccessRights},
		{"add", []string{sees, `allow (add)` + everyone}, add(person("new"), "objectClass: account"), Success},
		{"add is another right than write", []string{sees, writes("*", everyone)}, add(person("new"), "objectClass: account"), InsufficientAccessRights},
		{"add what a filter allows", []string{sees, `(targetfilter="(objectClass=account)") allow (add)` + everyone}, add(person("new"), "objectClass: account"), Success},
		{"and nothing else", []string{sees, `(targetfilter="(objectClass=account)") allow (add)` + everyone}, add("cn=new,"+people, "objectClass: device"), InsufficientAccessRights},
		{"add where a target allows", []string{sees, `(target="ldap:///uid=*,` + people + `") allow (add)` + everyone}, add(person("new"), "objectClass: account"), Success},
		{"what the entry itself says is no reason to add it", []string{sees, `allow (add) userattr="manager#USERDN"`}, add(person("new"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "manager: "+person("ann")), InsufficientAccessRights},
		{"what its parent says is", []string{sees, `allow (add) userattr="parent[1].manager#USERDN"`}, add("cn=phone,"+person("bob"), "objectClass: device"), Success},
		{"below one's own", []string{sees, `allow (add) userdn="ldap:///parent"`}, add("cn=phone,"+person("ann"), "objectClass: device"), Success},
		{"below another's", []string{sees, `allow (add) userdn="ldap:///parent"`}, add("cn=phone,"+person("bob"), "objectClass: device"), InsufficientAccessRights},
		{"add with privileges", []string{sees, `(targetattr="* || +") allow (all)` + everyone}, add(person("new"), "objectClass: account", "ds-privilege-name: bypass-acl"), InsufficientAccessRights},
		{"add with ACIs", []string{sees, `(targetattr="* || +") allow (all)` + everyone}, add(person("new"), "objectClass: account", "aci: "+aciText(sees)), InsufficientAccessRights},
		{"add with a hash", []string{sees, `allow (add)` + everyone}, add(person("new"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "userPassword: {SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3"), ConstraintViolation},
		{"add a policy", []string{sees, `(targetattr="* || +") allow (all)` + everyone}, add("cn=p,dc=example,dc=com", "objectClass: tallystickSecondFactorPolicy", "tallystickPolicyOrder: 1", "tallystickSecondFactor: exempt"), InsufficientAccessRights},
		{"add without a parent", []string{sees, `allow (add)` + everyone}, add("cn=x,"+person("new"), "objectClass: device"), NoSuchObject},
		{"delete", []string{sees, `allow (delete)` + everyone}, remove(person("bob"), false), Success},
		{"delete is another right than write", []string{sees, writes("*", everyone)}, remove(person("bob"), false), InsufficientAccessRights},
		{"a subtree", []string{sees, `allow (delete)` + everyone}, remove(person("cat"), true), Success},
		{"of which one may not be deleted", []string{sees, `allow (delete)` + everyone, `(target="ldap:///cn=phone,` + person("cat") + `") deny (delete)` + everyone}, remove(person("cat"), true), InsufficientAccessRights},
		{"a policy", []string{sees, `allow (delete)` + everyone}, remove("cn=policy,dc=example,dc=com", false), InsufficientAccessRights},
		{"rename", []string{sees, writes("uid", everyone)}, rename(person("bob"), "uid=rob", "", true), Success},
		{"rename to another attribute", []string{sees, writes("uid", everyone)}, rename(person("bob"), "cn=rob", "", false), InsufficientAccessRights},
		{"that takes the old name away", []string{sees, writes("cn", everyone)}, rename(person("bob"), "cn=rob", "", true), InsufficientAccessRights},
		{"and that leaves it", []string{sees, writes("cn", everyone)}, rename(person("bob"), "cn=rob", "", false), Success},
		{"move", []string{sees, `allow (export, import)` + everyone}, rename(person("bob"), "uid=bob", groups, true), Success},
		{"move without import", []string{sees, `allow (export)` + everyone}, rename(person("bob"), "uid=bob", groups, true), InsufficientAccessRights},
		{"move without export", []string{sees, `allow (import)` + everyone}, rename(person("bob"), "uid=bob", groups, true), InsufficientAccessRights},
		{"all has neither", []string{sees, `(targetattr="*") allow (all)` + everyone}, rename(person("bob"), "uid=bob", groups, true), InsufficientAccessRights},
		{"import elsewhere", []string{sees, `allow (export)` + everyone, `(target="ldap:///` + people + `") allow (import)` + everyone}, rename(person("bob"), "uid=bob", groups, true), InsufficientAccessRights},
		{"move and rename", []string{sees, `allow (export, import)` + everyone}, rename(person("bob"), "uid=rob", groups, true), InsufficientAccessRights},
	} {
		d := closed(t, "ann", "bob", "cat", "eve")
		mustAdd(t, d, groups, "objectClass: organizationalUnit")
		mustAdd(t, d, group, "objectClass: groupOfNames", "member: "+person("bob"))
		mustAdd(t, d, "cn=phone,"+person("cat"), "objectClass: device")
		mustAdd(t, d, "cn=policy,dc=example,dc=com", "objectClass: tallystickSecondFactorPolicy", "tallystickPolicyOrder: 1", "tallystickSecondFactor: optional")
		if err := modify(person("bob"), AddValues, "manager", person("ann"))(d, root); err != nil {
			t.Fatal(err)
		}
		setACIs(t, d, "dc=example,dc=com", row.acis...)
		if err := row.run(d, as("ann")); Result(err).ResultCode != row.code {
			t.Errorf("%s: %v, want %v", row.rule, err, row.code)
		}
		if err := row.run(d, Requester{DN: person("ann"), How: ByApplicationPassword}); !errors.Is(err, InsufficientAccessRights) {
			t.Errorf("%s, by an application: %v", row.rule, err)
		}
		closeDirectory(t, d)
	}
}

// Privileges that go with ACIs.
func TestACIPrivileges(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob", "eve")
	for uid, privilege := range map[string]string{"desk": "password-reset", "rules": "modify-acl", "grants": "privilege-change", "proxy": "proxied-auth"} {
		mustAdd(t, d, person(uid), "objectClass: inetOrgPerson", "cn: x", "sn: x", "ds-privilege-name: "+privilege)
	}
	set := func(who, dn, name, value string) error {
		return d.Modify(ctx, as(who), &ModifyRequest{Object: dn, Changes: []Change{{AddValues, Attribute{name, [][]byte{[]byte(value)}}}}})
	}
	check := func(what string, err error, code ResultCode) {
		t.Helper()
		if Result(err).ResultCode != code {
			t.Errorf("%s: %v, want %v", what, err, code)
		}
	}
	check("modify-acl without the right to write", set("rules", person("bob"), "aci", aciText(`allow (add)`+everyone)), InsufficientAccessRights)
	check("privilege-change without the right to write", set("grants", person("bob"), "ds-privilege-name", "password-reset"), InsufficientAccessRights)
	check("password-reset by default", set("desk", person("bob"), "userPassword", "new"), Success)
	_, err := d.ChangePassword(ctx, as("desk"), id("dn:"+person("bob")), nil, []byte("newer"))
	check("by password modify", err, Success)
	_, err = d.ProxiedAs(ctx, as("proxy"), "dn:"+person("bob"))
	check("proxied-auth by default", err, Success)

	setACIs(t, d, people,
		`(targetattr="aci || ds-privilege-name") allow (write)`+everyone,
		`(targetattr="userPassword")(target="ldap:///`+person("bob")+`") deny (write)`+everyone,
		`(target="ldap:///`+person("bob")+`") deny (proxy)`+everyone)
	check("modify-acl", set("rules", person("bob"), "aci", aciText(`allow (add)`+everyone)), Success)
	check("privilege-change", set("grants", person("eve"), "ds-privilege-name", "password-reset"), Success)
	check("each is for its own", set("rules", person("eve"), "ds-privilege-name", "bypass-acl"), InsufficientAccessRights)
	check("neither", set("ann", person("bob"), "aci", aciText(`allow (add)`+everyone)), InsufficientAccessRights)
	check("a password that ACIs deny", set("desk", person("bob"), "userPassword", "new"), InsufficientAccessRights)
	_, err = d.ChangePassword(ctx, as("desk"), id("dn:"+person("bob")), nil, []byte("newer"))
	check("nor by password modify", err, InsufficientAccessRights)
	_, err = d.ChangePassword(ctx, Requester{}, id("dn:"+person("bob")), []byte("newer"), []byte("newest"))
	check("nor by its user with the old one", err, InsufficientAccessRights)
	check("another's", set("desk", person("ann"), "userPassword", "new"), Success)
	_, err = d.ProxiedAs(ctx, as("proxy"), "dn:"+person("bob"))
	check("acting for somebody denied", err, AuthorizationDenied)
	_, err = d.ProxiedAs(ctx, as("proxy"), "dn:"+person("ann"))
	check("acting for another", err, Success)
}

// A value of aci that could not be in force is refused, and says where it is
// wrong.
func TestACIValues(t *testing.T) {
	d := closed(t, "ann")
	for _, row := range []struct{ dn, value, want string }{
		{people, `(targetattr="cn")(version 3.0; acl "x"; allow (read) userdn="ldap:///self")`, "aci: value 1: at character 75: ; is missing"},
		{people, `(targetfilter="(cn=")(version 3.0; acl "x"; allow (read) userdn="ldap:///self";)`, "aci: value 1: at character 16: targetfilter: "},
		{people, `(targetattr="commonNames")(version 3.0; acl "x"; allow (read) userdn="ldap:///self";)`, "aci: value 1: targetattr: unknown attribute type commonNames"},
		{people, `(target="ldap:///ou=groups,dc=example,dc=com")(version 3.0; acl "x"; allow (read) userdn="ldap:///self";)`, "is not at or below the entry that has it"},
		{people, `(extop="1.2.3")(version 3.0; acl "x"; allow (read) userdn="ldap:///self";)`, "are for access.aci of the configuration"},
		{people, `(version 3.0; acl "x"; allow (read) dns="*.example.com";)`, "dns: is not supported"},
	} {
		for _, err := range []error{
			d.Modify(context.Background(), root, &ModifyRequest{Object: row.dn, Changes: []Change{{AddValues, Attribute{"aci", [][]byte{[]byte(row.value)}}}}}),
			d.Add(context.Background(), root, &AddRequest{Entry: "cn=x," + row.dn, Attributes: attributes("objectClass: device", "aci: "+strings.Replace(row.value, "ou=groups", "cn=y", 1))}),
		} {
			if !errors.Is(err, InvalidAttributeSyntax) || !strings.Contains(Result(err).DiagnosticMessage, row.want) {
				t.Errorf("%s\n got %v\nwant %s", row.value, err, row.want)
			}
		}
	}
}

// ACIs follow their entries: renamed, moved, deleted, restarted.
func TestACIsFollow(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	none := func(c *Config) { c.ACIs = []string{} }
	d := openDirectory(t, dir, none)
	addPeople(t, d, "ann")
	mustAdd(t, d, "ou=teams,dc=example,dc=com", "objectClass: organizationalUnit")
	mustAdd(t, d, "ou=a,"+people, "objectClass: organizationalUnit")
	mustAdd(t, d, "cn=x,ou=a,"+people, "objectClass: device")
	setACIs(t, d, "ou=a,"+people, `(targetattr="*") allow (read, search)`+everyone)
	seen := func(what, dn string, want int) {
		t.Helper()
		if got, _ := find(t, d, as("ann"), SearchRequest{BaseObject: dn}, "(objectClass=*)"); len(got) != want {
			t.Errorf("%s: %d entries, want %d", what, len(got), want)
		}
	}
	seen("as set", "cn=x,ou=a,"+people, 1)
	seen("elsewhere", person("ann"), 0)
	superior := "ou=teams,dc=example,dc=com"
	if err := d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: "ou=a," + people, NewRDN: "ou=b", NewSuperior: &superior}); err != nil {
		t.Fatal(err)
	}
	seen("moved", "cn=x,ou=b,"+superior, 1)
	if err := d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: "cn=x,ou=b," + superior, NewRDN: "cn=x", NewSuperior: &superior}); err != nil {
		t.Fatal(err)
	}
	seen("out of it", "cn=x,"+superior, 0)
	closeDirectory(t, d)
	d = openDirectory(t, dir, none)
	seen("restarted", "ou=b,"+superior, 1)
	setACIs(t, d, "ou=b,"+superior)
	seen("taken away", "ou=b,"+superior, 0)
}

// The controls of a change show and decide no more than its requester may see.
func TestACIControls(t *testing.T) {
	ctx := context.Background()
	d := closed(t, "ann", "bob")
	setACIs(t, d, people, `(targetattr="description") allow (write)`+everyone, `(targetattr="uid") allow (read, search)`+everyone)
	change := func(assertion string) (pre, post *Entry, err error) {
		req := &ModifyRequest{Object: person("bob"), Changes: []Change{{ReplaceValues, Attribute{"description", [][]byte{[]byte("x")}}}}}
		req.PreRead, req.PostRead = &ReadEntry{Attributes: []string{"*", "+"}}, &ReadEntry{Attributes: []string{"*", "+"}}
		if assertion != "" {
			f, err := ParseFilter(assertion)
			if err != nil {
				t.Fatal(err)
			}
			req.Assertion = &f
		}
		err = d.Modify(ctx, as("ann"), req)
		return req.PreRead.Entry, req.PostRead.Entry, err
	}
	for assertion, code := range map[string]ResultCode{"": Success, "(uid=bob)": Success, "(cn=*)": AssertionFailed, "(!(cn=x))": AssertionFailed, "(mail=bob@example.com)": AssertionFailed} {
		pre, post, err := change(assertion)
		if Result(err).ResultCode != code || code == Success && (pre.text() != "uid: bob" || post.text() != "uid: bob") {
			t.Errorf("%s: %v, %v, %v", assertion, err, pre, post)
		}
	}
	// Sorting by what may not be searched is sorting by nothing: in the order of ids.
	setACIs(t, d, people, `(targetattr="uid || objectClass") allow (read, search)`+everyone)
	mustAdd(t, d, person("abe"), "objectClass: inetOrgPerson", "cn: A", "sn: A")
	for attribute, want := range map[string]string{"uid": "abe: uid; ann: uid; bob: uid", "cn": "ann: uid; bob: uid; abe: uid"} {
		got, err := find(t, d, as("ann"), SearchRequest{BaseObject: people, Scope: SingleLevel, Attributes: []string{"uid"}, Sort: &Sort{Keys: []SortKey{{Attribute: attribute}}}}, "(uid=*)")
		if err != nil || briefly(got) != want {
			t.Errorf("by %s: %v, %s", attribute, err, briefly(got))
		}
	}
}
