package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty object", `{}`, ""},
		{"blanks around", " \r\n\t{ } \n", ""},
		{"every kind", `{"a":null,"b":true,"c":-1.5e3,"d":"x","e":[1,[2]],"f":{"g":{}}}`, ""},
		{"same name at different depths", `{"a":{"a":{"a":1}}}`, ""},
		{"surrogate pair", `"\ud83d\ude00"`, ""},
		{"escaped backslash before u", `"\\ud800"`, ""},
		{"the replacement character itself", `"\ufffd` + "\ufffd" + `"`, ""},

		{"nothing", ``, "line 1, column 1: unexpected end"},
		{"blanks only", " \n ", "line 2, column 2: unexpected end"},
		{"cut off", `{"a":`, "line 1, column 6: unexpected end"},
		{"comma at the end", "{\"a\":1,\n}", "line 2, column 1: not JSON"},
		{"behind the value", `{} {}`, "line 1, column 4: not JSON"},
		{"single quotes", `{'a':1}`, "line 1, column 2: not JSON"},
		{"comment", `{} // x`, "line 1, column 4: not JSON"},
		{"leading zero", `01`, "line 1, column 2: not JSON"},
		{"control character in a string", "\"a\x01\"", "line 1, column 3: not JSON"},
		{"NUL", "\x00", "line 1, column 1: not JSON"},
		{"byte order mark", "\ufeff{}", "line 1, column 1: not JSON"},
		{"not UTF-8", "{\n\"a\":\"\xff\"}", "line 2, column 6: octets that are not UTF-8"},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", "line 1, column 2: octets that are not UTF-8"},
		{"member twice", "{\"a\":1,\n \"a\":2}", `line 2, column 2: member "a" given twice`},
		{"member twice, spelt differently", `{"a":1,"\u0061":2}`, `line 1, column 8: member "a" given twice`},
		{"member twice, deeper", `{"x":[0,{"a":1,"a":2}]}`, `line 1, column 16, x[1]: member "a" given twice`},
		{"too deep", `{"a":[[[[]]]]}`, "line 1, column 9, a[0][0][0]: nested too deeply"},
		{"high surrogate alone", `{"a":"\ud800"}`, "line 1, column 6, a: an escape that is half a surrogate pair"},
		{"high surrogate before another escape", `"\ud800\u0041"`, "line 1, column 1: an escape that is half a surrogate pair"},
		{"low surrogate alone", `["\udc00"]`, "line 1, column 2, [0]: an escape that is half a surrogate pair"},
		{"half a pair in a name", `{"\udc00":1}`, "line 1, column 2: an escape that is half a surrogate pair"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text), 4)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("Parse(%q): %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestParseValues(t *testing.T) {
	d, err := Parse([]byte(`{"s":"\u00e4\n\ud83d\ude00","n":12e1,"b":true,"z":null,"l":["x",{}]}`), 3)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"s": "ä\n😀", "n": json.Number("12e1"), "b": true, "z": nil, "l": []any{"x", map[string]any{}}}
	if got := plain(d.Root); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

// An error never repeats a value, whatever is wrong around it.
func TestErrorsAreSilentAboutValues(t *testing.T) {
	for _, text := range []string{
		`{"p":"hunter2","p":"hunter2"}`, `{"p":"hunter2"`, `{"p":"hunter2"}}`, `{"p":hunter2}`, `{"p":"hunter2\ud800"}`,
		"{\"p\":\"hunter2\xff\"}", `{"p":["hunter2",[[[]]]]}`,
	} {
		_, err := Parse([]byte(text), 2)
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

func TestLongNamesAreClipped(t *testing.T) {
	name := strings.Repeat("ä", 40000)
	_, err := Parse([]byte(`{"`+name+`":1,"`+name+`":1}`), 2)
	if err == nil || len(err.Error()) > 200 || !utf8.ValidString(err.Error()) {
		t.Errorf("error of %d octets", len(err.Error()))
	}
}

// plain is v as encoding/json would have decoded it.
func plain(v Value) any {
	switch v.Kind {
	case Bool:
		return v.Bool
	case Number:
		return json.Number(v.Text)
	case String:
		return v.Text
	case Array:
		l := []any{}
		for _, e := range v.Elements {
			l = append(l, plain(e))
		}
		return l
	case Object:
		m := map[string]any{}
		for _, e := range v.Members {
			m[e.Name] = plain(e.Value)
		}
		return m
	}
	return nil
}

// Whatever Parse takes, encoding/json takes too and understands in the same way.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,true,null,"x\ud83d\ude00"]}`, `{"a":1,"a":2}`, `"\ud800"`, `[[[[[[[[[]]]]]]]]]`, ``, "\xff", `{"a":"\\u`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text, 8)
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || !utf8.ValidString(e.Error()) {
				t.Fatalf("unfit error %#v", err)
			}
			return
		}
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.UseNumber()
		var want any
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("%q taken, but encoding/json says %v", text, err)
		}
		if got := plain(d.Root); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, encoding/json reads %#v", text, got, want)
		}
	})
}
