package directory

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of a filter in string form.
const (
	maxFilterLength = 64 << 10 // octets
	maxFilterDepth  = 64       // filters within filters
)

// ParseFilter parses the string form of a filter (RFC 4515; (&) and (|) from
// RFC 4526). A filter without parentheses around it is taken too, as most
// tools do. It fails with protocolError and a message that says where and why.
func ParseFilter(text string) (Filter, error) {
	p := filterParser{text: text}
	if len(text) > maxFilterLength {
		return Filter{}, p.fail("the filter is longer than %d octets", maxFilterLength)
	}
	if !strings.HasPrefix(text, "(") {
		p.text = "(" + text + ")"
	}
	f, err := p.filter(0)
	if err == nil && p.pos != len(p.text) {
		err = p.fail("text behind the filter")
	}
	if err != nil {
		return Filter{}, err
	}
	return f, nil
}

type filterParser struct {
	text string
	pos  int
}

func (p *filterParser) fail(format string, args ...any) error {
	e := Errorf(ProtocolError, format, args...)
	e.DiagnosticMessage = "filter, at offset " + strconv.Itoa(p.pos) + ": " + e.DiagnosticMessage
	return e
}

// next is the next octet, 0 at the end.
func (p *filterParser) next() byte {
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// filter reads one filter in parentheses.
func (p *filterParser) filter(depth int) (f Filter, err error) {
	if depth == maxFilterDepth {
		return f, p.fail("nested too deep")
	}
	if p.next() != '(' {
		return f, p.fail("expected an opening parenthesis")
	}
	p.pos++
	switch p.next() {
	case '&':
		f.Kind = FilterAnd
		err = p.list(&f, depth)
	case '|':
		f.Kind = FilterOr
		err = p.list(&f, depth)
	case '!':
		f.Kind = FilterNot
		if err = p.list(&f, depth); err == nil && len(f.Filters) != 1 {
			err = p.fail("expected one filter behind the exclamation mark")
		}
	default:
		err = p.item(&f)
	}
	if err != nil {
		return f, err
	}
	if p.next() != ')' {
		return f, p.fail("expected a closing parenthesis")
	}
	p.pos++
	return f, nil
}

func (p *filterParser) list(f *Filter, depth int) error {
	for p.pos++; p.next() == '('; {
		part, err := p.filter(depth + 1)
		if err != nil {
			return err
		}
		f.Filters = append(f.Filters, part)
	}
	return nil
}

// item reads an attribute description, an operator and a value.
func (p *filterParser) item(f *Filter) error {
	start := p.pos
	for isDescription(p.next()) {
		p.pos++
	}
	f.Attribute = p.text[start:p.pos]
	if f.Attribute == "" && p.next() != ':' {
		return p.fail("expected an attribute description")
	}
	kind := FilterEqualityMatch
	switch p.next() {
	case '=':
		p.pos++
		return p.equality(f)
	case ':':
		return p.extensible(f)
	case '~':
		kind = FilterApproxMatch
	case '>':
		kind = FilterGreaterOrEqual
	case '<':
		kind = FilterLessOrEqual
	default:
		return p.fail("expected =, ~=, >=, <= or := behind the attribute description")
	}
	f.Kind = kind
	p.pos++
	if p.next() != '=' {
		return p.fail("expected an equals sign")
	}
	p.pos++
	var err error
	f.Value, err = p.value()
	return err
}

// isDescription reports whether c may stand in an attribute description.
func isDescription(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._;", c) >= 0 && c != 0
}

// equality reads what stands behind the equals sign: a value, an asterisk for
// presence, or substrings.
func (p *filterParser) equality(f *Filter) error {
	first, err := p.value()
	if err != nil {
		return err
	}
	if p.next() != '*' {
		f.Kind, f.Value = FilterEqualityMatch, first
		return nil
	}
	f.Kind = FilterSubstrings
	if len(first) > 0 {
		f.Initial = first
	}
	for p.next() == '*' {
		p.pos++
		part, err := p.value()
		switch {
		case err != nil:
			return err
		case p.next() != '*':
			if len(part) > 0 {
				f.Final = part
			}
		case len(part) == 0:
			return p.fail("two asterisks with nothing between them")
		default:
			f.Any = append(f.Any, part)
		}
	}
	if f.Initial == nil && f.Any == nil && f.Final == nil {
		f.Kind = FilterPresent
	}
	return nil
}

// extensible reads [:dn][:rule]:=value.
func (p *filterParser) extensible(f *Filter) error {
	f.Kind = FilterExtensibleMatch
	for p.next() == ':' {
		p.pos++
		if p.next() == '=' {
			p.pos++
			if f.Attribute == "" && f.MatchingRule == "" {
				return p.fail("expected an attribute description or a matching rule in front of :=")
			}
			var err error
			f.Value, err = p.value()
			return err
		}
		start := p.pos
		for isDescription(p.next()) {
			p.pos++
		}
		switch word := p.text[start:p.pos]; {
		case word == "" || f.MatchingRule != "":
			return p.fail("expected := in front of the value")
		case strings.EqualFold(word, "dn") && !f.DNAttributes:
			f.DNAttributes = true
		default:
			f.MatchingRule = word
		}
	}
	return p.fail("expected := in front of the value")
}

// value reads an assertion value up to a parenthesis or an asterisk. The
// result is not nil.
func (p *filterParser) value() ([]byte, error) {
	value := []byte{}
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ')', '*':
			return value, nil
		case '(', 0:
			return nil, p.fail("this character must be escaped in a value")
		case '\\':
			if p.pos+3 > len(p.text) {
				return nil, p.fail("expected two hexadecimal digits behind the backslash")
			}
			var err error
			if value, err = hex.AppendDecode(value, []byte(p.text[p.pos+1:p.pos+3])); err != nil {
				return nil, p.fail("expected two hexadecimal digits behind the backslash")
			}
			p.pos += 3
		default:
			value = append(value, c)
			p.pos++
		}
	}
	return value, nil
}

// String is the filter as RFC 4515 writes it. Values are in it: do not log
// filters on secrets.
func (f *Filter) String() string { return string(f.append(nil)) }

func (f *Filter) append(b []byte) []byte {
	b = append(b, '(')
	switch f.Kind {
	case FilterAnd, FilterOr, FilterNot:
		b = append(b, "&|!"[f.Kind])
		for i := range f.Filters {
			b = f.Filters[i].append(b)
		}
	case FilterExtensibleMatch:
		b = append(b, f.Attribute...)
		if f.DNAttributes {
			b = append(b, ":dn"...)
		}
		if f.MatchingRule != "" {
			b = append(append(b, ':'), f.MatchingRule...)
		}
		b = appendFilterValue(append(b, ":="...), f.Value)
	case FilterPresent:
		b = append(append(b, f.Attribute...), "=*"...)
	case FilterSubstrings:
		b = append(append(b, f.Attribute...), '=')
		b = append(appendFilterValue(b, f.Initial), '*')
		for _, v := range f.Any {
			b = append(appendFilterValue(b, v), '*')
		}
		b = appendFilterValue(b, f.Final)
	default:
		operator := map[FilterKind]string{FilterGreaterOrEqual: ">=", FilterLessOrEqual: "<=", FilterApproxMatch: "~="}[f.Kind]
		if operator == "" {
			operator = "="
		}
		b = appendFilterValue(append(append(b, f.Attribute...), operator...), f.Value)
	}
	return append(b, ')')
}

// appendFilterValue appends a value with the escapes of RFC 4515, section 3;
// control characters and octets that are not UTF-8 are escaped too.
func appendFilterValue(b, value []byte) []byte {
	for len(value) > 0 {
		r, n := utf8.DecodeRune(value)
		if r == utf8.RuneError && n == 1 || r < ' ' || r == 0x7f || strings.ContainsRune(`*()\`, r) {
			b = append(b, '\\')
			b = hex.AppendEncode(b, value[:1])
		} else {
			b = append(b, value[:n]...)
		}
		value = value[n:]
	}
	return b
}
