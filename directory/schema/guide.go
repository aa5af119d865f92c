package schema

import (
	"slices"
	"strings"
)

// checkGuide is RFC 4517, section 3.3.14: a class in front, with a number sign
// behind it, and criteria: a Boolean combination of attribute$match.
func checkGuide(value []byte) error {
	class, criteria, ok := strings.Cut(string(value), "#")
	if !ok {
		criteria = class
	} else if err := checkGuideClass(class); err != nil {
		return err
	}
	return checkCriteria(criteria)
}

// checkEnhancedGuide is section 3.3.10: class, criteria and what is searched.
func checkEnhancedGuide(value []byte) error {
	parts := strings.Split(string(value), "#")
	if len(parts) != 3 || !slices.Contains([]string{"baseobject", "oneLevel", "wholeSubtree"}, strings.Trim(parts[2], " ")) {
		return valueErrorf("an enhanced guide is class#criteria#subset; subsets are baseobject, oneLevel and wholeSubtree")
	}
	if err := checkGuideClass(parts[0]); err != nil {
		return err
	}
	return checkCriteria(parts[1])
}

func checkGuideClass(text string) error {
	if checkOID([]byte(strings.Trim(text, " "))) != nil {
		return valueErrorf("the class of a guide is a name or numbers with dots")
	}
	return nil
}

func checkCriteria(text string) error {
	p := criteriaParser{rest: text}
	if !p.criteria(0) || strings.Trim(p.rest, " ") != "" {
		return valueErrorf("criteria of a guide are attribute$EQ, SUBSTR, GE, LE or APPROX, ?true and ?false, with !, &, | and parentheses")
	}
	return nil
}

// criteriaParser reads criteria; each method reports whether they were there.
type criteriaParser struct{ rest string }

func (p *criteriaParser) accept(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *criteriaParser) criteria(depth int) bool {
	if depth > 2*maxNesting || !p.term(depth) {
		return false
	}
	for p.accept("|") || p.accept("&") {
		if !p.term(depth) {
			return false
		}
	}
	return true
}

func (p *criteriaParser) term(depth int) bool {
	for p.accept("!") {
	}
	switch {
	case p.accept("?true"), p.accept("?false"):
		return true
	case p.accept("("):
		return p.criteria(depth+1) && p.accept(")")
	}
	attribute, rest, ok := strings.Cut(p.rest, "$")
	if !ok || checkOID([]byte(strings.Trim(attribute, " "))) != nil {
		return false
	}
	p.rest = rest
	return slices.ContainsFunc([]string{"EQ", "SUBSTR", "GE", "LE", "APPROX"}, p.accept)
}
