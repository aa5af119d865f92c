package directory

import (
	"context"
	"io"
	"strings"
	"testing"

	"tallystick/directory/schema"
	"tallystick/directory/store/badger"
)

const (
	shoeText = "( 1.3.6.1.4.1.99999.1.1 NAME 'shoeSize' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE X-ORIGIN 'the shop' )"
	shodText = "( 1.3.6.1.4.1.99999.2.1 NAME 'shod' SUP top AUXILIARY MAY shoeSize )"
)

// define adds (or with "-" in front deletes) definitions: attribute types
// unless they have a MUST, a MAY or a kind.
func define(d *Directory, who Requester, definitions ...string) error {
	req := &ModifyRequest{Object: "cn=Schema"}
	for _, text := range definitions {
		op, name := AddValues, "attributeTypes"
		if rest, ok := strings.CutPrefix(text, "-"); ok {
			op, text = DeleteValues, rest
		}
		if strings.Contains(text, " M") || strings.Contains(text, " STRUCTURAL") {
			name = "objectClasses"
		}
		req.Changes = append(req.Changes, Change{op, Attribute{name, [][]byte{[]byte(text)}}})
	}
	return d.Modify(context.Background(), who, req)
}

// What operators may do to the schema over LDAP, step by step.
func TestModifyDefinitions(t *testing.T) {
	more := strings.Replace(shodText, "MAY shoeSize", "MAY ( shoeSize $ shoeName )", 1)
	loud := "( 1.3.6.1.4.1.99999.1.2 NAME 'shoeName' SUP name )"
	dir := t.TempDir()
	d := openDirectory(t, dir)
	addPeople(t, d, "ann")
	shoes := &ModifyRequest{Object: person("ann"), Changes: []Change{
		{AddValues, attributes("objectClass: shod")[0]}, {AddValues, attributes("shoeSize: 37")[0]},
	}}
	barefoot := &ModifyRequest{Object: person("ann"), Changes: []Change{
		{DeleteValues, attributes("objectClass: shod")[0]}, {DeleteValues, Attribute{Name: "shoeSize"}},
	}}
	for i, row := range []struct {
		rule    string
		change  any // request, or definitions
		code    ResultCode
		message string // part of it
	}{
		{"not defined yet", shoes, ObjectClassViolation, `object class "shod" is not defined`},
		{"malformed", []string{"( 1.2.3 NAME 'a' SUP )"}, InvalidAttributeSyntax, "attributeTypes: value 1: at offset 21: expected a word"},
		{"not a description", []string{"shoeSize"}, InvalidAttributeSyntax, "attributeTypes: value 1: at offset 0: expected '('"},
		{"refers to nothing", []string{shodText}, InvalidAttributeSyntax, "objectClasses: value 1: object class shod: shoeSize is not defined"},
		{"rules that do not fit", []string{"( 1.2.3 NAME 'a' SUP uidNumber SUBSTR caseIgnoreSubstringsMatch )"}, InvalidAttributeSyntax, "does not go with syntax"},
		{"a name that is taken", []string{"( 1.2.3 NAME 'CN' SUP name )"}, InvalidAttributeSyntax, "cn is defined twice"},
		{"an OID that is taken", []string{"( 2.5.4.3 NAME 'x' SUP name )"}, AttributeOrValueExists, "2.5.4.3 is defined already"},
		{"all or none", []string{shoeText, "( 1.2.3 NAME 'CN' SUP name )"}, InvalidAttributeSyntax, "twice"},
		{"so not defined yet", []string{shodText}, InvalidAttributeSyntax, "shoeSize is not defined"},
		{"a type and a class at once", []string{shodText, shoeText}, Success, ""},
		{"again", []string{shoeText}, AttributeOrValueExists, "defined already"},
		{"in force at once", shoes, Success, ""},
		{"with its syntax", &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, attributes("shoeSize: large")[0]}}}, InvalidAttributeSyntax, "shoeSize: value 1"},
		{"and as single-valued", &ModifyRequest{Object: person("ann"), Changes: []Change{{AddValues, attributes("shoeSize: 38")[0]}}}, ConstraintViolation, "shoeSize"},
		{"a class in use", []string{"-" + shodText}, UnwillingToPerform, "in use: uid=ann,ou=people,dc=example,dc=com has shod"},
		{"a type in use by a class", []string{"-" + shoeText}, UnwillingToPerform, "still in use: object class shod: shoeSize is not defined"},
		{"a type in use by an entry", []string{"-" + shodText, "-" + shoeText}, UnwillingToPerform, "in use: uid=ann"},
		{"a class in use may allow more", []string{loud, "-" + shodText, more}, Success, ""},
		{"and less", []string{"-" + more, shodText}, Success, ""},
		{"but not become of another kind", []string{"-" + shodText, strings.Replace(shodText, "AUXILIARY", "STRUCTURAL", 1)}, UnwillingToPerform, "in use"},
		{"a type in use may be described anew", []string{"-" + shoeText, strings.Replace(shoeText, "EQUALITY", "DESC 'new' EQUALITY", 1)}, Success, ""},
		{"but not match otherwise", []string{"-" + shoeText, strings.Replace(shoeText, "EQUALITY integerMatch", "", 1)}, UnwillingToPerform, "in use"},
		{"nor lose its name", []string{"-" + shoeText, strings.Replace(shoeText, "shoeSize", "size", 1), "-" + shodText, strings.Replace(shodText, "shoeSize", "size", 1)}, UnwillingToPerform, "in use"},
		{"a built-in one", []string{"-( 2.5.4.3 SUP name )"}, UnwillingToPerform, "built in"},
		{"one that is not there", []string{"-( 1.2.3 SUP name )"}, NoSuchAttribute, "1.2.3 is not defined"},
		{"all of them", &ModifyRequest{Object: subschemaDN, Changes: []Change{{DeleteValues, Attribute{Name: "attributeTypes"}}}}, UnwillingToPerform, "built in"},
		{"in place of all", &ModifyRequest{Object: subschemaDN, Changes: []Change{{ReplaceValues, attributes("attributeTypes: " + loud)[0]}}}, UnwillingToPerform, "single definitions"},
		{"syntaxes are code", &ModifyRequest{Object: subschemaDN, Changes: []Change{{AddValues, attributes("ldapSyntaxes: ( 1.2.3 )")[0]}}}, UnwillingToPerform, "only attributeTypes and objectClasses"},
		{"no longer used", barefoot, Success, ""},
		{"it goes", []string{"-" + shodText, "-" + shoeText}, Success, ""},
		{"and is gone", shoes, ObjectClassViolation, `object class "shod" is not defined`},
	} {
		var err error
		if list, ok := row.change.([]string); ok {
			err = define(d, root, list...)
		} else {
			err = operate(d, root, row.change)
		}
		if got := Result(err); got.ResultCode != row.code || !strings.Contains(got.DiagnosticMessage, row.message) {
			t.Errorf("%d. %s: %v, want %v %s", i, row.rule, err, row.code, row.message)
		}
	}
	for _, who := range []Requester{{}, {DN: person("ann"), How: ByPassword}} {
		if err := define(d, who, shoeText); Result(err).ResultCode != InsufficientAccessRights {
			t.Errorf("%q defines something: %v", who.DN, err)
		}
	}
	// It survives a restart.
	if err := define(d, root, shoeText); err != nil {
		t.Fatal(err)
	}
	closeDirectory(t, d)
	d = openDirectory(t, dir)
	if a := d.Schema().Attribute("shoeSize"); a == nil || !a.SingleValue {
		t.Errorf("after a restart: %+v", a)
	}
	found, err := find(t, d, root, SearchRequest{BaseObject: subschemaDN, Attributes: []string{"attributeTypes"}}, "(attributeTypes=1.3.6.1.4.1.99999.1.1)")
	if err != nil || len(found) != 1 || !strings.Contains(found[0].text(), "attributeTypes: "+shoeText) {
		t.Errorf("%v, %d entries", err, len(found))
	}
}

// Where entries need not obey the schema they may have what becomes defined,
// under keys that would be others then.
func TestDefineWhatEntriesHave(t *testing.T) {
	d := newDirectory(t, func(c *Config) { c.AnyAttributes = true })
	addPeople(t, d)
	mustAdd(t, d, "cn=x,dc=example,dc=com", "objectClass: wizard", "hat: tall")
	for definition, want := range map[string]ResultCode{
		"( 1.2.1 NAME ( 'top-hat' 'Hat' ) SUP mail )": UnwillingToPerform,
		"( 1.2.2 NAME 'wizard' STRUCTURAL )":          UnwillingToPerform,
		"( 1.2.3 NAME 'wand' SUP mail )":              Success,
	} {
		if err := define(d, root, definition); Result(err).ResultCode != want {
			t.Errorf("%s: %v, want %v", definition, err, want)
		}
	}
	mustAdd(t, d, "cn=y,dc=example,dc=com", "objectClass: wizard", "wand: elder@example.com")
	if found, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(mail=ELDER@example.com)"); err != nil || len(found) != 1 {
		t.Errorf("%v, %d entries", err, len(found))
	}
}

// Definitions go along with an export, and with a backup.
func TestDefinitionsTravel(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	if err := define(d, root, shodText, shoeText); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, d, person("ann"), "objectClass: inetOrgPerson", "objectClass: shod", "cn: x", "sn: x", "shoeSize: 37")
	exported := export(t, d)
	loaded, applied := newDirectory(t), newDirectory(t)
	if err := load(t, loaded, exported); err != nil {
		t.Fatal(err)
	}
	if dump(t, loaded) != dump(t, d) {
		t.Errorf("loaded:\n%s", dump(t, loaded))
	}
	rest := exported
	n, err := applied.Apply(context.Background(), ImportSource{Next: func() (*ImportRecord, error) {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		e := rest[0]
		rest = rest[1:]
		return &ImportRecord{Request: &AddRequest{Entry: e.DN, Attributes: e.Attributes}}, nil
	}, Bad: func(_ *ImportRecord, err error) error { return err }})
	if err != nil || dump(t, applied) != dump(t, d) {
		t.Errorf("applied %d: %v\n%s", n, err, dump(t, applied))
	}
	for _, again := range []*Directory{loaded, applied} {
		if err := define(again, root, shoeText); Result(err).ResultCode != AttributeOrValueExists {
			t.Errorf("defined again: %v", err)
		}
	}
	// A load that fails leaves nothing in force.
	other := newDirectory(t)
	if err := load(t, other, append(exported, Entry{DN: "cn=x,dc=elsewhere"})); err == nil {
		t.Error("an entry of no naming context is loaded")
	}
	if other.Schema().Attribute("shoeSize") != nil {
		t.Error("a load that failed leaves definitions")
	}
}

// Definitions of the database that the configuration's come to contradict.
func TestDefinitionsThatContradict(t *testing.T) {
	dir := t.TempDir()
	d := openDirectory(t, dir)
	if err := define(d, root, shoeText); err != nil {
		t.Fatal(err)
	}
	closeDirectory(t, d)
	s, err := schema.New(schema.Definition{Kind: schema.AttributeDefinition, Text: shoeText, Where: "shop.schema:1"})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := badger.Open(dir, badger.Config{Small: true, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	_, err = Open(context.Background(), kept, Config{Schema: s})
	if err == nil || !strings.Contains(err.Error(), "do not go with those of the configuration: cn=schema:1: 1.3.6.1.4.1.99999.1.1 is defined twice") {
		t.Errorf("opened: %v", err)
	}
}
