package main

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A problem is one thing wrong with the configuration.
type problem struct {
	where string // file:line, or the flag
	what  string
}

func (p problem) String() string { return p.where + ": " + p.what }

func sortProblems(list []problem) {
	slices.SortFunc(list, func(a, b problem) int { return strings.Compare(a.where, b.where) })
}

// maxBrackets bounds the nesting: the parser's time grows with its square.
const maxBrackets = 1000

// applyYAML sets in c what text says and returns everything wrong with it.
// name is the file's, for messages.
func applyYAML(c *config, name string, text []byte) []problem {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // the byte order mark of some editors
	if !utf8.Valid(text) {
		return []problem{{name, "is not UTF-8"}}
	}
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxBrackets {
		return []problem{{name, fmt.Sprintf("has more than %d opening brackets", maxBrackets)}}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		if e := (yaml.Error)(nil); errors.As(err, &e) && e.GetToken() != nil {
			return []problem{{fmt.Sprintf("%s:%d", name, e.GetToken().Position.Line), e.GetMessage()}}
		}
		return []problem{{name, err.Error()}}
	}
	w := configWalker{name: name}
	for i, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			w.problem(doc.Body, "a second document in the file")
		default:
			w.mapping(doc.Body, reflect.ValueOf(c).Elem(), "")
		}
	}
	return w.problems
}

// applySetting sets one key, written with dots, to a value in YAML.
func applySetting(c *config, key, value, where string) []problem {
	parts := strings.Split(key, ".")
	var text strings.Builder
	for i, part := range parts {
		fmt.Fprintf(&text, "%s%s:", strings.Repeat("  ", i), part)
		if i < len(parts)-1 {
			text.WriteByte('\n')
		}
	}
	text.WriteString(" " + value + "\n")
	problems := applyYAML(c, where, []byte(text.String()))
	for i := range problems {
		problems[i].where = where
	}
	return problems
}

// configWalker compares a parsed file with the struct it is meant for, so
// that all that is wrong is found, not only the first thing.
type configWalker struct {
	name     string
	problems []problem
}

func (w *configWalker) problem(at ast.Node, format string, args ...any) {
	where := w.name
	if t := at.GetToken(); t != nil && t.Position != nil {
		where = fmt.Sprintf("%s:%d", w.name, t.Position.Line)
	}
	w.problems = append(w.problems, problem{where, fmt.Sprintf(format, args...)})
}

// mapping sets the fields of a struct from a YAML mapping. path is the key of
// the mapping, with dots.
func (w *configWalker) mapping(node ast.Node, to reflect.Value, path string) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.NullNode: // a section with all its keys commented out
		return
	default:
		w.problem(node, "%s has keys of its own, not a value", orTop(path))
		return
	}
	for _, v := range values {
		key := v.Key.String()
		field, ok := fieldNamed(to, key)
		if !ok {
			w.problem(v.Key, "unknown key %s%s", join(path, key), suggestion(to, path, key))
			continue
		}
		if field.Kind() == reflect.Struct {
			w.mapping(v.Value, field, join(path, key))
			continue
		}
		w.leaf(v.Value, field, join(path, key))
	}
}

func (w *configWalker) leaf(node ast.Node, to reflect.Value, path string) {
	if err := yaml.NodeToValue(node, to.Addr().Interface()); err != nil {
		what := err.Error()
		if e := (yaml.Error)(nil); errors.As(err, &e) {
			what = e.GetMessage()
		}
		w.problem(node, "%s: %s", path, what)
	}
}

func orTop(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldNamed returns the field of a struct whose YAML key is key.
func fieldNamed(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if tag := v.Type().Field(i).Tag.Get("yaml"); tag != "" && tag == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// keysOf lists the keys of a configuration struct, with dots.
func keysOf(t reflect.Type, path string) []string {
	var keys []string
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == "" {
			continue // not from the file
		}
		key := join(path, t.Field(i).Tag.Get("yaml"))
		if t.Field(i).Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(t.Field(i).Type, key)...)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

// suggestion names the key that was probably meant: a sibling spelled nearly
// like it, or the key of that name in another section.
func suggestion(v reflect.Value, path, key string) string {
	best, distance := "", 2+len(key)/3
	consider := func(candidate, spelled string) {
		if d := editDistance(strings.ToLower(key), strings.ToLower(spelled)); d < distance {
			best, distance = candidate, d
		}
	}
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "" {
			consider(join(path, name), name)
		}
	}
	for _, k := range keysOf(reflect.TypeFor[config](), "") {
		consider(k, k[strings.LastIndexByte(k, '.')+1:])
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// editDistance is the number of letters to insert, delete or exchange.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
