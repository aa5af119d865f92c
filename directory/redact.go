package directory

import (
	"slices"
	"strings"
	"sync"

	"tallystick/directory/schema"
)

// What goes into logs has no secrets, as far as attributes say what is one: the
// values of those that never leave the server are left out wherever they stand.

// redacted stands for a value.
const redacted = "[redacted]"

// secretNames are the names and OIDs of secret attributes, in lower case.
var secretNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, name := range secretAttributes {
		t := schema.Standard().Attribute(name)
		names[strings.ToLower(t.OID)] = true
		for _, n := range t.Names {
			names[strings.ToLower(n)] = true
		}
	}
	return names
})

// SecretAttribute reports whether the values of an attribute, given by an
// attribute description, never leave the server.
func SecretAttribute(description string) bool {
	name, _, _ := strings.Cut(description, ";")
	return secretNames()[strings.ToLower(strings.TrimSpace(name))]
}

// RedactName is a DN or RDN, which may be malformed, without the values of
// secret attributes.
func RedactName(text string) string {
	var b strings.Builder
	rest := 0 // where what was not yet written begins
	for from := 0; ; {
		i := strings.IndexByte(text[from:], '=')
		if i < 0 {
			break
		}
		i += from
		from = i + 1
		start := strings.LastIndexAny(text[:i], ",+") + 1
		// A semicolon is before an option, or between the RDNs of LDAPv2.
		if !slices.ContainsFunc(strings.Split(text[start:i], ";"), SecretAttribute) {
			continue
		}
		end := i + 1
		for end < len(text) && text[end] != ',' && text[end] != '+' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(text))
		b.WriteString(text[rest : i+1])
		b.WriteString(redacted)
		rest, from = end, end
	}
	if rest == 0 {
		return text
	}
	return b.String() + text[rest:]
}

// Brief is the string form of a filter (RFC 4515) without the values of secret
// attributes, and not much longer than so many octets.
func (f *Filter) Brief(most int) string { return string(f.brief(nil, most)) }

func (f *Filter) brief(b []byte, most int) []byte {
	if len(b) > most {
		return b
	}
	switch f.Kind {
	case FilterAnd, FilterOr, FilterNot:
		b = append(b, '(', "&|!"[f.Kind])
		for i := range f.Filters {
			if len(b) > most {
				break
			}
			b = f.Filters[i].brief(b, most)
		}
		return append(b, ')')
	}
	item := *f
	if f.Kind != FilterPresent && SecretAttribute(f.Attribute) || f.isPasswordMatch() {
		item = Filter{Kind: FilterEqualityMatch, Attribute: f.Attribute, Value: []byte(redacted)}
		return item.append(b)
	}
	clip := func(v []byte) []byte { return v[:min(len(v), most)] }
	item.Value, item.Initial, item.Final = clip(f.Value), clip(f.Initial), clip(f.Final)
	item.Any = nil
	for i, v := range f.Any {
		if i > 8 {
			break
		}
		item.Any = append(item.Any, clip(v))
	}
	return item.append(b)
}
