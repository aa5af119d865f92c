package directory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// grantedAll is what somebody careless gives away.
const grantedAll = `(targetattr="* || +") allow (all, import, export)` + everyone

// A name is no way to a privilege or an ACI: its values go into the entry.
func TestNoPrivilegeInNames(t *testing.T) {
	ctx := context.Background()
	const acl = `aci=(targetattr=\22*\22)(version 3.0\; acl \22mine\22\; allow (all) userdn=\22ldap:///all\22\;)`
	for _, part := range []string{"ds-privilege-name=bypass-acl", "pwdReset=TRUE", "ds-rlim-size-limit=0", acl} {
		d := closed(t, "ann", "bob")
		setACIs(t, d, people, grantedAll)
		err := d.Add(ctx, as("ann"), &AddRequest{Entry: "uid=eve+" + part + "," + people,
			Attributes: attributes("objectClass: inetOrgPerson", "cn: eve", "sn: eve")})
		if !errors.Is(err, InsufficientAccessRights) {
			t.Errorf("add with %s: %v", part, err)
		}
		err = d.ModifyDN(ctx, as("ann"), &ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=bob+" + part})
		if !errors.Is(err, InsufficientAccessRights) {
			t.Errorf("rename to %s: %v", part, err)
		}
	}
	// Nor is a name taken away from who has none of the rights.
	d := closed(t, "ann", "bob")
	setACIs(t, d, people, grantedAll)
	if err := d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=bob+ds-privilege-name=config-read"}); err != nil {
		t.Fatal(err)
	}
	err := d.ModifyDN(ctx, as("ann"), &ModifyDNRequest{Entry: "uid=bob+ds-privilege-name=config-read," + people, NewRDN: "uid=bob", DeleteOldRDN: true})
	if !errors.Is(err, InsufficientAccessRights) {
		t.Errorf("away from it: %v", err)
	}
}

// Subtypes are attributes of their own, also for Compare.
func TestCompareBySupertype(t *testing.T) {
	ctx := context.Background()
	d := closed(t, "ann", "bob")
	setACIs(t, d, people, `(targetattr="*") allow (read, search, compare)`+everyone, `(targetattr="sn") deny (compare)`+everyone)
	ask := func(attribute, value string) (bool, error) {
		return d.Compare(ctx, as("ann"), &CompareRequest{Entry: person("bob"), Attribute: attribute, Value: []byte(value)})
	}
	if _, err := ask("sn", "Example"); !errors.Is(err, InsufficientAccessRights) {
		t.Errorf("sn: %v", err)
	}
	if yes, err := ask("name", "Example"); yes || err != nil {
		t.Errorf("name: %v %v", yes, err)
	}
	if yes, err := ask("name", "bob Example"); !yes || err != nil {
		t.Errorf("name, as cn has it: %v %v", yes, err)
	}
}

// Who may set passwords, but not of some, does not find out who there is.
func TestPasswordsOfUnseen(t *testing.T) {
	ctx := context.Background()
	d := closed(t, "ann", "bob")
	if err := d.Modify(ctx, root, &ModifyRequest{Object: person("ann"), Changes: []Change{{AddValues, Attribute{"ds-privilege-name", [][]byte{[]byte("password-reset")}}}}}); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]string{
		"nothing seen": {`(target="ldap:///` + person("ann") + `")(targetattr="userPassword") allow (write)` + everyone},
		"some seen":    {`(targetattr="ou")(targetscope="base") allow (read)` + everyone, `(target="ldap:///` + person("ann") + `")(targetattr="userPassword") allow (write)` + everyone},
	} {
		setACIs(t, d, people, list...)
		for op, run := range map[string]func(dn string) error{
			"delete": func(dn string) error {
				return d.Modify(ctx, as("ann"), &ModifyRequest{Object: dn, Changes: []Change{{DeleteValues, Attribute{"userPassword", [][]byte{[]byte("x")}}}}})
			},
			"modify": func(dn string) error {
				return d.Modify(ctx, as("ann"), &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, Attribute{"userPassword", [][]byte{[]byte("x")}}}}})
			},
		} {
			for _, prefix := range []string{"", "cn=x,"} {
				a, b := Result(run(prefix+person("bob"))), Result(run(prefix+person("eva")))
				if a.ResultCode != b.ResultCode || a.MatchedDN != b.MatchedDN || a.DiagnosticMessage != b.DiagnosticMessage {
					t.Errorf("%s, %s %s: there %+v, missing %+v", name, op, prefix, a, b)
				}
			}
		}
	}
}

// The same of all else that password-reset is for, whether users are called by
// their DNs or by their names: who is seen by nobody is nobody, also if he has
// privileges and his password may be written.
func TestResetsOfUnseen(t *testing.T) {
	ctx := context.Background()
	keyset, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, func(c *Config) { c.ACIs, c.Credentials.Keyset = []string{}, keyset })
	addPeople(t, d, "ann", "bob", "eve")
	const number = "123456789"
	for _, uid := range []string{"bob", "eve"} {
		id := "dn:" + person(uid)
		if _, err := d.EnrolTOTP(ctx, root, Claim{AuthenticationID: &id}, EnrolRequest{Serial: uid + number}); err != nil {
			t.Fatal(err)
		}
	}
	for uid, privilege := range map[string]string{"ann": "password-reset", "eve": "config-read"} {
		if err := d.Modify(ctx, root, &ModifyRequest{Object: person(uid), Changes: []Change{{AddValues, Attribute{"ds-privilege-name", [][]byte{[]byte(privilege)}}}}}); err != nil {
			t.Fatal(err)
		}
	}
	who := as("ann")
	claim := func(id string) Claim { return Claim{AuthenticationID: &id} }
	operations := map[string]func(id string) error{
		"password modify": func(id string) error {
			_, err := d.ChangePassword(ctx, who, &id, nil, []byte("another secret"))
			return err
		},
		"generate": func(id string) error { _, err := d.GenerateTOTPSharedSecret(ctx, who, &id, nil); return err },
		"revoke":   func(id string) error { return d.RevokeTOTPSharedSecret(ctx, who, &id, nil, nil) },
		"enrol":    func(id string) error { _, err := d.EnrolTOTP(ctx, who, claim(id), EnrolRequest{}); return err },
		"list":     func(id string) error { _, err := d.ListTOTP(ctx, who, claim(id)); return err },
		"remove":   func(id string) error { return d.RevokeTOTP(ctx, who, claim(id), "none") },
		"unlock":   func(id string) error { return d.Unlock(ctx, who, &id) },
		"explain":  func(id string) error { _, err := d.Explain(ctx, who, claim(id), "ldap", ""); return err },
		"state": func(id string) error {
			_, err := d.PasswordState(ctx, who, strings.TrimPrefix(id, "dn:"), nil)
			return err
		},
		"state, changed": func(id string) error {
			_, err := d.PasswordState(ctx, who, strings.TrimPrefix(id, "dn:"), []PasswordStateChange{{ForgetFailures: true}})
			return err
		},
		"find": func(id string) error {
			uid, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(id, "dn:uid="), "u:"), ",")
			found, err := d.FindTOTP(ctx, who, uid+number)
			if len(found) > 0 {
				err = errors.New("found")
			}
			return err
		},
	}
	seen := `(targetattr="uid")(target="ldap:///` + person("ann") + `") allow (read)` + everyone
	for rule, row := range map[string]struct {
		acis   []string
		hidden []string
	}{
		"no password may be written":      {[]string{seen}, []string{"bob", "eve"}},
		"one's own may be written":        {[]string{seen, `(target="ldap:///` + person("ann") + `")(targetattr="userPassword") allow (write)` + everyone}, []string{"bob", "eve"}},
		"passwords of all may be written": {[]string{`(targetattr="userPassword") allow (write)` + everyone}, []string{"eve"}},
	} {
		setACIs(t, d, people, row.acis...)
		for _, uid := range row.hidden {
			for op, run := range operations {
				for _, names := range [][2]string{{"dn:" + person(uid), "dn:" + person("eva")}, {"u:" + uid, "u:eva"}} {
					a, b := Result(run(names[0])), Result(run(names[1]))
					if a.ResultCode != b.ResultCode || a.MatchedDN != b.MatchedDN || a.DiagnosticMessage != b.DiagnosticMessage || a.ResultCode == Success && op != "find" {
						t.Errorf("%s: %s of %s: %+v\nof %s: %+v", rule, op, names[0], a, names[1], b)
					}
				}
			}
		}
	}
	setACIs(t, d, people, `(targetattr="uid") allow (read)`+everyone)
	for op, run := range operations {
		if err := run("dn:" + person("bob")); !errors.Is(err, InsufficientAccessRights) {
			t.Errorf("%s of who is seen: %v", op, err)
		}
	}
}

// However a requester spells his name, a pattern is about his name.
func TestPatternsOfSpelledNames(t *testing.T) {
	d := closed(t, "ann", "bob")
	setACIs(t, d, people, `(targetattr="uid || objectClass") allow (read, search)`+everyone, `(targetattr="*") deny (all) userdn="ldap:///uid=b*b,`+people+`"`)
	for _, dn := range []string{person("bob"), "UID=BOB," + people, "uid=ｂob," + people, "uid=bo\\c2\\adb," + people, "0.9.2342.19200300.100.1.1=\\20bob," + people} {
		got, err := find(t, d, Requester{DN: dn, How: ByPassword}, SearchRequest{BaseObject: people, Scope: SingleLevel}, "(uid=*)")
		if len(got) > 0 {
			t.Errorf("%s: %s %v", dn, briefly(got), err)
		}
	}
}

// What a target names keeps its name: a denial does not lapse by a rename.
func TestTargetsKeepTheirNames(t *testing.T) {
	ctx := context.Background()
	for _, row := range []struct {
		rule, aci string // of dc=example,dc=com
		renames   string // entry
		code      ResultCode
	}{
		{"the entry", `(target="ldap:///` + person("bob") + `")(targetattr="mail") deny (read)` + everyone, person("bob"), UnwillingToPerform},
		{"what is above it", `(target="ldap:///` + person("bob") + `")(targetattr="mail") deny (read)` + everyone, people, UnwillingToPerform},
		{"what a pattern begins from", `(target="ldap:///uid=b*,` + people + `")(targetattr="mail") deny (read)` + everyone, people, UnwillingToPerform},
		{"another", `(target="ldap:///` + person("bob") + `")(targetattr="mail") deny (read)` + everyone, person("ann"), Success},
		{"one of a pattern", `(target="ldap:///uid=*,` + people + `")(targetattr="mail") deny (read)` + everyone, person("bob"), Success},
		{"one below a target", `(target="ldap:///` + people + `")(targetattr="mail") deny (read)` + everyone, person("bob"), Success},
		{"no target", `(targetattr="mail") deny (read)` + everyone, people, Success},
	} {
		d := closed(t, "ann", "bob")
		setACIs(t, d, "dc=example,dc=com", row.aci)
		rdn := "uid=new"
		if row.renames == people {
			rdn = "ou=new"
		}
		if err := d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: row.renames, NewRDN: rdn}); Result(err).ResultCode != row.code {
			t.Errorf("%s: %v", row.rule, err)
		}
	}
}

// ACIs that were stored when they were an attribute like any other are in force
// from the first start on.
func TestACIsOfEarlierPrograms(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	setACIs(t, d, people, `(targetattr="mail") deny (read)`+everyone)
	if err := d.store.Update(ctx, func(w store.Writer) error {
		dn, err := d.parseDN(people)
		if err != nil {
			return err
		}
		id, err := d.resolve(w, dn)
		w.Delete(id.append(presencePrefix(aciAttribute)))
		w.Delete(metaKey(acisName))
		w.Delete(metaKey(acisIndexed))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start finds nothing to do
		d.acis.global = nil
		d.acis.written.Store(false)
		d.acis.compiled.Store(nil)
		if err := d.openACIs(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := find(t, d, as("ann"), SearchRequest{BaseObject: person("bob"), Scope: BaseObject}, "(objectClass=*)")
		if text := briefly(got); text != "bob: cn objectClass sn uid" || err != nil {
			t.Errorf("%s %v", text, err)
		}
	}
}

// However many entries a search asks for their filters, it keeps a few.
func TestFiltersOfValuesAreNotKept(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	if err := d.view(context.Background(), func(r store.Reader) error {
		x := &rights{d: d, r: r}
		for range 3 * maxFilters {
			if yes, err := x.matches(&aciFilter{Filter: *filter(t, "(uid=ann)")}, 0, &record{attributes: attributes("uid: ann")}, person("ann")); !yes || err != nil {
				return errors.Join(err, errors.New("no match"))
			}
		}
		if len(x.filters) > maxFilters {
			t.Errorf("%d", len(x.filters))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
