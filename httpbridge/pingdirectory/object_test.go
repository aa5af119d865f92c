package pingdirectory

import (
	"bytes"
	"encoding/json"
	"testing"
)

// like is v as encoding/json writes it without the escapes for HTML.
func like(t *testing.T, v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func TestEncode(t *testing.T) {
	for _, row := range []struct {
		value any
		want  string
	}{
		{object{}, `{}`},
		{object{{"b", 1}, {"a", nil}, {`q"`, true}}, `{"b":1,"a":null,"q\"":true}`},
		{object{{"a", object{{"b", link{"/x?a=1&b=<2>"}}}}}, `{"a":{"b":{"href":"/x?a=1&b=<2>"}}}`},
		{[]object{{{"a", "x"}}, {}}, `[{"a":"x"},{}]`},
		{[]link{{"/a"}, {`/"`}}, `[{"href":"/a"},{"href":"/\""}]`},
		{[]any{"x", json.Number("12"), false, object{{"a", []string{}}}}, `["x",12,false,{"a":[]}]`},
		{[]string(nil), `[]`},
		{struct {
			In object `json:"in"`
		}{object{{"b", "&"}, {"a", 2}}}, `{"in":{"b":"&","a":2}}`},
	} {
		if got, err := encode(row.value); err != nil || string(got) != row.want {
			t.Errorf("%#v\n got %s, %v\nwant %s", row.value, got, err, row.want)
		}
	}
	if _, err := encode(object{{"a", []any{make(chan int)}}}); err == nil {
		t.Error("no error for what JSON cannot say")
	}
}

// A string is what encoding/json makes of it.
func FuzzEncodeString(f *testing.F) {
	for _, s := range []string{"", "plain", "a \"quote\" and \\", "tab\tand\x00and\x7f", "Grüße", "\u2028\u2029", "\xff\xc3", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(appendString(nil, s)), like(t, s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	})
}
