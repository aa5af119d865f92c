package schema

import (
	"embed"
	"strings"
	"sync"
)

//go:embed standard/*.schema
var standardFiles embed.FS

// Standard is the built-in schema, made on first use. Nobody changes it.
var Standard = sync.OnceValue(func() *Schema {
	s, err := New()
	if err != nil {
		panic("schema: " + err.Error())
	}
	return s
})

// standard are the built-in definitions.
var standard = sync.OnceValues(func() ([]Definition, error) {
	files, err := standardFiles.ReadDir("standard")
	if err != nil {
		return nil, err
	}
	var all []Definition
	for _, f := range files {
		text, err := standardFiles.ReadFile("standard/" + f.Name())
		if err != nil {
			return nil, err
		}
		list, err := ReadFile(f.Name(), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
})

// AttributeTypes are the values of the subschema subentry's attributeTypes
// (RFC 4512, section 4.2.2). The caller owns the slice, here and below.
func (s *Schema) AttributeTypes() []string {
	return texts(s.inForce.Load().attributeList, func(a *AttributeType) string { return a.text })
}

// ObjectClasses are the values of objectClasses (section 4.2.1).
func (s *Schema) ObjectClasses() []string {
	return texts(s.inForce.Load().classList, func(c *ObjectClass) string { return c.text })
}

// MatchingRules are the values of matchingRules (section 4.2.3).
func (s *Schema) MatchingRules() []string {
	return texts(s.inForce.Load().ruleList, func(r *MatchingRule) string { return r.text })
}

// LDAPSyntaxes are the values of ldapSyntaxes (section 4.2.5).
func (s *Schema) LDAPSyntaxes() []string {
	return texts(s.inForce.Load().syntaxList, func(x *Syntax) string { return x.text })
}

// MatchingRuleUse are the values of matchingRuleUse (section 4.2.4): to which
// attributes each rule can be applied in an extensible match.
func (s *Schema) MatchingRuleUse() []string {
	var list []string
	for _, r := range s.inForce.Load().ruleList {
		var names []string
		for _, a := range s.inForce.Load().attributeList {
			if r.AppliesTo(a) {
				names = append(names, a.Name())
			}
		}
		switch len(names) {
		case 0:
		case 1:
			list = append(list, "( "+r.OID+" NAME '"+r.Name()+"' APPLIES "+names[0]+" )")
		default:
			list = append(list, "( "+r.OID+" NAME '"+r.Name()+"' APPLIES ( "+strings.Join(names, " $ ")+" ) )")
		}
	}
	return list
}

func texts[T any](definitions []*T, text func(*T) string) []string {
	list := make([]string, len(definitions))
	for i, d := range definitions {
		list[i] = text(d)
	}
	return list
}
