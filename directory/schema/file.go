package schema

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

// ReadFile reads a file of definitions. name is for messages. It may be LDIF, as
// 389 and PingDirectory keep their schema (attributeTypes: and objectClasses: in
// cn=schema) and OpenLDAP its cn=config (olcAttributeTypes:, olcObjectClasses:,
// olcObjectIdentifier:); or OpenLDAP's other form: keywords (attributetype,
// objectclass, objectidentifier) in any case, with a description behind them.
// Lines that begin with # are comments. Errors begin with file:line.
func ReadFile(name, text string) ([]Definition, error) {
	f := &file{name: name, macros: map[string]string{}}
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	var err error
	if ldifStart.MatchString(text) {
		err = f.readLDIF(text)
	} else {
		err = f.readKeywords(text)
	}
	return f.list, err
}

// ldifStart is comments, and an entry's name or a version behind them.
var ldifStart = regexp.MustCompile(`(?i)\A(\s*(#[^\n]*)?\n)*(dn|version):`)

// file is a file being read.
type file struct {
	name   string
	macros map[string]string // OIDs, by name in lower case
	list   []Definition
}

// kinds are the words that definitions begin with, in lower case.
var kinds = map[string]Kind{
	"attributeype":  AttributeDefinition, // as OpenLDAP's dsee.schema has it, once
	"attributetype": AttributeDefinition, "attributetypes": AttributeDefinition, "olcattributetypes": AttributeDefinition,
	"objectclass": ClassDefinition, "objectclasses": ClassDefinition, "olcobjectclasses": ClassDefinition,
	"ldapsyntax": SyntaxDefinition, "ldapsyntaxes": SyntaxDefinition, "olcldapsyntaxes": SyntaxDefinition,
	"matchingrule": RuleDefinition,
}

func (f *file) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", f.name, line, fmt.Errorf(format, args...))
}

func (f *file) readKeywords(text string) error {
	rest := text
	for {
		rest = strings.TrimLeft(rest, " \t\n")
		if rest == "" {
			return nil
		}
		if rest[0] == '#' {
			_, rest, _ = strings.Cut(rest, "\n")
			continue
		}
		line := 1 + strings.Count(text[:len(text)-len(rest)], "\n")
		end := strings.IndexAny(rest, " \t\n(")
		if end < 0 {
			end = len(rest)
		}
		keyword, behind := rest[:end], rest[end:]
		if strings.EqualFold(keyword, "objectidentifier") {
			value, after, _ := strings.Cut(behind, "\n")
			if err := f.macro(line, value); err != nil {
				return err
			}
			rest = after
			continue
		}
		n := descriptionLength(behind)
		if err := f.define(line, keyword, behind[:n]); err != nil {
			return err
		}
		rest = behind[n:]
	}
}

// descriptionLength is where the parentheses at the start of text close, or
// all of it if they do not.
func descriptionLength(text string) int {
	depth, quoted := 0, false
	for i, c := range text {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// readLDIF takes the definitions out of LDIF, whatever entry they are in, and
// passes over all else.
func (f *file) readLDIF(text string) error {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); {
		at, whole := i+1, lines[i]
		for i++; i < len(lines) && strings.HasPrefix(lines[i], " "); i++ {
			whole += lines[i][1:]
		}
		name, value, ok := strings.Cut(whole, ":")
		switch {
		case strings.HasPrefix(whole, "#"), strings.TrimSpace(whole) == "", whole == "-":
			continue
		case !ok:
			return f.errorf(at, "no colon in %.40q", whole)
		}
		name = strings.ToLower(name)
		if strings.HasPrefix(value, ":") {
			octets, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value[1:]))
			if err != nil {
				return f.errorf(at, "malformed base64")
			}
			value = string(octets)
		}
		value = ordinal.ReplaceAllString(value, "")
		var err error
		switch {
		case name == "olcobjectidentifier":
			err = f.macro(at, value)
		case kinds[name] != "" && name != "objectclass":
			err = f.define(at, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ordinal is what OpenLDAP writes in front of the values of an ordered attribute.
var ordinal = regexp.MustCompile(`^\s*\{-?[0-9]+\}`)

// macro takes in "name OID", where the OID may begin with another macro.
func (f *file) macro(line int, text string) error {
	words := strings.Fields(text)
	if len(words) != 2 {
		return f.errorf(line, "an object identifier has a name and a number")
	}
	oid := f.expand(words[1])
	if strings.Trim(oid, "0123456789.") != "" {
		return f.errorf(line, "%q is not an object identifier", words[1])
	}
	f.macros[strings.ToLower(words[0])] = oid
	return nil
}

// expand is an OID in which a macro may stand: name, or name:1.2.
func (f *file) expand(oid string) string {
	name, suffix, ok := strings.Cut(oid, ":")
	number, known := f.macros[strings.ToLower(name)]
	switch {
	case !known:
		return oid
	case ok:
		return number + "." + suffix
	}
	return number
}

// macroPlaces are the object identifiers in a description that may be macros.
var macroPlaces = regexp.MustCompile(`(^\(\s*|\sSYNTAX\s+'?)([A-Za-z][A-Za-z0-9:._-]*)`)

// unevaluated are equality rules that OpenLDAP's files name. It does not evaluate
// the first two either; values of such attributes cannot be compared here.
var unevaluated = regexp.MustCompile(`(?i) EQUALITY '?(presentationAddressMatch|protocolInformationMatch|attributeCertificateExactMatch|authzMatch)'? `)

// syntaxName is what OpenLDAP's pmi.schema calls syntaxes; RFC 4512 has no names
// for them.
var syntaxName = regexp.MustCompile(` NAME '[^']*' `)

func (f *file) define(line int, keyword, text string) error {
	kind, known := kinds[strings.ToLower(keyword)]
	if !known {
		return f.errorf(line, "unknown keyword %q", keyword)
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(f.macros) > 0 {
		text = macroPlaces.ReplaceAllStringFunc(text, func(m string) string {
			parts := macroPlaces.FindStringSubmatch(m)
			return parts[1] + f.expand(parts[2])
		})
	}
	switch kind {
	case AttributeDefinition:
		text = unevaluated.ReplaceAllString(text, " ")
	case SyntaxDefinition:
		text = syntaxName.ReplaceAllString(text, " ")
	}
	f.list = append(f.list, Definition{kind, text, fmt.Sprintf("%s:%d", f.name, line)})
	return nil
}
