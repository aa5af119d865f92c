package schema

import "sync"

// Standard is the built-in schema, made on first use.
var Standard = sync.OnceValue(func() *Schema {
	s := &Schema{}
	rule := &MatchingRule{OID: "2.5.13.2", Names: []string{"caseIgnoreMatch"}, Normalize: func(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }}
	s.undefined = AttributeType{Equality: rule, Syntax: &Syntax{}, undefined: true}
	return s
})

// AttributeTypes, ObjectClasses, MatchingRules, LDAPSyntaxes and
// MatchingRuleUse are the values of the subschema subentry's attributes.
func (s *Schema) AttributeTypes() []string  { return nil }
func (s *Schema) ObjectClasses() []string   { return nil }
func (s *Schema) MatchingRules() []string   { return nil }
func (s *Schema) LDAPSyntaxes() []string    { return nil }
func (s *Schema) MatchingRuleUse() []string { return nil }
