package pingdirectory

import (
	"errors"
	"net/http"
	"testing"
	"unicode/utf8"
)

// Whatever a body holds, it is read or refused with a 400 that says where.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		`{"_dn":"cn=a","cn":["a",null],"cn;x":"b","uidNumber":1,"jpegPhoto":"AA==","createTimestamp":"2026-01-02T03:04:05Z","_controls":[]}`,
		`{"modifications":[{"attributeName":"cn","modificationType":"add","values":["a"]}],"_controls":null}`,
		`{"searchScope":"baseObject","filter":"cn pr","limit":1,"includeAttributes":["cn"],"cursor":"x"}`,
		`{"credentials":{"authenticationType":"passwordPlusTOTP","dn":"cn=a","staticPassword":"p","totp":"1"},"returnUserAttributes":["+"]}`,
		`{"numberOfPasswords":1,"validationAttempts":0,"passwordPolicyDN":"cn=a"}`,
		`{"operationType":"add","passwordPolicyDN":"cn=a"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		check := func(err error) {
			if err == nil {
				return
			}
			var p *problem
			if !errors.As(err, &p) || p.status != http.StatusBadRequest || p.message == "" || !utf8.ValidString(p.message) {
				t.Fatalf("%q: %#v", text, err)
			}
		}
		doc, err := parseBody(text)
		check(err)
		if err != nil {
			return
		}
		c, err := readContent(filterSchema, doc)
		check(err)
		if err == nil {
			for _, a := range c.attributes {
				if _, err := knownAttribute(filterSchema, a.Name); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, _, err = readPatch(filterSchema, doc)
		check(err)
		_, _, err = searchBody(doc)
		check(err)
		if doc != nil {
			_, err = readAuthentication(doc)
			check(err)
		}
		_, _, err = readSuggestion(doc)
		check(err)
		b, _, err := readStrings(doc, []string{operationType, userDN, passwordPolicyDN})
		check(err)
		_, err = qualityRequest(b)
		check(err)
	})
}

// A query is read or refused, and holds nothing empty.
func FuzzParseQuery(f *testing.F) {
	f.Add("includeAttributes=cn,sn&expand=member")
	f.Add("includeAttributes=%zz")
	f.Add("a=b;c=d")
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := parseQuery(raw, searching)
		if err != nil {
			return
		}
		for name, value := range p {
			if value == "" || !utf8.ValidString(value) {
				t.Fatalf("%q: %s is %q", raw, name, value)
			}
		}
		for _, name := range []string{includeAttributes, excludeAttributes} {
			if names, err := p.names(name); err == nil && len(names) > mostNames {
				t.Fatalf("%d names", len(names))
			}
		}
	})
}
