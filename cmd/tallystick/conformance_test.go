package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"tallystick/internal/freeport"
)

// docs/conformance.md tells of tests that exist, of all that the root DSE
// advertises, and of nothing besides.
func TestConformance(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := namesOfTests(t)
	quoted := regexp.MustCompile("`([^`]+)`")
	isOID := regexp.MustCompile(`^[0-9]+(\.[0-9]+){3,}$`)
	told := map[string]bool{} // OIDs and mechanisms, and whether they are there
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(line, "| test |\n") {
			for _, q := range quoted.FindAllStringSubmatch(line, -1) {
				if isTest := regexp.MustCompile(`^(Test|Fuzz)|\.txtar$`); isTest.MatchString(q[1]) && !tests[q[1]] {
					t.Errorf("there is no %s", q[1])
				}
			}
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 {
			t.Errorf("%d cells: %s", len(cells), line)
			continue
		}
		what, status, shown := cells[1], strings.TrimSpace(cells[2]), quoted.FindAllStringSubmatch(cells[3], -1)
		switch {
		case status == "yes", strings.HasPrefix(status, "partly: "):
			if len(shown) == 0 {
				t.Errorf("no test: %s", line)
			}
		case status == "no":
			if len(shown) > 0 {
				t.Errorf("a test of what is not there: %s", line)
			}
		default:
			t.Errorf("neither yes, partly nor no: %s", line)
		}
		for _, q := range shown {
			if !tests[q[1]] {
				t.Errorf("there is no %s: %s", q[1], line)
			}
		}
		for _, q := range quoted.FindAllStringSubmatch(what, -1) {
			if isOID.MatchString(q[1]) {
				told[q[1]] = status != "no"
			}
		}
		for _, mechanism := range []string{"PLAIN", "EXTERNAL", "OAUTHBEARER", "UNBOUNDID-TOTP"} {
			if strings.Contains(what, "SASL") && strings.Contains(what, mechanism) {
				told[mechanism] = true
			}
		}
	}
	if rows < 50 {
		t.Errorf("only %d rows", rows)
	}
	offered := rootDSEOffers(t)
	for _, oid := range offered {
		if !told[oid] {
			t.Errorf("%s is offered, and the page does not say that it is there", oid)
		}
	}
	for oid, there := range told {
		if there && !slices.Contains(offered, oid) {
			t.Errorf("%s is not offered", oid)
		}
	}
}

// The table of README.md says by section what docs/conformance.md does, but for
// what is of no RFC and no draft.
func TestConformanceInREADME(t *testing.T) {
	type section struct{ of, number, status string }
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	cellsOf := func(line string) (cells []string) {
		for c := range strings.SplitSeq(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(c))
		}
		return cells
	}
	ofRFC := regexp.MustCompile(`^(?:## |\| )RFC ([0-9]+),`)
	docs, readme := map[section]bool{}, map[section]bool{}
	of := ""
	for line := range strings.Lines(read("docs/conformance.md")) {
		if strings.HasPrefix(line, "## ") {
			if of = ""; ofRFC.MatchString(line) {
				of = ofRFC.FindStringSubmatch(line)[1]
			}
		}
		cells := cellsOf(line)
		if len(cells) != 4 || cells[3] == "test" || cells[0] == "–" || strings.HasPrefix(cells[0], "---") {
			continue
		}
		status, _, _ := strings.Cut(cells[2], ":")
		for number := range strings.SplitSeq(cells[0], ", ") {
			docs[section{of, number, status}] = true
		}
	}
	_, table, ok := strings.Cut(read("README.md"), "| | yes | partly | no |\n|---|---|---|---|\n")
	if !ok {
		t.Fatal("README.md has no table")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	remark := regexp.MustCompile(` \([^)]*\)`)
	for line := range strings.Lines(table) {
		of := ""
		if ofRFC.MatchString(line) {
			of = ofRFC.FindStringSubmatch(line)[1]
		}
		cells := cellsOf(remark.ReplaceAllString(line, ""))
		if len(cells) != 4 {
			t.Fatalf("%d cells: %s", len(cells), line)
		}
		for i, status := range []string{"yes", "partly", "no"} {
			for number := range strings.SplitSeq(cells[i+1], ", ") {
				if number != "" {
					readme[section{of, number, status}] = true
				}
			}
		}
	}
	for s := range docs {
		if !readme[s] {
			t.Errorf("docs/conformance.md has %q of %q: %s; README.md has not", s.number, s.of, s.status)
		}
	}
	for s := range readme {
		if !docs[s] {
			t.Errorf("README.md has %q of %q: %s; docs/conformance.md has not", s.number, s.of, s.status)
		}
	}
	if len(docs) < 100 {
		t.Errorf("only %d sections", len(docs))
	}
}

// namesOfTests are all test functions, and the scripts.
func namesOfTests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, folder := range []string{"cmd", "directory", "extop", "internal", "ldapd", "testdata/script"} {
		err := filepath.WalkDir(filepath.Join("../..", folder), func(name string, d os.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case strings.HasSuffix(name, ".txtar"):
				names[filepath.Base(name)] = true
			case strings.HasSuffix(name, "_test.go"):
				text, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				for _, m := range function.FindAllStringSubmatch(string(text), -1) {
					names[m[1]] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// rootDSEOffers are the controls, extended operations, features and mechanisms of a
// server with its default configuration.
func rootDSEOffers(t *testing.T) []string {
	t.Helper()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{flags: []string{"--ldap", address, "--ldaps", "off", "--http", "off", "--set", "log.level=warn"}}
	t.Cleanup(p.kill)
	if err := p.start(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	c, err := ldap.DialURL("ldap://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	found, err := c.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"+", "*"}, nil))
	if err != nil || len(found.Entries) != 1 {
		t.Fatal("no root DSE: ", err)
	}
	var offered []string
	for _, name := range []string{"supportedControl", "supportedExtension", "supportedFeatures", "supportedSASLMechanisms"} {
		values := found.Entries[0].GetAttributeValues(name)
		if len(values) == 0 {
			t.Errorf("the root DSE has no %s", name)
		}
		offered = append(offered, values...)
	}
	return offered
}
