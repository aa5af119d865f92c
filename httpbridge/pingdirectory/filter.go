package pingdirectory

import (
	"errors"
	"strings"

	"tallystick/httpbridge/scimfilter"
	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// ldapFilter turns a filter of SCIM into one of LDAP (RFC 4515); "" finds
// everything. Errors are in words that fit behind "filter: ".
func ldapFilter(schema *subschema.Schema, text string) (string, error) {
	if text == "" {
		return "(objectClass=*)", nil
	}
	f, err := scimfilter.Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := appendFilter(&b, schema, f); err != nil {
		return "", err
	}
	return b.String(), nil
}

func appendFilter(b *strings.Builder, schema *subschema.Schema, f scimfilter.Filter) error {
	connective, ok := map[scimfilter.Op]string{scimfilter.And: "&", scimfilter.Or: "|", scimfilter.Not: "!"}[f.Op]
	if !ok {
		text, err := comparison(schema, f)
		b.WriteString(text)
		return err
	}
	b.WriteString("(" + connective)
	for _, g := range f.Filters {
		if err := appendFilter(b, schema, g); err != nil {
			return err
		}
	}
	b.WriteString(")")
	return nil
}

var errSubstring = errors.New("co, sw and ew are for strings that are not empty")

// comparison is a filter without parts.
func comparison(schema *subschema.Schema, f scimfilter.Filter) (string, error) {
	t, err := knownAttribute(schema, f.Attribute)
	if err != nil {
		return "", err
	}
	present := "(" + f.Attribute + "=*)"
	if f.Op == scimfilter.Present {
		return present, nil
	}
	k := kindOf(t, f.Attribute)
	if f.Value.Kind == strictjson.Null {
		switch f.Op {
		case scimfilter.Equal:
			return "(!" + present + ")", nil
		case scimfilter.NotEqual:
			return present, nil
		}
	}
	value, err := k.fromJSON(f.Value)
	if err != nil {
		return "", errors.New(f.Attribute + " is compared with " + k.String())
	}
	v := upstream.EscapeFilter(value)
	equal := "(" + f.Attribute + "=" + v + ")"
	switch f.Op {
	case scimfilter.Contains, scimfilter.StartsWith, scimfilter.EndsWith:
		if k != aString || value == "" {
			return "", errSubstring
		}
	}
	switch f.Op {
	case scimfilter.NotEqual:
		return "(!" + equal + ")", nil
	case scimfilter.Contains:
		return "(" + f.Attribute + "=*" + v + "*)", nil
	case scimfilter.StartsWith:
		return "(" + f.Attribute + "=" + v + "*)", nil
	case scimfilter.EndsWith:
		return "(" + f.Attribute + "=*" + v + ")", nil
	case scimfilter.GreaterEqual:
		return "(" + f.Attribute + ">=" + v + ")", nil
	case scimfilter.LessEqual:
		return "(" + f.Attribute + "<=" + v + ")", nil
	case scimfilter.Greater: // LDAP has no such match
		return "(&(" + f.Attribute + ">=" + v + ")(!" + equal + "))", nil
	case scimfilter.Less:
		return "(&(" + f.Attribute + "<=" + v + ")(!" + equal + "))", nil
	}
	return equal, nil
}
