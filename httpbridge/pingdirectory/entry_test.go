package pingdirectory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// Whatever values an entry has, it is one JSON object in which each attribute
// stands once, with values as encoding/json has them.
func FuzzEntry(f *testing.F) {
	schema := subschema.Parse([]string{
		"( 2.5.4.3 NAME ( 'cn' 'commonName' ) SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )",
		"( 2.5.4.49 NAME 'manager' SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )",
		"( 1.1 NAME 'number' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
		"( 1.2 NAME 'truth' SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 )",
		"( 1.3 NAME 'when' SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )",
		"( 1.4 NAME 'octets' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )",
		"( 1.5 NAME 'json' SYNTAX 1.3.6.1.4.1.30221.2.3.4 )",
	}, nil)
	v, err := newView(schema, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"", "plain", "a \"quote\" and \\", "tab\tand\x00and\x7f", "Grüße", "\u2028\u2029", "\xff\xc3", "<&>", "\ud7ff\U0010ffff", "\xed\xa0\x80",
		"12", "-0", "007", "123456789012345678901234567890", "TRUE", "true", "20260102030405Z", "20260102030405.123456789+0130", "00000101000000Z",
		`{"a":[1,{"b":"</script>"}],"c":1e999}`, `{"a":1,"a":2}`, "cn=ann,dc=example", "cn=a?b#c%/d",
	} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, dn, one, two string) {
		e := upstream.Entry{DN: dn, Attributes: []upstream.Attribute{
			{Name: "objectClass", Values: []string{one}},
			{Name: "cn", Values: []string{one}}, {Name: "commonName", Values: []string{two}},
			{Name: "CN;lang-de", Values: []string{one, two}}, {Name: "octets;binary", Values: []string{one}},
			{Name: "manager", Values: []string{one, two}}, {Name: "number", Values: []string{one}}, {Name: "truth", Values: []string{one, two}},
			{Name: "when", Values: []string{one}}, {Name: "octets", Values: []string{one, two}}, {Name: "json", Values: []string{one, two}},
			{Name: "unknown", Values: []string{two, one}},
		}}
		text, err := encode(v.object(e))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := strictjson.Parse(text, 2*deepest)
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		again := func(v any) string { // two texts of one value become one
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			var same any
			decoder := json.NewDecoder(bytes.NewReader(b))
			decoder.UseNumber()
			if err := decoder.Decode(&same); err != nil {
				t.Fatal(err)
			}
			b, _ = json.Marshal(same)
			return string(b)
		}
		want := map[string]any{"_dn": dn}
		list := func(k kind, values ...string) (list []any) {
			for _, value := range values {
				list = append(list, k.toJSON(value))
			}
			return list
		}
		want["objectClass"] = list(aString, one)
		want["cn"] = list(aString, one, two)
		want["cn;lang-de"] = list(aString, one, two)
		want["octets;binary"] = list(aBinary, one)
		want["manager"] = list(aString, one, two)
		want["number"] = anInteger.toJSON(one)
		want["truth"] = list(aBoolean, one, two)
		want["when"] = aTime.toJSON(one)
		want["octets"] = list(aBinary, one, two)
		want["json"] = list(anObject, one, two)
		want["unknown"] = list(aString, two, one)
		if got := len(doc.Root.Members); got != len(want)+1 { // and _links
			t.Errorf("%d members: %s", got, text)
		}
		for _, m := range doc.Root.Members {
			if m.Name == "_links" {
				continue
			}
			wanted, err := json.Marshal(want[m.Name])
			if err != nil {
				t.Fatal(err)
			}
			if got, wanted := again(m.Value), again(json.RawMessage(wanted)); got != wanted {
				t.Errorf("%s: %s, want %s", m.Name, got, wanted)
			}
		}
	})
}

// However many attributes there are, those with two names are one.
func TestNamesOfOneAttribute(t *testing.T) {
	schema := subschema.Parse([]string{"( 2.5.4.3 NAME ( 'cn' 'commonName' ) SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"}, nil)
	v, err := newView(schema, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 15, 16, 17, 33, 100} {
		var e upstream.Entry
		for i := range n {
			for _, name := range []string{"cn", "commonName"} {
				e.Attributes = append(e.Attributes, upstream.Attribute{Name: fmt.Sprintf("%s;lang-%d", name, i), Values: []string{name}})
			}
		}
		shown := v.attributes(e)
		if len(shown) != n {
			t.Errorf("%d attributes, shown as %d", n, len(shown))
		}
		for i, a := range shown {
			if a.name != fmt.Sprintf("cn;lang-%d", i) || !slices.Equal(a.values, []string{"cn", "commonName"}) {
				t.Errorf("number %d of %d: %+v", i, n, a)
			}
		}
	}
}
