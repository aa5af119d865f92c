// Package strictjson reads JSON texts (RFC 8259) for callers who would rather
// refuse than guess: a repeated member, an octet that is not UTF-8, half a
// surrogate pair or anything behind the value is an error, and every error
// names its place. The readers of requests that carry passwords use it, because
// two readers that guess differently about one text are a way around a check.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the kind of a Value.
type Kind int

// The kinds of RFC 8259, section 3; true and false are one.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String is the kind in words that fit behind "not": "a number".
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Value is one value of a text.
type Value struct {
	Kind     Kind
	Bool     bool     // Kind is Bool
	Text     string   // String: its characters; Number: as written
	Elements []Value  // Array
	Members  []Member // Object: in the order given, names unique

	at int // offset of its first octet
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Value

	at int // offset of its name
}

// Document is a text that has been read. Errors about its shape are made by
// At, so that they name a place too.
type Document struct {
	Root Value
	text []byte
}

// Error is what is wrong with a text and where.
type Error struct {
	Line, Column int    // from 1; columns count octets
	Path         string // names and indexes from the root: _controls[0].oid; "" is the root
	Reason       string // never quotes a value, which may be a secret
}

func (e *Error) Error() string {
	place := fmt.Sprintf("line %d, column %d", e.Line, e.Column)
	if e.Path != "" {
		place += ", " + e.Path
	}
	return place + ": " + e.Reason
}

// Parse reads text, in which arrays and objects may be nested maxDepth deep
// (0: the root must be a scalar). Errors are *Error.
func Parse(text []byte, maxDepth int) (*Document, error) {
	d := &Document{text: text}
	if i := invalidUTF8(text); i >= 0 {
		return nil, d.errorAt(i, "", "octets that are not UTF-8")
	}
	// The grammar first; what follows can rely on it.
	if !json.Valid(text) {
		return nil, d.syntaxError()
	}
	p := parser{Document: d, maxDepth: maxDepth}
	root, err := p.value("", 0)
	if err != nil {
		return nil, err
	}
	d.Root = root
	return d, nil
}

// syntaxError is what is wrong with the grammar of d, and where.
func (d *Document) syntaxError() *Error {
	var raw json.RawMessage
	err := json.Unmarshal(d.text, &raw)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return d.errorAt(0, "", "not JSON")
	}
	// The reason without the character that encoding/json quotes: it may
	// be a piece of a password.
	if syntax.Error() == "unexpected end of JSON input" {
		return d.errorAt(len(d.text), "", "unexpected end")
	}
	return d.errorAt(int(syntax.Offset)-1, "", "not JSON")
}

// At is an error about v, which is part of d and found under path.
func (d *Document) At(v Value, path, format string, args ...any) *Error {
	return d.errorAt(v.at, path, fmt.Sprintf(format, args...))
}

// AtMember is an error about the name of m, a member of the object under path.
func (d *Document) AtMember(m Member, path, format string, args ...any) *Error {
	return d.errorAt(m.at, path, fmt.Sprintf(format, args...))
}

func (d *Document) errorAt(offset int, path, reason string) *Error {
	offset = max(0, min(offset, len(d.text)))
	before := d.text[:offset]
	return &Error{
		Line:   bytes.Count(before, []byte("\n")) + 1,
		Column: offset - bytes.LastIndexByte(before, '\n'),
		Path:   path,
		Reason: reason,
	}
}

// invalidUTF8 is the offset of the first octet that is not UTF-8, -1 if all are.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// parser walks a text whose grammar is known to be right.
type parser struct {
	*Document
	at       int // the next octet to look at
	maxDepth int
}

// peek is the first octet of what comes next, which p.at is at then: a value, a
// name, or a closing bracket.
func (p *parser) peek() byte {
	for {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			p.at++
		default:
			return c
		}
	}
}

func (p *parser) value(path string, depth int) (v Value, err error) {
	c := p.peek()
	v.at = p.at
	switch c {
	case '"':
		v.Kind = String
		v.Text, err = p.string(path)
	case '[', '{':
		if depth == p.maxDepth {
			return Value{}, p.errorAt(v.at, path, "nested too deeply")
		}
		if p.at++; c == '[' {
			v.Kind = Array
			v.Elements, err = p.elements(path, depth+1)
		} else {
			v.Kind = Object
			v.Members, err = p.members(path, depth+1)
		}
		p.at++ // the closing bracket
	case 't', 'f':
		v.Kind, v.Bool = Bool, c == 't'
		p.at += len("true")
		if !v.Bool {
			p.at++
		}
	case 'n':
		p.at += len("null")
	default:
		v.Kind = Number
		for p.at < len(p.text) && strings.IndexByte("+-.0123456789eE", p.text[p.at]) >= 0 {
			p.at++
		}
		v.Text = string(p.text[v.at:p.at])
	}
	return v, err
}

// string reads the string that begins at p.at.
func (p *parser) string(path string) (s string, err error) {
	start, escapes := p.at, false
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			escapes = true
			p.at++
		}
	}
	p.at++
	literal := p.text[start:p.at]
	if !escapes {
		return string(literal[1 : len(literal)-1]), nil
	}
	if loneSurrogate(literal) {
		return "", p.errorAt(start, path, "an escape that is half a surrogate pair")
	}
	if err := json.Unmarshal(literal, &s); err != nil {
		return "", p.errorAt(start, path, "not JSON")
	}
	return s, nil
}

func (p *parser) elements(path string, depth int) (elements []Value, err error) {
	for p.peek() != ']' {
		e, err := p.value(path+"["+strconv.Itoa(len(elements))+"]", depth)
		if err != nil {
			return nil, err
		}
		elements = append(elements, e)
	}
	return elements, nil
}

func (p *parser) members(path string, depth int) (members []Member, err error) {
	seen := make(map[string]bool)
	for p.peek() != '}' {
		m := Member{at: p.at}
		if m.Name, err = p.string(path); err != nil {
			return nil, err
		}
		if seen[m.Name] {
			return nil, p.errorAt(m.at, path, fmt.Sprintf("member %q given twice", clip(m.Name)))
		}
		seen[m.Name] = true
		if m.Value, err = p.value(Join(path, m.Name), depth); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

// Join is the path of the member called name of the object under path.
func Join(path, name string) string {
	if path == "" {
		return clip(name)
	}
	return path + "." + clip(name)
}

// clip shortens a member's name for an error message.
func clip(name string) string {
	const longest = 64
	if len(name) <= longest {
		return name
	}
	end := longest
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "…"
}

// loneSurrogate reports whether a string literal has a \u escape that is half
// of a surrogate pair (RFC 8259, section 8.2): encoding/json replaces it, so
// two different texts would mean one password.
func loneSurrogate(literal []byte) bool {
	for i := 0; i+1 < len(literal); i++ {
		if literal[i] != '\\' {
			continue
		}
		i++
		if literal[i] != 'u' {
			continue
		}
		u := unicodeEscape(literal[i-1:])
		i += 4
		switch {
		case u >= 0xdc00 && u <= 0xdfff:
			return true
		case u >= 0xd800 && u <= 0xdbff:
			low := unicodeEscape(literal[min(i+1, len(literal)):])
			if low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 6
		}
	}
	return false
}

// unicodeEscape is the value of the \uXXXX at the start of b, -1 if there is none.
func unicodeEscape(b []byte) int {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// MarshalJSON writes v with the members in their order.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(nil, v.Bool), nil
	case Number:
		return []byte(v.Text), nil
	case String:
		return json.Marshal(v.Text)
	case Array:
		if v.Elements == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(v.Elements)
	case Object:
		b := []byte{'{'}
		for i, m := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			name, err := json.Marshal(m.Name)
			if err != nil {
				return nil, err
			}
			value, err := m.Value.MarshalJSON()
			if err != nil {
				return nil, err
			}
			b = append(append(append(b, name...), ':'), value...)
		}
		return append(b, '}'), nil
	}
	return []byte("null"), nil
}
