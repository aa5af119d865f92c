package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory/schema"
	"tallystick/internal/freeport"
)

// What the server prints of its schema is the same definitions for whoever reads
// it: this server, python3-ldap3, Net::LDAP of Perl, and slapd.
func TestSchemaReaders(t *testing.T) {
	if !hasPythonLDAP() || exec.Command("perl", "-MNet::LDAP", "-e1").Run() != nil || exists("/usr/sbin/slaptest") != nil {
		skip(t, "no python3-ldap3, Net::LDAP or slapd")
	}
	folder := t.TempDir()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{flags: []string{"--ldap", address, "--ldaps", "off", "--http", "off", "--set", "log.level=warn"}}
	t.Cleanup(p.kill)
	if err := p.start(folder, "--sample"); err != nil {
		t.Fatal(err)
	}
	attributes, classes := printedSchema(t, "ldap://"+address)
	if len(attributes) < 100 || len(classes) < 30 {
		t.Fatalf("only %d attribute types and %d object classes", len(attributes), len(classes))
	}
	want := canonical(t, attributes, classes)
	readers, err := filepath.Abs("../../testdata/readers")
	if err != nil {
		t.Fatal(err)
	}
	for _, reader := range [][]string{{"/usr/bin/python3", readers + "/schema.py"}, {"perl", readers + "/schema.pl"}} {
		out, err := exec.Command(reader[0], reader[1], "ldap://"+address).Output()
		if err != nil {
			t.Fatalf("%v: %v", reader, err)
		}
		got := strings.Split(strings.TrimSpace(string(out)), "\n")
		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("%s reads %s", reader[1], line)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s reads %d definitions of %d", reader[1], len(got), len(want))
		}
	}
	slapdReads(t, folder, attributes, classes)
}

// printedSchema is the values of the subschema subentry, parsed.
func printedSchema(t *testing.T, url string) (attributes []*schema.AttributeTypeDescription, classes []*schema.ObjectClassDescription) {
	t.Helper()
	c, err := ldap.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	found, err := c.Search(ldap.NewSearchRequest("cn=schema", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=subschema)", []string{"attributeTypes", "objectClasses"}, nil))
	if err != nil || len(found.Entries) != 1 {
		t.Fatal("no schema: ", err)
	}
	for _, text := range found.Entries[0].GetAttributeValues("attributeTypes") {
		d, err := schema.ParseAttributeType(text)
		if err != nil {
			t.Fatal(err)
		}
		attributes = append(attributes, d)
	}
	for _, text := range found.Entries[0].GetAttributeValues("objectClasses") {
		d, err := schema.ParseObjectClass(text)
		if err != nil {
			t.Fatal(err)
		}
		classes = append(classes, d)
	}
	return attributes, classes
}

// canonical is a line for each definition, as testdata/readers write them.
func canonical(t *testing.T, attributes []*schema.AttributeTypeDescription, classes []*schema.ObjectClassDescription) []string {
	t.Helper()
	names := func(list []string) string {
		list = strings.Split(strings.ToLower(strings.Join(list, " ")), " ")
		slices.Sort(list)
		return strings.Join(list, ",")
	}
	flag := func(is bool, word string) string {
		if is {
			return word
		}
		return ""
	}
	usages := map[schema.Usage]string{
		schema.UserApplications: "", schema.DirectoryOperation: "directoryoperation",
		schema.DistributedOperation: "distributedoperation", schema.DSAOperation: "dsaoperation",
	}
	kinds := map[schema.ClassKind]string{schema.Abstract: "abstract", schema.Auxiliary: "auxiliary", schema.Structural: "structural"}
	var lines []string
	for _, d := range attributes {
		lines = append(lines, strings.Join([]string{
			"attribute", d.OID, names(d.Names), strings.ToLower(d.Sup), strings.ToLower(d.Equality), strings.ToLower(d.Ordering),
			strings.ToLower(d.Substr), d.Syntax, flag(d.SingleValue, "single"), flag(d.NoUserModification, "kept"), usages[d.Usage],
		}, "|"))
	}
	for _, d := range classes {
		lines = append(lines, strings.Join([]string{
			"class", d.OID, names(d.Names), names(d.Sup), kinds[d.Kind], names(d.Must), names(d.May),
		}, "|"))
	}
	return lines
}

// slapdReads gives slapd all definitions that are not its own. It takes
// operational attributes from nobody, so here they are none.
func slapdReads(t *testing.T, folder string, attributes []*schema.AttributeTypeDescription, classes []*schema.ObjectClassDescription) {
	t.Helper()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	run := func(command string, args ...string) string {
		t.Helper()
		out, err := exec.Command(command, args...).Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		return string(out)
	}
	config := filepath.Join(folder, "config")
	if err := os.Mkdir(config, 0o700); err != nil {
		t.Fatal(err)
	}
	run("/usr/sbin/slaptest", "-f", write("empty.conf", "database config\n"), "-F", config)
	own := run("/usr/sbin/slapcat", "-F", config, "-n", "0", "-o", "ldif-wrap=no")
	known := map[string]bool{} // by OID
	for _, m := range regexp.MustCompile(`(?m)^olc(?:AttributeTypes|ObjectClasses): (?:\{[0-9]+\})?\( ([0-9.]+) `).FindAllStringSubmatch(own, -1) {
		known[m[1]] = true
	}
	var file strings.Builder
	// slapd has neither the syntax of RFC 3112 nor its rule.
	file.WriteString("ldapsyntax ( 1.3.6.1.4.1.4203.1.1.2 DESC 'authPassword' X-SUBST '1.3.6.1.4.1.1466.115.121.1.40' )\n")
	lacks := []string{"authPasswordExactMatch"}
	written := map[string]bool{}
	var attribute func(d *schema.AttributeTypeDescription)
	attribute = func(d *schema.AttributeTypeDescription) {
		if known[d.OID] || written[d.OID] {
			return
		}
		written[d.OID] = true
		for _, sup := range attributes { // first
			if slices.ContainsFunc(sup.Names, func(n string) bool { return strings.EqualFold(n, d.Sup) }) {
				attribute(sup)
			}
		}
		fmt.Fprintf(&file, "attributetype ( %s NAME ( '%s' )", d.OID, strings.Join(d.Names, "' '"))
		for _, part := range [][2]string{{"SUP", d.Sup}, {"EQUALITY", d.Equality}, {"ORDERING", d.Ordering}, {"SUBSTR", d.Substr}, {"SYNTAX", d.Syntax}} {
			if part[1] != "" && !slices.Contains(lacks, part[1]) {
				fmt.Fprintf(&file, " %s %s", part[0], part[1])
			}
		}
		if d.SingleValue {
			file.WriteString(" SINGLE-VALUE")
		}
		file.WriteString(" )\n")
	}
	for _, d := range attributes {
		attribute(d)
	}
	var class func(d *schema.ObjectClassDescription)
	class = func(d *schema.ObjectClassDescription) {
		if known[d.OID] || written[d.OID] {
			return
		}
		written[d.OID] = true
		for _, sup := range classes {
			if slices.ContainsFunc(sup.Names, func(n string) bool {
				return slices.ContainsFunc(d.Sup, func(s string) bool { return strings.EqualFold(n, s) })
			}) {
				class(sup)
			}
		}
		kind := map[schema.ClassKind]string{schema.Abstract: "ABSTRACT", schema.Auxiliary: "AUXILIARY", schema.Structural: "STRUCTURAL"}[d.Kind]
		fmt.Fprintf(&file, "objectclass ( %s NAME ( '%s' )", d.OID, strings.Join(d.Names, "' '"))
		if len(d.Sup) > 0 {
			fmt.Fprintf(&file, " SUP ( %s )", strings.Join(d.Sup, " $ "))
		}
		file.WriteString(" " + kind)
		if len(d.Must) > 0 {
			fmt.Fprintf(&file, " MUST ( %s )", strings.Join(d.Must, " $ "))
		}
		if len(d.May) > 0 {
			fmt.Fprintf(&file, " MAY ( %s )", strings.Join(d.May, " $ "))
		}
		file.WriteString(" )\n")
	}
	for _, d := range classes {
		class(d)
	}
	conf := write("slapd.conf", "include "+write("printed.schema", file.String())+"\n")
	if out, err := exec.Command("/usr/sbin/slaptest", "-u", "-f", conf).CombinedOutput(); err != nil {
		t.Errorf("slapd does not read it: %s", out)
	}
	if len(written) < 100 {
		t.Errorf("slapd was only given %d definitions", len(written))
	}
}
