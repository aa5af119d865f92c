package jsoncontrol

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

func decode(text []byte) (upstream.Control, error) {
	doc, err := strictjson.Parse(text, 16)
	if err != nil {
		return upstream.Control{}, err
	}
	return Decode(doc, doc.Root, "")
}

// The vendor's library writes these controls in both forms.
func TestVectors(t *testing.T) {
	var file struct {
		Vectors struct {
			JSONControls []struct {
				Name        string
				OID         string
				Critical    bool
				ValueHex    *string         `json:"value_hex"`
				JSON        json.RawMessage `json:"json"`
				JSONGeneric json.RawMessage `json:"json_generic"`
			} `json:"json_controls"`
		}
	}
	text, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := len(file.Vectors.JSONControls); n != 26 {
		t.Errorf("%d vectors", n)
	}
	for _, v := range file.Vectors.JSONControls {
		t.Run(v.Name, func(t *testing.T) {
			want := upstream.Control{OID: v.OID, Critical: v.Critical}
			if v.ValueHex != nil {
				want.Value, _ = hex.DecodeString(*v.ValueHex)
			}
			for _, text := range []json.RawMessage{v.JSON, v.JSONGeneric} {
				if got, err := decode(text); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %+v, %v", text, got, err)
				}
			}
			got, err := json.Marshal(Encode(want))
			var a, b any
			if err == nil {
				err = errors.Join(json.Unmarshal(got, &a), json.Unmarshal(v.JSON, &b))
			}
			if err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("%s, %v, want %s", got, err, v.JSON)
			}
		})
	}
}

// What is beside the vectors.
func TestEncode(t *testing.T) {
	fromHex := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	for _, tt := range []struct {
		name string
		in   upstream.Control
		want string
	}{
		{"an unknown control", upstream.Control{OID: "1.2.3", Value: []byte("abc")}, `{"oid":"1.2.3","criticality":false,"value-base64":"YWJj"}`},
		{"an empty value", upstream.Control{OID: "1.2.3", Value: []byte{}}, `{"oid":"1.2.3","criticality":false,"value-base64":""}`},
		{"a value that is not in order", upstream.Control{OID: "1.3.6.1.1.12", Value: []byte("abc")}, `{"oid":"1.3.6.1.1.12","control-name":"Assertion Request Control","criticality":false,"value-base64":"YWJj"}`},
		{
			"an entry that was read", upstream.Control{OID: "1.3.6.1.1.13.2", Value: fromHex("64160404" + "636e3d61" + "300e" + "300c0402636e3106040161040162")},
			`{"oid":"1.3.6.1.1.13.2","control-name":"Post-Read Response Control","criticality":false,"value-json":{"entry":{"_dn":"cn=a","cn":["a","b"]}}}`,
		},
		{
			"somebody behind the client", upstream.Control{OID: "1.3.6.1.4.1.30221.2.5.2", Value: fromHex("3008a003840178840179")},
			`{"oid":"1.3.6.1.4.1.30221.2.5.2","control-name":"Intermediate Client Request Control","criticality":false,"value-json":{"downstream-request":{"client-name":"x"},"client-name":"y"}}`,
		},
	} {
		got, err := json.Marshal(Encode(tt.in))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v", tt.name, got, err)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, err string }{
		{"an unknown member of a value", `{"oid":"1.3.6.1.1.12","criticality":true,"value-json":{"filter":"(a=b)","x":1}}`, "line 1, column 73, value-json.x: unknown member"},
		{"a member of a value that is missing", `{"oid":"1.3.6.1.1.12","criticality":true,"value-json":{}}`, "line 1, column 55, value-json.filter: must be there"},
		{"no filter", `{"oid":"1.3.6.1.1.12","criticality":true,"value-json":{"filter":"a"}}`, "line 1, column 65, value-json.filter: is not an LDAP filter"},
		{"another kind", `{"oid":"1.3.6.1.1.13.1","criticality":true,"value-json":{"attributes":[1]}}`, "line 1, column 72, value-json.attributes: must be an array of strings"},
		{"not base64", `{"oid":"1.2.3","criticality":true,"value-base64":"!"}`, "line 1, column 50, value-base64: must be base64"},
		{"a size with a fraction", `{"oid":"1.2.840.113556.1.4.319","criticality":true,"value-json":{"size":1.5}}`, "line 1, column 73, value-json.size: must be an integer from 0 to 2147483647"},
		{"behind the client", `{"oid":"1.3.6.1.4.1.30221.2.5.2","criticality":true,"value-json":{"downstream-request":{"x":1}}}`, "line 1, column 89, value-json.downstream-request.x: unknown member"},
	} {
		if _, err := decode([]byte(tt.text)); err == nil || err.Error() != tt.err {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if c, err := decode([]byte(`{"oid":"1.2.3","criticality":true,"value-json":{}}`)); err != ErrUnknown || c.OID != "1.2.3" || !c.Critical {
		t.Errorf("%+v, %v", c, err)
	}
}

// What is decoded is encoded as something that means the same.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"oid":"1.3.6.1.1.12","criticality":true,"value-json":{"filter":"(a=b)"}}`))
	f.Add([]byte(`{"oid":"1.3.6.1.4.1.30221.2.5.2","criticality":true,"value-json":{"downstream-request":{"client-name":"x"}}}`))
	f.Add([]byte(`{"oid":"1.2.840.113556.1.4.319","criticality":false,"value-base64":"MAUCAWQEAA=="}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := decode(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(Encode(c))
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(again)
		if err != nil || back.OID != c.OID || back.Critical != c.Critical || c.Value == nil != (back.Value == nil) {
			t.Fatalf("%s: %s: %+v, %v", text, again, back, err)
		}
		if third := Encode(back); !bytes.Equal(must(json.Marshal(third)), again) {
			t.Fatalf("%s, then %s", again, must(json.Marshal(third)))
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
