package aci

import (
	"fmt"
	"slices"
	"strings"

	"tallystick/directory/schema"
)

// The most that an ACI may have.
const (
	maxText  = 32 << 10 // octets
	maxList  = 1024     // parts of one value
	maxDepth = 16       // bind rules within bind rules
)

// Parse reads an ACI. filter makes search filters of their string form (RFC
// 4515). The error says where the text is wrong, and why.
func Parse(s *schema.Schema, text string, filter func(string) (Filter, error)) (*ACI, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("longer than %d octets", maxText)
	}
	p := &parser{schema: s, makeFilter: filter, text: text}
	a, err := p.aci()
	if err != nil {
		return nil, fmt.Errorf("at character %d: %w", len([]rune(text[:p.at]))+1, err)
	}
	return a, nil
}

// parser reads one ACI. What is wrong stands at text[at:].
type parser struct {
	schema     *schema.Schema
	makeFilter func(string) (Filter, error)
	text       string
	at         int
	depth      int
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// skip goes over token if that is next.
func (p *parser) skip(token string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *parser) want(token string) error {
	if !p.skip(token) {
		return fmt.Errorf("%s is missing", token)
	}
	return nil
}

// word returns the letters, digits and underscores that are next, in lower
// case, and where they begin.
func (p *parser) word() (string, int) {
	p.space()
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at] | 0x20
		if (c < 'a' || c > 'z') && (p.text[p.at] < '0' || p.text[p.at] > '9') && p.text[p.at] != '_' {
			break
		}
		p.at++
	}
	return strings.ToLower(p.text[start:p.at]), start
}

// quoted returns what stands between quotation marks, and where it begins.
func (p *parser) quoted() (string, int, error) {
	if !p.skip(`"`) {
		return "", p.at, fmt.Errorf(`a value in quotation marks is missing`)
	}
	start := p.at
	n := strings.IndexByte(p.text[start:], '"')
	if n < 0 {
		p.at--
		return "", p.at, fmt.Errorf("the quotation mark is never closed")
	}
	p.at += n + 1
	return p.text[start : start+n], start, nil
}

// fail is an error about text[at:].
func (p *parser) fail(at int, format string, args ...any) error {
	p.at = at
	return fmt.Errorf(format, args...)
}

func (p *parser) aci() (*ACI, error) {
	a := &ACI{text: p.text}
	var seen []string
	for {
		if err := p.want("("); err != nil {
			return nil, err
		}
		keyword, at := p.word()
		if keyword == "version" {
			break
		}
		if slices.Contains(seen, keyword) {
			return nil, p.fail(at, "%s is given twice", keyword)
		}
		seen = append(seen, keyword)
		if err := p.target(a, keyword, at); err != nil {
			return nil, err
		}
		if err := p.want(")"); err != nil {
			return nil, err
		}
	}
	if a.OfRequests() && (a.attributes != nil || a.target != nil || a.filter != nil || a.scope != subtree) {
		return nil, fmt.Errorf("extop and targetcontrol are about requests: no other target goes with them")
	}
	if err := p.want("3.0"); err != nil {
		return nil, fmt.Errorf("version 3.0 is the only one")
	}
	if err := p.want(";"); err != nil {
		return nil, err
	}
	if keyword, at := p.word(); keyword != "acl" {
		return nil, p.fail(at, `acl "name" is missing`)
	}
	var err error
	if a.Name, _, err = p.quoted(); err != nil {
		return nil, err
	}
	if err := p.want(";"); err != nil {
		return nil, err
	}
	for !p.skip(")") {
		permission, err := p.permission(a)
		if err != nil {
			return nil, err
		}
		if a.Permissions = append(a.Permissions, permission); len(a.Permissions) > maxList {
			return nil, fmt.Errorf("more than %d permissions", maxList)
		}
	}
	if len(a.Permissions) == 0 {
		return nil, fmt.Errorf("allow or deny is missing")
	}
	if p.space(); p.at < len(p.text) {
		return nil, fmt.Errorf("text behind the end")
	}
	return a, nil
}

// operator reads = or !=.
func (p *parser) operator(keyword string) (not bool, err error) {
	if p.skip("!=") {
		return true, nil
	}
	if p.skip("=") {
		return false, nil
	}
	return false, fmt.Errorf("= or != is missing behind %s", keyword)
}

// target reads the value of one target keyword.
func (p *parser) target(a *ACI, keyword string, at int) error {
	if why := unsupportedTargets[keyword]; why != "" {
		return p.fail(at, "%s: %s", keyword, why)
	}
	if !slices.Contains(targetKeywords, keyword) {
		return p.fail(at, "%q is none of %s, version", keyword, strings.Join(targetKeywords, ", "))
	}
	not, err := p.operator(keyword)
	if err != nil {
		return err
	}
	value, start, err := p.targetValue()
	if err != nil {
		return err
	}
	fail := func(err error) error { return p.fail(start, "%s: %w", keyword, err) }
	switch keyword {
	case "target":
		t := &target{not: not}
		if t.dn, t.pattern, err = p.name(value); err != nil {
			return fail(err)
		}
		a.target = t
	case "targetattr":
		if a.attributes, err = parseAttributes(value); err != nil {
			return fail(err)
		}
		a.attributes.not = not
	case "targetfilter":
		if a.filter, err = p.makeFilter(strings.TrimSpace(value)); err != nil {
			return fail(err)
		}
		a.filterNot = not
	case "targetscope":
		s, ok := scopes[strings.ToLower(strings.TrimSpace(value))]
		if !ok || not {
			return fail(fmt.Errorf("is = base, onelevel, subtree or subordinate"))
		}
		a.scope = s
	case "extop", "targetcontrol":
		list, err := parseOIDs(value)
		if err != nil {
			return fail(err)
		}
		list.not = not
		if keyword == "extop" {
			a.extops = list
		} else {
			a.controls = list
		}
	}
	return nil
}

var targetKeywords = []string{"target", "targetattr", "targetfilter", "targetscope", "extop", "targetcontrol"}

var unsupportedTargets = map[string]string{
	"targattrfilters":   "is not supported: use targetattr, and targetfilter for the entry",
	"targetattrfilters": "is not supported: use targetattr, and targetfilter for the entry",
	"target_from":       "is not supported: use the rights import and export",
	"target_to":         "is not supported: use the rights import and export",
	"requestcriteria":   "is not supported: there are none to name",
}

// targetValue is quoted, or all up to the parenthesis that closes the target.
func (p *parser) targetValue() (string, int, error) {
	if p.space(); strings.HasPrefix(p.text[p.at:], `"`) {
		return p.quoted()
	}
	start, open := p.at, 0
	for ; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '(':
			open++
		case ')':
			open--
		}
		if open < 0 {
			break
		}
	}
	value := strings.TrimSpace(p.text[start:p.at])
	if value == "" || p.at == len(p.text) {
		return "", start, fmt.Errorf("a value, or the parenthesis behind it, is missing")
	}
	return value, start, nil
}

func parseAttributes(value string) (*attributes, error) {
	a := &attributes{names: map[string]bool{}}
	parts, err := splitList(value)
	if err != nil {
		return nil, err
	}
	for _, name := range parts {
		switch {
		case name == "*":
			a.user = true
		case name == "+":
			a.operational = true
		case !isDescriptor(name):
			return nil, fmt.Errorf("%q is no attribute type", name)
		default:
			a.names[strings.ToLower(name)] = true
			a.given = append(a.given, name)
		}
	}
	return a, nil
}

func parseOIDs(value string) (*oids, error) {
	o := &oids{}
	parts, err := splitList(value)
	if err != nil {
		return nil, err
	}
	for _, oid := range parts {
		switch {
		case oid == "*":
			o.all = true
		case strings.Trim(oid, "0123456789.") != "":
			return nil, fmt.Errorf("%q is no OID", oid)
		default:
			o.list = append(o.list, oid)
		}
	}
	return o, nil
}

// isDescriptor reports whether text may be an attribute type (RFC 4512,
// section 1.4), without options.
func isDescriptor(text string) bool {
	for i, c := range []byte(text) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && (i == 0 || c != '-' && c != '.') {
			return false
		}
	}
	return text != ""
}

// splitList is the parts of a value that || stands between.
func splitList(value string) ([]string, error) {
	parts := strings.Split(value, "||")
	if len(parts) > maxList {
		return nil, fmt.Errorf("has more than %d parts", maxList)
	}
	for i := range parts {
		if parts[i] = strings.TrimSpace(parts[i]); parts[i] == "" {
			return nil, fmt.Errorf("a part is empty")
		}
	}
	return parts, nil
}

// permission reads allow or deny, the rights, and for whom.
func (p *parser) permission(a *ACI) (Permission, error) {
	var permission Permission
	word, start := p.word()
	switch word {
	case "allow":
		permission.Allow = true
	case "deny":
	default:
		return permission, p.fail(start, "allow or deny is missing")
	}
	if err := p.want("("); err != nil {
		return permission, err
	}
	for {
		name, at := p.word()
		r := RightNamed(name)
		if r == 0 {
			return permission, p.fail(at, "%q is none of %s, all", name, strings.Join(rightNames, ", "))
		}
		if permission.Rights |= r; p.skip(")") {
			break
		}
		if err := p.want(","); err != nil {
			return permission, err
		}
	}
	if a.OfRequests() && permission.Rights&Read == 0 {
		return permission, p.fail(start, "what extop and targetcontrol allow or deny is read")
	}
	var err error
	if permission.rule, err = p.rules(); err != nil {
		return permission, err
	}
	if err := p.want(";"); err != nil {
		return permission, err
	}
	permission.text = p.text[start:p.at]
	return permission, nil
}
