package httpbridge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"tallystick/directory"
	"tallystick/httpbridge"
	"tallystick/httpbridge/strictjson"
)

// openAPI is the document that a bridge serves.
type openAPI struct {
	*openapi3.T
	operations []operation // in the order of the document, but deletions behind all that stands below their path
}

// operation is one method of a path.
type operation struct {
	*openapi3.Operation
	method, path string
	shared       openapi3.Parameters // of the path
}

// name says which it is.
func (o operation) name() string { return o.method + " " + o.path }

// parameters are those of the path and its own.
func (o operation) parameters() openapi3.Parameters {
	return append(slices.Clone(o.shared), o.Parameters...)
}

// body is what its request has; nil: none.
func (o operation) body() *openapi3.MediaType {
	if o.RequestBody == nil {
		return nil
	}
	return o.RequestBody.Value.Content["application/json"]
}

// anonymous reports whether it does without an Authorization header.
func (o operation) anonymous() bool { return o.Security != nil && len((*o.Security)[0]) == 0 }

// openAPI reads the bridge's document, which must be valid.
func (h *house) openAPI() openAPI {
	h.t.Helper()
	resp, err := http.Get(h.url + "/openapi.json")
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := doc.Validate(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if !doc.IsOpenAPI31OrLater() {
		h.t.Fatal(doc.OpenAPI)
	}
	ordered, err := strictjson.Parse(text, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	found := openAPI{T: doc}
	for _, m := range ordered.Root.Members {
		if m.Name != "paths" {
			continue
		}
		for _, path := range m.Value.Members {
			item := doc.Paths.Value(path.Name)
			for _, method := range path.Value.Members {
				if o := item.Operations()[strings.ToUpper(method.Name)]; o != nil {
					found.operations = append(found.operations, operation{o, strings.ToUpper(method.Name), path.Name, item.Parameters})
				}
			}
		}
	}
	for i, o := range found.operations {
		last := i
		for j, other := range found.operations {
			if strings.HasPrefix(other.path, o.path+"/") {
				last = max(last, j)
			}
		}
		if o.method == http.MethodDelete && last > i {
			found.operations = slices.Insert(slices.Delete(found.operations, i, i+1), last, o)
		}
	}
	return found
}

// The examples of the document are one conversation, from the first to the
// last. Every operation is in it, and answers as it is described.
func TestOpenAPIExamples(t *testing.T) {
	h := newHouse(t, func(cfg *httpbridge.Config) { cfg.OperatorHere = true })
	said := documented{openAPI: h.openAPI(), house: h, known: map[string]string{
		"user.0": "ann", "user.1": "bob", "0b7a1cbe-0b6a-4d31-9f33-3f8f0f8a6a10": h.uuidOf(ann),
	}}
	said.all(func(o operation) bool { return !slices.Contains(o.Tags, "SecurID") })

	h.stopLDAP()
	at := slices.IndexFunc(said.operations, func(o operation) bool { return o.OperationID == "ready" })
	ready := said.operations[at]
	r, err := http.NewRequest(ready.method, h.url+ready.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := said.answers(ready, r); status != 503 {
		t.Errorf("ready without an LDAP server: %d", status)
	}
}

// SecurID's calls are a conversation of their own, of an API key.
func TestOpenAPIExamplesOfSecurID(t *testing.T) {
	d := newDesk(t)
	user, annID := "dn:"+ann, d.uuidOf(ann)
	admin := directory.Requester{DN: ada, How: directory.ByPassword}
	for _, req := range []directory.EnrolRequest{{Device: "140100080"}, {Serial: "000158364022"}, {Device: "140100081"}} {
		made, err := d.d.EnrolTOTP(t.Context(), admin, directory.Claim{AuthenticationID: &user}, req)
		if err != nil {
			t.Fatal(err)
		}
		d.activate(ann, made.Secret)
	}
	d.addMail(ann, "ann@example.com")
	_, _, list := d.send(d.token(d.super, d.claims(d.super)), "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"140100081"}`)
	third := regexp.MustCompile(`"id":"([^"]*)"`).FindStringSubmatch(list)
	if third == nil {
		t.Fatal(list)
	}
	said := documented{openAPI: d.openAPI(), house: d.house, known: map[string]string{
		"user.0": "ann", "0b7a1cbe-0b6a-4d31-9f33-3f8f0f8a6a10": annID, "5d1f6d0e-3c53-5a0e-8f10-8d6c3f6a1b22": third[1],
	}}
	said.authorize = func(r *http.Request) {
		d.clock.Add(1) // a call a second is never too many
		r.Header.Set("Authorization", "Bearer "+d.token(d.super, d.claims(d.super)))
	}
	said.all(func(o operation) bool { return slices.Contains(o.Tags, "SecurID") })
}

// all sends the examples of those operations.
func (d *documented) all(of func(operation) bool) {
	for _, o := range d.operations {
		if !of(o) {
			continue
		}
		examples := openapi3.Examples{"": nil}
		if o.body() != nil && len(o.body().Examples) > 0 {
			examples = o.body().Examples
		}
		for name, e := range orderedExamples(examples) {
			d.do(o, name, e)
		}
	}
}

// orderedExamples are examples by name: each operation's are independent of one
// another, but for those of changePassword, where "new" comes before what
// follows it.
func orderedExamples(examples openapi3.Examples) func(func(string, any) bool) {
	names := make([]string, 0, len(examples))
	for name := range examples {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(b, a) })
	return func(yield func(string, any) bool) {
		for _, name := range names {
			var value any
			if e := examples[name]; e != nil {
				value = e.Value.Value
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

// documented is the conversation so far.
type documented struct {
	openAPI
	*house
	known     map[string]string   // what stands in the document, and what it is here
	authorize func(*http.Request) // nil: as the administrator
}

// What an answer brings that later examples have.
const (
	sampleSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	sampleTOTP   = "JBSWY3DPEHPK3PXPAAAAAAAAAA"
	sampleCode   = "123456"
)

// here is a text of the document with what it is here.
func (d *documented) here(s string) string {
	if secret := d.known[sampleSecret]; secret != "" && strings.Contains(s, sampleCode) {
		d.step()
		s = strings.ReplaceAll(s, sampleCode, d.code(secret))
	}
	for sample, real := range d.known {
		s = strings.ReplaceAll(s, sample, real)
	}
	return s
}

// do sends an example (nil: without a body) and looks at the answer.
func (d *documented) do(o operation, name string, body any) {
	what := o.name() + " " + name
	path, query := o.path, url.Values{}
	for _, p := range o.parameters() {
		example, there := p.Value.Example, p.Value.Example != nil
		switch {
		case p.Value.In == "path" && !there:
			d.t.Errorf("%s: no example of %s", what, p.Value.Name)
		case p.Value.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", url.PathEscape(d.here(fmt.Sprint(example))))
		case there:
			query.Set(p.Value.Name, d.here(fmt.Sprint(example)))
		}
	}
	var text []byte
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			d.t.Fatal(err)
		}
		text = []byte(d.here(string(b)))
	}
	r, err := http.NewRequest(o.method, d.url, bytes.NewReader(text))
	if err != nil {
		d.t.Fatal(err)
	}
	r.URL.Opaque, r.URL.RawQuery = path, query.Encode()
	if text != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	switch {
	case d.authorize != nil:
		d.authorize(r)
	case !o.anonymous():
		as(ada, password)(r)
	}
	status, answer := d.answers(o, r)
	if status > 299 {
		d.t.Errorf("%s: %d %v", what, status, answer)
		return
	}
	if answered := o.Responses.Status(status); answered != nil {
		for _, content := range answered.Value.Content {
			like(d.t, what, content.Example, answer)
		}
	}
	found, _ := answer.(map[string]any)
	for sample, names := range map[string][]string{sampleSecret: {"totpSharedSecret", "secret"}, sampleTOTP: {"totpId"}} {
		for _, name := range names {
			if s, ok := found[name].(string); ok {
				d.known[sample] = s
			}
		}
	}
}

// answers sends a request and returns what came back, which must be as the
// operation says.
func (d *documented) answers(o operation, r *http.Request) (status int, body any) {
	return d.openAPI.answers(d.t, o, r)
}

func (d openAPI) answers(t rapid.TB, o operation, r *http.Request) (status int, body any) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", o.name(), err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", o.name(), err)
	}
	answered := o.Responses.Status(resp.StatusCode)
	if answered == nil {
		answered = o.Responses.Default()
		if resp.StatusCode < 300 {
			t.Errorf("%s: %d is not described", o.name(), resp.StatusCode)
		}
	}
	if len(answered.Value.Content) == 0 {
		if len(text) > 0 {
			t.Errorf("%s: %d has a body: %s", o.name(), resp.StatusCode, text)
		}
		return resp.StatusCode, nil
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	content := answered.Value.Content[mediaType]
	if content == nil || mediaType != "text/plain" && mediaType != resp.Header.Get("Content-Type") {
		t.Errorf("%s: %d is %s: %s", o.name(), resp.StatusCode, resp.Header.Get("Content-Type"), text)
		return resp.StatusCode, nil
	}
	if mediaType == "text/plain" {
		body = string(text)
	} else if err := json.Unmarshal(text, &body); err != nil {
		t.Errorf("%s: %v in %s", o.name(), err, text)
		return resp.StatusCode, nil
	}
	if err := d.ValidateSchemaJSON(content.Schema.Value, body); err != nil {
		t.Errorf("%s: %d is not as described: %v", o.name(), resp.StatusCode, err)
	}
	return resp.StatusCode, body
}

// like reports what an example has and an answer has not: members, and types.
func like(t testing.TB, what string, example, answer any) {
	switch e := example.(type) {
	case map[string]any:
		a, ok := answer.(map[string]any)
		if !ok {
			t.Errorf("%s: %v, where the example has an object", what, answer)
			return
		}
		for name, value := range e {
			if _, there := a[name]; !there {
				t.Errorf("%s: no %s, which the example has, in %v", what, name, answer)
				continue
			}
			like(t, what+" "+name, value, a[name])
		}
	case []any:
		a, ok := answer.([]any)
		if !ok || len(a) == 0 && len(e) > 0 {
			t.Errorf("%s: %v, where the example has an array", what, answer)
		} else if len(e) > 0 {
			like(t, what, e[0], a[0])
		}
	case nil:
	default:
		if lines, ok := example.(string); ok && strings.HasSuffix(lines, "\n") { // a text: each line, up to the figure in it
			for line := range strings.Lines(lines) {
				if name := strings.TrimRight(line, " 0123456789\n"); !strings.Contains(fmt.Sprint(answer), name) {
					t.Errorf("%s: no %s", what, name)
				}
			}
		}
		if fmt.Sprintf("%T", example) != fmt.Sprintf("%T", answer) {
			t.Errorf("%s: %v, where the example has %v", what, answer, example)
		}
	}
}
