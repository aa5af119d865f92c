package pingdirectory

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeBody(t *testing.T) {
	controls := func(s string) string { return `{"_controls":` + s + `}` }
	for _, tt := range []struct {
		name, text string
		want       body
		err        string
	}{
		{"empty", ``, body{}, ""},
		{"no members", `{}`, body{}, ""},
		{"both", `{"staticPassword":"p","totpSharedSecret":"S"}`, body{staticPassword: "p", totpSharedSecret: "S"}, ""},
		{"null is absent", `{"staticPassword":null,"totpSharedSecret":"S"}`, body{totpSharedSecret: "S"}, ""},
		{"a password of any characters", `{"staticPassword":" \u0000\"\\ä😀"}`, body{staticPassword: " \x00\"\\ä😀"}, ""},
		{"no controls", controls(`[]`), body{}, ""},
		{"null controls", controls(`null`), body{}, ""},
		{"a control we do not know", controls(`[{"oid":"1.2.3","control-name":"x","criticality":false,"value-json":{"a":[1]}}]`), body{}, ""},
		{"and its value in base64", controls(`[{"oid":"1.2.3","criticality":false,"value-base64":"MAA="}]`), body{}, ""},

		{"blank", ` `, nil, "line 1, column 2: unexpected end"},
		{"no JSON", `staticPassword=x`, nil, "line 1, column 1: not JSON"},
		{"an array", `[]`, nil, "line 1, column 1: must be an object, not an array"},
		{"null", `null`, nil, "line 1, column 1: must be an object, not null"},
		{"unknown member", `{"staticPasswort":"p"}`, nil, "line 1, column 2, staticPasswort: unknown member"},
		{"known in another case", `{"StaticPassword":"p"}`, nil, "line 1, column 2, StaticPassword: unknown member"},
		{"known to another operation", `{"totpPassword":"123456"}`, nil, "line 1, column 2, totpPassword: unknown member"},
		{"unknown null", "{\n\t\"x\":null}", nil, "line 2, column 2, x: unknown member"},
		{"twice", `{"staticPassword":"p","staticPassword":"p"}`, nil, `line 1, column 23: member "staticPassword" given twice`},
		{"a number", `{"staticPassword": 1}`, nil, "line 1, column 20, staticPassword: must be a string, not a number"},
		{"a boolean", `{"staticPassword":true}`, nil, "line 1, column 19, staticPassword: must be a string, not a boolean"},
		{"an array for a string", `{"staticPassword":["p"]}`, nil, "line 1, column 19, staticPassword: must be a string, not an array"},
		{"empty password", `{"staticPassword":""}`, nil, "line 1, column 19, staticPassword: must not be empty"},
		{"empty secret", `{"staticPassword":"p","totpSharedSecret":""}`, nil, "line 1, column 42, totpSharedSecret: must not be empty"},
		{"too deep", controls(strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16)), nil, "line 1, column 29, _controls" + strings.Repeat("[0]", 15) + ": nested too deeply"},

		{"controls are no array", controls(`{}`), nil, "line 1, column 14, _controls: must be an array, not an object"},
		{"a control is no object", controls(`["1.2.3"]`), nil, "line 1, column 15, _controls[0]: a control must be an object, not a string"},
		{"a control without oid", controls(`[{"criticality":false}]`), nil, "line 1, column 15, _controls[0]: a control needs oid and criticality"},
		{"a control without criticality", controls(`[{"oid":"1.2.3"}]`), nil, "line 1, column 15, _controls[0]: a control needs oid and criticality"},
		{"criticality as a string", controls(`[{"oid":"1.2.3","criticality":"true"}]`), nil, "line 1, column 44, _controls[0].criticality: must be a boolean, not a string"},
		{"two values", controls(`[{"oid":"1.2.3","criticality":false,"value-base64":"","value-json":{}}]`), nil, "line 1, column 15, _controls[0]: a control has one value at most"},
		{"an unknown member of a control", controls(`[{"OID":"1.2.3"}]`), nil, "line 1, column 16, _controls[0].OID: unknown member"},
		{"a critical control", controls(`[{"oid":"1.2.3","criticality":true}]`), nil, errCriticalControl.message},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decodeBody([]byte(tt.text), []string{staticPassword, totpSharedSecret})
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("%q: %v, want %s", tt.text, err, tt.err)
				}
				if p := problemOf(err); p.status != http.StatusBadRequest {
					t.Errorf("status %d", p.status)
				}
				return
			}
			if err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("%q: %q, %v, want %q", tt.text, got, err, tt.want)
			}
		})
	}
}

func TestCheckMediaType(t *testing.T) {
	const typ, enc = "Content-Type", "Content-Encoding"
	for _, tt := range []struct {
		name    string
		header  http.Header
		hasBody bool
		ok      bool
	}{
		{"JSON", http.Header{typ: {"application/json"}}, true, true},
		{"HAL", http.Header{typ: {"application/hal+json"}}, true, true},
		{"in another case, with charset", http.Header{typ: {"Application/JSON; Charset=\"UTF-8\""}}, true, true},
		{"another parameter", http.Header{typ: {"application/json; profile=x"}}, true, true},
		{"no body, no type", http.Header{}, false, true},
		{"identity", http.Header{typ: {"application/json"}, enc: {"identity"}}, true, true},
		{"no type", http.Header{}, true, false},
		{"a form", http.Header{typ: {"application/x-www-form-urlencoded"}}, true, false},
		{"a form, no body", http.Header{typ: {"application/x-www-form-urlencoded"}}, false, false},
		{"text", http.Header{typ: {"text/json"}}, true, false},
		{"another charset", http.Header{typ: {"application/json; charset=iso-8859-1"}}, true, false},
		{"two types", http.Header{typ: {"application/json", "application/json"}}, true, false},
		{"broken", http.Header{typ: {"application/json; charset"}}, true, false},
		{"empty", http.Header{typ: {""}}, true, false},
		{"compressed", http.Header{typ: {"application/json"}, enc: {"gzip"}}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := checkMediaType(tt.header, tt.hasBody); (err == nil) != tt.ok {
				t.Errorf("%v: %v", tt.header, err)
			}
		})
	}
}

func FuzzDecodeBody(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"staticPassword":"p","totpSharedSecret":null}`, `{"_controls":[{"oid":"1","criticality":false,"value-json":{}}]}`, `[[[`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	members := []string{staticPassword, totpSharedSecret}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := decodeBody(text, members)
		if err != nil {
			var p *problem
			if !errors.As(err, &p) || p.status != http.StatusBadRequest || !utf8.ValidString(p.message) {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		for name, value := range b {
			if value == "" || !utf8.ValidString(value) || !bytes.Contains(text, []byte{'"'}) {
				t.Fatalf("%q: %q is %q", text, name, value)
			}
		}
	})
}
