package pingdirectory

import (
	"encoding/json"
	"testing"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/subschema"
)

// Values are what section 2.9 of the vendor's documentation says they are, and
// come back as they went.
func TestValues(t *testing.T) {
	for _, tt := range []struct {
		kind       kind
		ldap, json string
		back       string // "": ldap
	}{
		{aString, "ann", `"ann"`, ""},
		{aString, "12", `"12"`, ""},
		{aString, "1.5", `"1.5"`, ""},
		{aString, "ä\x00", `"ä\u0000"`, ""},
		{aString, "\xff\xfe", `"//4="`, "//4="},
		{anInteger, "0", `0`, ""},
		{anInteger, "-12", `-12`, ""},
		{anInteger, "123456789012345678901234567890", `123456789012345678901234567890`, ""},
		{aBoolean, "TRUE", `true`, ""},
		{aBoolean, "FALSE", `false`, ""},
		{aTime, "20180501150449.866Z", `"2018-05-01T15:04:49.866Z"`, ""},
		{aTime, "20180501150449Z", `"2018-05-01T15:04:49.000Z"`, ""},
		{aTime, "20180501150449.123456Z", `"2018-05-01T15:04:49.123456Z"`, ""},
		{aTime, "20180501170449,5+0200", `"2018-05-01T15:04:49.500Z"`, "20180501150449.5Z"},
		{aTime, "201805011504Z", `"2018-05-01T15:04:00.000Z"`, "20180501150400Z"},
		{aBinary, "\x00\xff", `"AP8="`, ""},
		{aBinary, "", `""`, ""},
		{anObject, `{"type":"work","value":[1,true,null]}`, `{"type":"work","value":[1,true,null]}`, ""},
	} {
		b, err := json.Marshal(tt.kind.toJSON(tt.ldap))
		if err != nil || string(b) != tt.json {
			t.Errorf("%v %q: %s, %v, want %s", tt.kind, tt.ldap, b, err, tt.json)
			continue
		}
		doc, err := strictjson.Parse(b, deepest)
		if err != nil {
			t.Fatal(err)
		}
		want := tt.back
		if want == "" {
			want = tt.ldap
		}
		if got, err := tt.kind.fromJSON(doc.Root); err != nil || got != want {
			t.Errorf("%v %s: %q, %v, want %q", tt.kind, tt.json, got, err, want)
		}
	}
}

// A value of another kind is refused, not guessed at.
func TestValuesOfAnotherKind(t *testing.T) {
	for _, tt := range []struct {
		kind kind
		json string
	}{
		{aString, `1`}, {aString, `true`}, {aString, `{}`}, {aString, `null`}, {aString, `["a"]`},
		{anInteger, `1.5`}, {anInteger, `1e3`}, {anInteger, `-0`}, {anInteger, `"1"`},
		{aBoolean, `"TRUE"`}, {aBoolean, `0`},
		{aTime, `"20180501150449Z"`}, {aTime, `"2018-05-01"`}, {aTime, `1525187089`},
		{aBinary, `"AP8"`}, {aBinary, `"!"`},
		{anObject, `"{}"`}, {anObject, `[]`},
	} {
		doc, err := strictjson.Parse([]byte(tt.json), deepest)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tt.kind.fromJSON(doc.Root); err == nil {
			t.Errorf("%v %s: %q", tt.kind, tt.json, got)
		}
	}
}

// What a server keeps against its own syntax is shown as it is.
func TestValuesAgainstTheSyntax(t *testing.T) {
	for _, k := range []kind{anInteger, aBoolean, aTime, anObject} {
		if got := k.toJSON("hello"); got != "hello" {
			t.Errorf("%v: %v", k, got)
		}
	}
}

func TestKindOf(t *testing.T) {
	attribute := func(name, syntax string) *subschema.AttributeType {
		return &subschema.AttributeType{Names: []string{name}, Syntax: rfc4517 + syntax}
	}
	for _, tt := range []struct {
		t           *subschema.AttributeType
		description string
		want        kind
	}{
		{nil, "x", aString},
		{attribute("cn", "15"), "cn;lang-de", aString},
		{attribute("uidNumber", "27"), "uidNumber", anInteger},
		{attribute("userCertificate", "15"), "userCertificate;binary", aBinary},
		{attribute("jpegPhoto", "28"), "jpegPhoto", aBinary},
		{attribute("userPassword", "40"), "userPassword", aString},
	} {
		if got := kindOf(tt.t, tt.description); got != tt.want {
			t.Errorf("%s: %v", tt.description, got)
		}
	}
}
