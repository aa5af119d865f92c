package httpbridge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"tallystick/httpbridge"
)

// Whatever is sent to an operation that is described, it is no fault of the
// server's, and the answer is as described. Most of what is sent is as described
// too, but for a part here and there.
func TestOpenAPIProperties(t *testing.T) {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.checks": "25", "rapid.nofailfile": "true"} {
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	doc := newHouse(t, nil).openAPI()
	for _, o := range doc.operations {
		t.Run(o.OperationID, func(t *testing.T) {
			d := newDesk(t, func(cfg *httpbridge.Config) { cfg.OperatorHere, cfg.Proxies = true, nil })
			adasID := d.uuidOf(ada)
			g := generator{good: map[string][]string{
				"dn": {ann, bob, "ou=people,dc=example,dc=com"}, "userId": {d.uuidOf(ann), d.uuidOf(bob)},
				"totpId": {sampleTOTP}, "deviceId": {adasID}, "objectClass": {"inetOrgPerson", "top"},
			}, segments: []string{
				"uid=nobody,dc=example,dc=com", "dc=example,dc=com", "uid=,,", "cn=a+sn=b,dc=example,dc=com", adasID, d.uuidOf(bob),
				"x", "..", "a/b", "%", "\x00", "inetOrgPerson", "_operationalAttributes", strings.Repeat("x", 300),
			}}
			if o.method == http.MethodGet { // who asks is not to change himself
				g.segments = append(g.segments, "me")
			} else {
				g.segments = slices.DeleteFunc(g.segments, func(s string) bool { return s == adasID })
			}
			rapid.Check(t, func(rt *rapid.T) {
				r := g.request(rt, d.url, o)
				switch {
				case slices.Contains(o.Tags, "SecurID"):
					d.clock.Add(1) // a call a second is never too many
					bearer(d.token(d.super, d.claims(d.super)))(r)
				case !o.anonymous() || rapid.Bool().Draw(rt, "authorized"):
					as(ada, password)(r)
				}
				if status, body := doc.answers(rt, o, r); status >= 500 {
					rt.Errorf("%d %v", status, body)
				}
			})
		})
	}
}

// generator makes requests.
type generator struct {
	good     map[string][]string // by parameter of the path, what is there
	segments []string            // what may be in any
}

// request is one for o.
func (g generator) request(t *rapid.T, base string, o operation) *http.Request {
	path, query := o.path, url.Values{}
	for _, p := range o.parameters() {
		name := p.Value.Name
		if p.Value.In == "path" {
			segment := rapid.OneOf(rapid.SampledFrom(g.good[name]), rapid.SampledFrom(g.good[name]), rapid.SampledFrom(g.segments), rapid.StringN(1, 20, -1)).Draw(t, name)
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(segment))
			continue
		}
		switch example := p.Value.Example; {
		case example != nil && rapid.IntRange(0, 3).Draw(t, "example") > 0:
			query.Set(name, fmt.Sprint(example))
		case rapid.IntRange(0, 4).Draw(t, "with "+name) == 0:
			query.Set(name, text().Draw(t, name))
		}
	}
	var body []byte
	if content := o.body(); content != nil && rapid.IntRange(0, 9).Draw(t, "with a body") > 0 {
		var err error
		if body, err = json.Marshal(value(t, content.Schema.Value, 6)); err != nil {
			t.Fatal(err)
		}
		if rapid.IntRange(0, 19).Draw(t, "cut") == 0 {
			body = body[:len(body)/2]
		}
	}
	r, err := http.NewRequest(o.method, base, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque, r.URL.RawQuery = path, query.Encode()
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// text is a string that may mean something somewhere, or any.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{
		"", "password", "123456", sampleSecret, sampleTOTP, ann, "uid=new,ou=people,dc=example,dc=com", "uid", "cn", "sn", "description", "mail",
		"objectClass", "inetOrgPerson", "*", "+", "me", "ann@example.com", "140100080", "2026-01-02T03:04:05Z", "1.3.6.1.1.12", "1.3.6.1.1.13.2",
		`uid eq "ann"`, "uid pr", "AAEC/w==", "\x00", "\ufffd", "ÄÖÜ", strings.Repeat("9", 400),
	}), rapid.String())
}

// value is one of a schema, or with bad luck another. It is at most depth deep.
func value(t *rapid.T, s *openapi3.Schema, depth int) any {
	if depth == 0 {
		return nil
	}
	if s == nil || rapid.IntRange(0, 24).Draw(t, "something else") == 0 {
		return anything(t)
	}
	if len(s.AnyOf) > 0 {
		return value(t, rapid.SampledFrom(s.AnyOf).Draw(t, "any of").Value, depth)
	}
	if len(s.Enum) > 0 {
		return rapid.SampledFrom(s.Enum).Draw(t, "enum")
	}
	if s.Type == nil {
		return anything(t)
	}
	switch rapid.SampledFrom(*s.Type).Draw(t, "type") {
	case "object":
		return object(t, s, depth)
	case "array":
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, value(t, s.Items.Value, depth-1))
		}
		return list
	case "string":
		return text().Draw(t, "string")
	case "integer":
		return rapid.OneOf(rapid.SampledFrom([]int64{-1, 0, 1, 2, 10, 1 << 31, 1 << 40}), rapid.Int64()).Draw(t, "integer")
	case "boolean":
		return rapid.Bool().Draw(t, "boolean")
	}
	return nil
}

func object(t *rapid.T, s *openapi3.Schema, depth int) any {
	o := map[string]any{}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		chance := 5
		if slices.Contains(s.Required, name) {
			chance = 10
		}
		if rapid.IntRange(1, 10).Draw(t, "with "+name) <= chance {
			o[name] = value(t, s.Properties[name].Value, depth-1)
		}
	}
	if more := s.AdditionalProperties.Schema; more != nil {
		for range rapid.IntRange(0, 4).Draw(t, "more") {
			o[text().Draw(t, "name")] = value(t, more.Value, depth-1)
		}
	} else if rapid.IntRange(0, 24).Draw(t, "unknown") == 0 {
		o["unknown"] = anything(t)
	}
	return o
}

// anything is a value of JSON.
func anything(t *rapid.T) any {
	return rapid.SampledFrom([]any{nil, true, -1, 1.5, 1e300, "", "x", []any{}, []any{[]any{}}, map[string]any{}, map[string]any{"": 0}}).Draw(t, "anything")
}
