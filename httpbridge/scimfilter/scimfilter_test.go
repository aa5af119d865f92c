package scimfilter

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tallystick/httpbridge/strictjson"
)

// show writes f with parentheses around all that has parts.
func show(f Filter) string {
	if f.Filters == nil {
		if f.Op == Present {
			return f.Attribute + " pr"
		}
		value := f.Value.Text
		switch f.Value.Kind {
		case strictjson.String:
			value = fmt.Sprintf("%q", value)
		case strictjson.Bool:
			value = fmt.Sprint(f.Value.Bool)
		case strictjson.Null:
			value = "null"
		}
		return f.Attribute + " " + string(f.Op) + " " + value
	}
	var parts []string
	for _, g := range f.Filters {
		parts = append(parts, show(g))
	}
	if f.Op == Not {
		return "not(" + parts[0] + ")"
	}
	return "(" + strings.Join(parts, " "+string(f.Op)+" ") + ")"
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		// RFC 7644, figure 2, as far as it has no sub-attributes.
		{`userName eq "bjensen"`, `userName eq "bjensen"`},
		{`name.familyName co "O'Malley"`, `name.familyName co "O'Malley"`},
		{`userName sw "J"`, `userName sw "J"`},
		{`title pr`, `title pr`},
		{`meta.lastModified gt "2011-05-13T04:42:34Z"`, `meta.lastModified gt "2011-05-13T04:42:34Z"`},
		{`title pr and userType eq "Employee"`, `(title pr and userType eq "Employee")`},
		{`title pr or userType eq "Intern"`, `(title pr or userType eq "Intern")`},
		{`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`, `(userType eq "Employee" and (emails co "example.com" or emails.value co "example.org"))`},
		{`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`, `(userType ne "Employee" and not((emails co "example.com" or emails.value co "example.org")))`},

		{`objectClass eq "person"`, `objectClass eq "person"`},
		// Attribute operators and keywords are case-insensitive.
		{`a EQ "b" AND NOT(c Pr)`, `(a eq "b" and not(c pr))`},
		// not before and before or.
		{`a pr or b pr and c pr or d pr`, `(a pr or (b pr and c pr) or d pr)`},
		{`not (a pr) and b pr`, `(not(a pr) and b pr)`},
		{`(((a pr)))`, `a pr`},
		{`cn;lang-de eq "x"`, `cn;lang-de eq "x"`},
		{`a eq 12 and b eq -1.5e3 and c eq true and d eq null`, `(a eq 12 and b eq -1.5e3 and c eq true and d eq null)`},
		{`a eq "\"\\\u00e4) or (b pr"`, `a eq "\"\\ä) or (b pr"`},
		{"\ta\neq\r\"b\" ", `a eq "b"`},
		{`and eq "x" and not pr`, `(and eq "x" and not pr)`},
	} {
		f, err := Parse(tt.text)
		if err != nil || show(f) != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.text, show(f), err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		text   string
		column int
	}{
		{``, 1}, {` `, 2}, {`()`, 2}, {`a`, 2}, {`a eq`, 5}, {`a eq b`, 6}, {`a is "b"`, 3}, {`a eq "b`, 6}, {`a eq "b\"`, 6},
		{`a eq 'b'`, 6}, {`a eq "b" c pr`, 10}, {`a pr and`, 9}, {`a pr)`, 5}, {`(a pr`, 6}, {`not a pr`, 5},
		{`emails[type eq "work"]`, 7}, {`a eq "\ud800"`, 6}, {`a eq {}`, 6}, {`a eq 01`, 6}, {"a eq \"\xff\"", 6}, {`(a=b)`, 3},
		{strings.Repeat("(", 65) + "a pr" + strings.Repeat(")", 65), 65},
	} {
		_, err := Parse(tt.text)
		var e *Error
		if !errors.As(err, &e) || e.Column != tt.column {
			t.Errorf("%s: %v, want column %d", tt.text, err, tt.column)
		}
	}
	if f, err := Parse(strings.Repeat("(", 64) + "a pr" + strings.Repeat(")", 64)); err != nil || f.Op != Present {
		t.Error(err)
	}
}

// Whatever is read is well formed.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`a eq "b"`, `not (a pr) or (b co "\u00e4" and c le 12)`, `((`, `a eq "`, `a[b pr]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := Parse(text)
		if err != nil {
			return
		}
		check(t, filter)
	})
}

func check(t *testing.T, f Filter) {
	switch f.Op {
	case And, Or, Not:
		if f.Op == Not && len(f.Filters) != 1 || f.Op != Not && len(f.Filters) < 2 || f.Attribute != "" {
			t.Fatalf("%+v", f)
		}
		for _, g := range f.Filters {
			check(t, g)
		}
	default:
		if f.Attribute == "" || strings.Trim(f.Attribute, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.;") != "" || f.Filters != nil {
			t.Fatalf("%+v", f)
		}
	}
}
