package schema

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"tallystick/internal/ber"
)

// The limits of a name.
const (
	maxDNLength = 32 << 10 // octets of its string form, and of its norm
	maxRDNs     = 256      // RDNs, and attributes in one of them
	maxNesting  = 4        // names within the values of names
)

// ParseDN parses the string form of a distinguished name (RFC 4514, section
// 3). It also takes what older standards allowed: spaces around separators,
// values in quotes, types with the prefix OID. (RFC 2253, section 4). Errors
// are *SyntaxError and say where and why.
func (s *Schema) ParseDN(text string) (DN, error) { return s.parseDN(text, 0) }

// parseDN is ParseDN for a name within depth others.
func (s *Schema) parseDN(text string, depth int) (DN, error) {
	if depth > maxNesting {
		return DN{}, &SyntaxError{0, "names are nested too deep in values"}
	}
	if len(text) > maxDNLength {
		return DN{}, &SyntaxError{maxDNLength, "the name is too long"}
	}
	p := dnParser{schema: s, depth: depth, text: text, values: make([]byte, 0, len(text))}
	p.spaces()
	if p.pos == len(text) {
		return DN{}, nil
	}
	rdns := min(1+strings.Count(text, ","), maxRDNs)
	d := DN{rdns: make([]RDN, 0, rdns)}
	p.avas = make([]AVA, 0, rdns)
	norm := make([]byte, 0, len(text)+16)
	ends := make([]int, 0, 16) // of each RDN in norm
	for {
		if len(d.rdns) == maxRDNs {
			return DN{}, &SyntaxError{p.pos, "the name has too many RDNs"}
		}
		var rdn RDN
		var err error
		if rdn, norm, err = p.rdn(norm); err != nil {
			return DN{}, err
		}
		if len(norm) > maxDNLength { // compatibility mappings make some characters long
			return DN{}, &SyntaxError{p.pos, "the name is too long when normalised"}
		}
		d.rdns = append(d.rdns, rdn)
		ends = append(ends, len(norm))
		if p.pos == len(text) {
			break
		}
		p.pos++ // the comma at which rdn stopped
		norm = append(norm, ',')
	}
	d.norm = string(norm)
	start := 0
	for i, end := range ends {
		d.rdns[i].norm = d.norm[start:end]
		start = end + 1
	}
	return d, nil
}

// ParseRDN parses the string form of a relative distinguished name, as ParseDN
// does.
func (s *Schema) ParseRDN(text string) (RDN, error) {
	d, err := s.ParseDN(text)
	switch {
	case err != nil:
		return RDN{}, err
	case d.Len() == 0:
		return RDN{}, &SyntaxError{0, "the RDN is empty"}
	case d.Len() > 1:
		return RDN{}, &SyntaxError{0, "more than one RDN"}
	}
	return d.rdns[0], nil
}

// dnParser reads a name from left to right.
type dnParser struct {
	schema *Schema
	depth  int // names around this one
	text   string
	pos    int
	values []byte // memory for the values; as large as text, which they never outgrow
	avas   []AVA  // memory for the RDNs
}

func (p *dnParser) fail(msg string) error { return &SyntaxError{p.pos, msg} }

func (p *dnParser) spaces() {
	for p.pos < len(p.text) && p.text[p.pos] == ' ' {
		p.pos++
	}
}

// next is the next octet, 0 at the end.
func (p *dnParser) next() byte {
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// rdn reads an RDN up to the comma behind it or the end, and appends its norm.
func (p *dnParser) rdn(norm []byte) (RDN, []byte, error) {
	start, first := p.pos, len(p.avas)
	for {
		if len(p.avas)-first == maxRDNs {
			return RDN{}, nil, p.fail("the RDN has too many attributes")
		}
		typ, err := p.attributeType()
		if err != nil {
			return RDN{}, nil, err
		}
		value, err := p.value()
		if err != nil {
			return RDN{}, nil, err
		}
		p.avas = append(p.avas, AVA{typ, value})
		p.spaces()
		switch p.next() {
		case '+':
			p.pos++
			continue
		case ',':
		default:
			if p.pos < len(p.text) {
				return RDN{}, nil, p.fail("expected a comma or a plus sign behind the value")
			}
		}
		avas := p.avas[first:len(p.avas):len(p.avas)]
		norm, err = p.schema.appendNorm(norm, avas, p.depth)
		if err != nil {
			return RDN{}, nil, &SyntaxError{start, err.Error()}
		}
		return RDN{avas: avas}, norm, nil
	}
}

// attributeType reads a type and the equals sign behind it.
func (p *dnParser) attributeType() (string, error) {
	p.spaces()
	if len(p.text)-p.pos > 4 && strings.EqualFold(p.text[p.pos:p.pos+4], "OID.") {
		p.pos += 4
	}
	start := p.pos
	for isDescrChar(p.next()) || p.next() == '.' {
		p.pos++
	}
	typ := p.text[start:p.pos]
	if typ == "" {
		if p.pos == len(p.text) {
			return "", p.fail("the name ends where an attribute type is expected")
		}
		return "", p.fail("expected an attribute type")
	}
	if c := typ[0]; '0' <= c && c <= '9' && !numericOIDPattern.MatchString(typ) || strings.Contains(typ, ".") && (c < '0' || c > '9') || c == '-' {
		return "", &SyntaxError{start, "malformed attribute type"}
	}
	p.spaces()
	if p.next() != '=' {
		return "", p.fail("expected an equals sign behind the attribute type")
	}
	p.pos++
	return typ, nil
}

// value reads a value in any of its forms, up to what follows it.
func (p *dnParser) value() ([]byte, error) {
	p.spaces()
	switch p.next() {
	case '#':
		return p.hexValue()
	case '"':
		return p.quotedValue()
	}
	start := len(p.values)
	end := start // behind the last octet that is no unescaped space
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ',', '+':
			return p.values[start:end:end], nil
		case ';', '<', '>', '"', 0:
			return nil, p.fail("this character must be escaped in a value")
		case '\\':
			if err := p.escape(); err != nil {
				return nil, err
			}
			end = len(p.values)
		default:
			p.pos++
			p.values = append(p.values, c)
			if c != ' ' {
				end = len(p.values)
			}
		}
	}
	return p.values[start:end:end], nil
}

// escape reads a backslash with the special character or the two hexadecimal
// digits behind it.
func (p *dnParser) escape() error {
	if p.pos+1 == len(p.text) {
		return p.fail("nothing behind the backslash")
	}
	c := p.text[p.pos+1]
	if strings.IndexByte(` "#+,;<=>\`, c) >= 0 {
		p.values = append(p.values, c)
		p.pos += 2
		return nil
	}
	if p.pos+3 <= len(p.text) {
		if b, err := hex.AppendDecode(p.values, []byte(p.text[p.pos+1:p.pos+3])); err == nil {
			p.values = b
			p.pos += 3
			return nil
		}
	}
	return p.fail("expected a special character or two hexadecimal digits behind the backslash")
}

// quotedValue reads a value in quotes (RFC 2253, section 4).
func (p *dnParser) quotedValue() ([]byte, error) {
	open := p.pos
	p.pos++
	start := len(p.values)
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			return p.values[start:len(p.values):len(p.values)], nil
		case '\\':
			if err := p.escape(); err != nil {
				return nil, err
			}
		default:
			p.pos++
			p.values = append(p.values, c)
		}
	}
	return nil, &SyntaxError{open, "the quotes are not closed"}
}

// hexValue reads a value given as its BER encoding in hexadecimal digits
// (RFC 4514, section 2.4), which must be a string of one octet per character
// or of UTF-8.
func (p *dnParser) hexValue() ([]byte, error) {
	at := p.pos
	p.pos++
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" ,+", p.text[p.pos]) < 0 {
		p.pos++
	}
	encoded, err := hex.DecodeString(p.text[start:p.pos])
	if err != nil {
		return nil, &SyntaxError{at, "expected an even number of hexadecimal digits behind the number sign"}
	}
	r := ber.NewReader(encoded)
	tag, contents, err := r.Next()
	if err != nil || !r.Done() {
		return nil, &SyntaxError{at, "the hexadecimal digits are not one BER element"}
	}
	switch tag {
	case ber.OctetString, 0x0c, 0x12, 0x13, 0x16, 0x1a: // UTF8, Numeric, Printable, IA5, Visible
		return contents, nil
	}
	return nil, &SyntaxError{at, "the BER element is not a string"}
}

// appendEscaped appends a value with the escapes that RFC 4514, section 2.4,
// asks for. Control characters and octets that are not UTF-8 become pairs of
// hexadecimal digits.
func appendEscaped(b, value []byte) []byte {
	for i := 0; i < len(value); {
		c := value[i]
		switch {
		case strings.IndexByte(`"+,;<>\`, c) >= 0,
			c == '#' && i == 0,
			c == ' ' && (i == 0 || i == len(value)-1):
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			_, n := utf8.DecodeRune(value[i:])
			if n == 1 {
				b = append(b, '\\', hexDigits[c>>4], hexDigits[c&15])
				break
			}
			b = append(b, value[i:i+n]...)
			i += n
			continue
		}
		i++
	}
	return b
}
