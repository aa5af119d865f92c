package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// An AttributeTypeDescription is what RFC 4512, section 4.1.2, writes down,
// before its references are resolved. Empty strings are absent parts.
type AttributeTypeDescription struct {
	OID                                         string
	Names                                       []string
	Desc                                        string
	Sup, Equality, Ordering, Substr             string // names or OIDs
	Syntax                                      string
	SyntaxLength                                int // the bound in braces; 0: none
	SingleValue, Collective, NoUserModification bool
	Obsolete                                    bool
	Usage                                       Usage
	Extensions                                  []Extension
}

// An ObjectClassDescription is RFC 4512, section 4.1.1.
type ObjectClassDescription struct {
	OID            string
	Names          []string
	Desc           string
	Obsolete       bool
	Sup, Must, May []string
	Kind           ClassKind
	Extensions     []Extension
}

// A MatchingRuleDescription is RFC 4512, section 4.1.3.
type MatchingRuleDescription struct {
	OID        string
	Names      []string
	Desc       string
	Obsolete   bool
	Syntax     string
	Extensions []Extension
}

// An LDAPSyntaxDescription is RFC 4512, section 4.1.5.
type LDAPSyntaxDescription struct {
	OID        string
	Desc       string
	Extensions []Extension
}

// substitute is the OID of the syntax whose values are those of d, as OpenLDAP
// writes it for a syntax that is not built in; "" if d names none.
func (d *LDAPSyntaxDescription) substitute() string {
	for _, x := range d.Extensions {
		if x.Name == "X-SUBST" && len(x.Values) == 1 {
			return x.Values[0]
		}
	}
	return ""
}

// An Extension is a private part of a description: X-ORIGIN 'RFC 4519'.
type Extension struct {
	Name   string
	Values []string
}

// maxDescription is the length in octets that a description may have.
const maxDescription = 64 << 10

// A SyntaxError says where a description stops making sense.
type SyntaxError struct {
	Offset int // octets from the start of the text
	Msg    string
}

func (e *SyntaxError) Error() string {
	return "at offset " + strconv.Itoa(e.Offset) + ": " + e.Msg
}

// ParseAttributeType parses an AttributeTypeDescription. Parts may come in any
// order, and names may begin with a digit or hold underscores, as other
// servers write them. Errors are *SyntaxError.
func ParseAttributeType(text string) (*AttributeTypeDescription, error) {
	d := new(AttributeTypeDescription)
	err := parse(text, &d.OID, &d.Extensions, func(p *parser, word string) (known bool) {
		switch word {
		case "NAME":
			d.Names = p.qdescrs()
		case "DESC":
			d.Desc = p.qdstring()
		case "OBSOLETE":
			d.Obsolete = true
		case "SUP":
			d.Sup = p.oid()
		case "EQUALITY":
			d.Equality = p.oid()
		case "ORDERING":
			d.Ordering = p.oid()
		case "SUBSTR":
			d.Substr = p.oid()
		case "SYNTAX":
			d.Syntax, d.SyntaxLength = p.noidlen()
		case "SINGLE-VALUE":
			d.SingleValue = true
		case "COLLECTIVE":
			d.Collective = true
		case "NO-USER-MODIFICATION":
			d.NoUserModification = true
		case "USAGE":
			p.space()
			at := p.pos
			switch u := p.word(); u {
			case "userApplications":
				d.Usage = UserApplications
			case "directoryOperation":
				d.Usage = DirectoryOperation
			case "distributedOperation":
				d.Usage = DistributedOperation
			case "dSAOperation":
				d.Usage = DSAOperation
			default:
				p.failAt(at, "unknown USAGE %q", u)
			}
		default:
			return false
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if d.Sup == "" && d.Syntax == "" {
		return nil, &SyntaxError{0, "neither SUP nor SYNTAX"}
	}
	return d, nil
}

// ParseObjectClass parses an ObjectClassDescription, as ParseAttributeType
// does. A class without a kind is structural.
func ParseObjectClass(text string) (*ObjectClassDescription, error) {
	d := new(ObjectClassDescription)
	kinds := 0
	err := parse(text, &d.OID, &d.Extensions, func(p *parser, word string) bool {
		switch word {
		case "NAME":
			d.Names = p.qdescrs()
		case "DESC":
			d.Desc = p.qdstring()
		case "OBSOLETE":
			d.Obsolete = true
		case "SUP":
			d.Sup = p.oids()
		case "MUST":
			d.Must = p.oids()
		case "MAY":
			d.May = p.oids()
		case "STRUCTURAL":
			kinds++
		case "ABSTRACT":
			d.Kind = Abstract
			kinds++
		case "AUXILIARY":
			d.Kind = Auxiliary
			kinds++
		default:
			return false
		}
		if kinds > 1 {
			p.fail("more than one kind of class")
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// ParseMatchingRule parses a MatchingRuleDescription, as ParseAttributeType
// does.
func ParseMatchingRule(text string) (*MatchingRuleDescription, error) {
	d := new(MatchingRuleDescription)
	err := parse(text, &d.OID, &d.Extensions, func(p *parser, word string) bool {
		switch word {
		case "NAME":
			d.Names = p.qdescrs()
		case "DESC":
			d.Desc = p.qdstring()
		case "OBSOLETE":
			d.Obsolete = true
		case "SYNTAX":
			d.Syntax = p.oid()
		default:
			return false
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if d.Syntax == "" {
		return nil, &SyntaxError{0, "no SYNTAX"}
	}
	return d, nil
}

// ParseLDAPSyntax parses an LDAPSyntaxDescription, as ParseAttributeType does.
func ParseLDAPSyntax(text string) (*LDAPSyntaxDescription, error) {
	d := new(LDAPSyntaxDescription)
	err := parse(text, &d.OID, &d.Extensions, func(p *parser, word string) bool {
		if word != "DESC" {
			return false
		}
		d.Desc = p.qdstring()
		return true
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// parse reads "( oid part part … )". For each part it calls take with the
// part's keyword; take reads what belongs to it, or returns false for a
// keyword it does not know.
func parse(text string, oid *string, extensions *[]Extension, take func(*parser, string) bool) error {
	p := &parser{text: text}
	if len(text) > maxDescription {
		p.failAt(maxDescription, "longer than %d octets", maxDescription)
	}
	p.expect('(')
	*oid = p.oid()
	seen := make(map[string]bool)
	for p.err == nil && !p.accept(')') {
		at := p.pos
		word := p.word()
		if p.err == nil && seen[word] {
			p.failAt(at, "%s appears twice", word)
		}
		seen[word] = true
		switch {
		case p.err != nil:
		case strings.HasPrefix(word, "X-"):
			*extensions = append(*extensions, Extension{word, p.qdstrings()})
		case !take(p, word):
			p.failAt(at, "unknown keyword %q", word)
		}
	}
	if p.space(); p.pos != len(text) {
		p.fail("text behind the closing parenthesis")
	}
	if p.err != nil {
		return p.err
	}
	return nil
}

// parser reads the tokens of a description. After the first error it stays
// where it is and everything it reads is empty.
type parser struct {
	text string
	pos  int
	err  *SyntaxError
}

func (p *parser) fail(format string, args ...any) { p.failAt(p.pos, format, args...) }

func (p *parser) failAt(offset int, format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{offset, fmt.Sprintf(format, args...)}
	}
}

// space skips white space; line breaks count, for files are folded.
func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) accept(c byte) bool {
	p.space()
	if p.err != nil || p.pos == len(p.text) || p.text[p.pos] != c {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expect(c byte) {
	if !p.accept(c) {
		p.fail("expected %q", c)
	}
}

// word reads up to white space, a quote, a parenthesis or a dollar sign.
func (p *parser) word() string {
	p.space()
	n := strings.IndexAny(p.text[p.pos:], " \t\r\n()'$")
	if n < 0 {
		n = len(p.text) - p.pos
	}
	if p.err != nil || n == 0 {
		p.fail("expected a word")
		return ""
	}
	p.pos += n
	return p.text[p.pos-n : p.pos]
}

// oid reads a descr or numericoid (RFC 4512, section 1.4).
func (p *parser) oid() string {
	p.space()
	at := p.pos
	if quoted := p.accept('\''); quoted { // as some servers write SYNTAX and SUP
		w := p.word()
		p.expect('\'')
		return p.checkOID(at, w)
	}
	return p.checkOID(at, p.word())
}

func (p *parser) checkOID(at int, w string) string {
	if p.err == nil && !isOID(w) {
		p.failAt(at, "%q is neither a name nor an object identifier", w)
	}
	return w
}

// isOID reports whether w can be a name or an OID. Names are taken as other
// servers use them: letters, digits, hyphens, underscores, dots.
func isOID(w string) bool {
	for i := 0; i < len(w); i++ {
		if !isDescrChar(w[i]) && w[i] != '.' && w[i] != ':' {
			return false
		}
	}
	return w != ""
}

func isDescrChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// oids reads one oid or a list of them: ( a $ b $ c ).
func (p *parser) oids() []string {
	if !p.accept('(') {
		return []string{p.oid()}
	}
	list := []string{p.oid()}
	for p.accept('$') {
		list = append(list, p.oid())
	}
	p.expect(')')
	return list
}

// noidlen reads an OID with an optional bound: 1.3.6…15{64}.
func (p *parser) noidlen() (oid string, bound int) {
	p.space()
	at := p.pos
	quoted := p.accept('\'')
	w := p.word()
	if quoted {
		p.expect('\'')
	}
	oid, rest, braces := strings.Cut(w, "{")
	if braces {
		digits, ok := strings.CutSuffix(rest, "}")
		n, err := strconv.ParseUint(digits, 10, 31)
		if !ok || err != nil {
			p.failAt(at, "malformed bound of the syntax")
		}
		bound = int(n)
	}
	return p.checkOID(at, oid), bound
}

// quoted reads a string in single quotes. Within it \27 is a quote and \5C a
// backslash; any other backslash stands for itself, as other servers write it.
func (p *parser) quoted() string {
	p.expect('\'')
	if p.err != nil {
		return ""
	}
	n := strings.IndexByte(p.text[p.pos:], '\'')
	if n < 0 {
		p.fail("missing closing quote")
		return ""
	}
	s := p.text[p.pos : p.pos+n]
	p.pos += n + 1
	if strings.IndexByte(s, '\\') >= 0 {
		s = strings.NewReplacer(`\27`, `'`, `\5C`, `\`, `\5c`, `\`).Replace(s)
	}
	return s
}

func (p *parser) qdstring() string { return p.quoted() }

func (p *parser) qdstrings() []string {
	if !p.accept('(') {
		return []string{p.quoted()}
	}
	var list []string
	for p.err == nil && !p.accept(')') {
		list = append(list, p.quoted())
	}
	return list
}

// qdescrs reads one name in quotes or a list of them in parentheses.
func (p *parser) qdescrs() []string {
	p.space()
	at := p.pos
	names := p.qdstrings()
	for _, n := range names {
		p.checkOID(at, n)
	}
	return names
}
