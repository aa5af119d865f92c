package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed docs.html
var docsText string

//go:embed style.css
var style []byte

var docs = template.Must(template.New("docs").Funcs(template.FuncMap{"paragraphs": paragraphs, "anchor": anchor}).Parse(docsText))

// page is the document as docs.html shows it.
type page struct {
	Title, Summary, Description string
	Chapters                    []chapter
	Schemas                     []schema
}

// chapter is a tag with its operations.
type chapter struct {
	Name, Description string
	Operations        []operation
}

type operation struct {
	ID, Method, Path, Summary, Description string
	Anonymous                              bool // no Authorization header is needed
	Parameters                             []field
	Body                                   []field
	Examples                               []example
	Responses                              []response
}

// field is a parameter, or a member of an object.
type field struct {
	Name, In, Description string
	Type                  string
	Schema                string // the schema that the type is; "": none with a name
	Required              bool
}

type example struct{ Name, Text string }

type response struct {
	Status, Description string
	Body                []field
	Schema              string // as in field
	Example             string
}

type schema struct {
	Name, Description, Type string
	Fields                  []field
}

// methods are those of a path that are operations.
var methods = []string{"get", "post", "put", "patch", "delete"}

// render makes the page.
func render(doc yaml.MapSlice) ([]byte, error) {
	d := document{doc}
	p := page{Title: text(doc, "info", "title"), Summary: text(doc, "info", "summary"), Description: text(doc, "info", "description")}
	for _, tag := range list(get(doc, "tags")) {
		p.Chapters = append(p.Chapters, chapter{Name: text(tag, "name"), Description: text(tag, "description")})
	}
	for _, path := range mapping(get(doc, "paths")) {
		for _, item := range mapping(path.Value) {
			method := fmt.Sprint(item.Key)
			if !slices.Contains(methods, method) {
				continue
			}
			op := d.operation(item.Value, list(get(path.Value, "parameters")))
			op.Method, op.Path = strings.ToUpper(method), fmt.Sprint(path.Key)
			i := slices.IndexFunc(p.Chapters, func(c chapter) bool { return c.Name == list(get(item.Value, "tags"))[0] })
			p.Chapters[i].Operations = append(p.Chapters[i].Operations, op)
		}
	}
	for _, s := range mapping(get(doc, "components", "schemas")) {
		kind, _ := d.kind(s.Value)
		p.Schemas = append(p.Schemas, schema{fmt.Sprint(s.Key), text(s.Value, "description"), kind, d.fields(s.Value, "")})
	}
	var b bytes.Buffer
	err := docs.Execute(&b, p)
	return b.Bytes(), err
}

// document follows references.
type document struct{ root yaml.MapSlice }

const schemas = "#/components/schemas/"

// at is v, or what v refers to.
func (d document) at(v any) any {
	ref, ok := strings.CutPrefix(text(v, "$ref"), "#/")
	if !ok {
		return v
	}
	return d.at(get(d.root, strings.Split(ref, "/")...))
}

func (d document) operation(v any, shared []any) operation {
	op := operation{ID: text(v, "operationId"), Summary: text(v, "summary"), Description: text(v, "description")}
	security := list(get(v, "security"))
	op.Anonymous = len(security) > 0 && len(mapping(security[0])) == 0
	for _, p := range append(slices.Clone(shared), list(get(v, "parameters"))...) {
		p = d.at(p)
		f := d.field(text(p, "name"), get(p, "schema"))
		f.In, f.Description = text(p, "in"), text(p, "description")
		f.Required = get(p, "required") == true
		op.Parameters = append(op.Parameters, f)
	}
	for _, content := range mapping(get(d.at(get(v, "requestBody")), "content")) {
		op.Body = d.body(get(content.Value, "schema"))
		for _, e := range mapping(get(content.Value, "examples")) {
			name := text(e.Value, "summary")
			op.Examples = append(op.Examples, example{name, indent(get(e.Value, "value"))})
		}
	}
	for _, r := range mapping(get(v, "responses")) {
		answer := d.at(r.Value)
		out := response{Status: fmt.Sprint(r.Key), Description: text(answer, "description")}
		for _, content := range mapping(get(answer, "content")) {
			s := get(content.Value, "schema")
			if out.Schema = nameOf(s); out.Schema == "" {
				out.Body = d.body(s)
			}
			switch e := get(content.Value, "example").(type) {
			case nil:
			case string:
				out.Example = e
			default:
				out.Example = indent(e)
			}
		}
		op.Responses = append(op.Responses, out)
	}
	return op
}

// body is the members of a body, or the body itself if it has none.
func (d document) body(s any) []field {
	if fields := d.fields(s, ""); len(fields) > 0 {
		return fields
	}
	return []field{d.field("", s)}
}

// fields are the members of an object, with those of objects in it behind a dot.
func (d document) fields(s any, prefix string) []field {
	s = d.at(s)
	var fields []field
	for _, p := range mapping(get(s, "properties")) {
		f := d.field(prefix+fmt.Sprint(p.Key), p.Value)
		f.Required = slices.Contains(list(get(s, "required")), p.Key)
		fields = append(fields, f)
		if f.Schema != "" {
			continue
		}
		inner, suffix := p.Value, "."
		if items := get(inner, "items"); items != nil {
			inner, suffix = items, "[]."
		}
		if nameOf(inner) == "" {
			fields = append(fields, d.fields(inner, f.Name+suffix)...)
		}
	}
	return fields
}

func (d document) field(name string, s any) field {
	f := field{Name: name, Description: text(s, "description")}
	f.Type, f.Schema = d.kind(s)
	return f
}

// nameOf is the name of the schema that s refers to; "": to none.
func nameOf(s any) string { name, _ := strings.CutPrefix(text(s, "$ref"), schemas); return name }

// kind is what a schema wants, in a few words, and the name of the schema if it
// has one.
func (d document) kind(s any) (kind, name string) {
	if name := nameOf(s); name != "" {
		return name, name
	}
	if c := get(s, "const"); c != nil {
		return fmt.Sprint(c), ""
	}
	if options := list(get(s, "anyOf")); options != nil {
		var kinds []string
		for _, o := range options {
			k, _ := d.kind(o)
			kinds = append(kinds, k)
		}
		return strings.Join(kinds, " or "), ""
	}
	if options := list(get(s, "enum")); options != nil {
		return join(options, " | "), ""
	}
	switch t := get(s, "type").(type) {
	case string:
		if t == "array" {
			k, name := d.kind(get(s, "items"))
			return "array of " + k, name
		}
		return t, ""
	case []any:
		return join(t, " or "), ""
	}
	return "anything", ""
}

func join(values []any, separator string) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, fmt.Sprint(v))
	}
	return strings.Join(texts, separator)
}

// indent is v in JSON for people.
func indent(v any) string {
	text, err := encode(v)
	var b bytes.Buffer
	if err != nil || json.Indent(&b, text, "", "  ") != nil {
		return "" // nothing of YAML that we write
	}
	return b.String()
}

// paragraphs are the parts of a text with empty lines between them.
func paragraphs(s string) []string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return strings.Split(s, "\n\n")
}

// anchor is a name as it can stand behind a #.
func anchor(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }), "-")
}
