package directory

import (
	"strings"
	"testing"
)

func TestRedactName(t *testing.T) {
	for given, want := range map[string]string{
		"":                               "",
		"uid=ann,dc=example":             "uid=ann,dc=example",
		"userPassword=x,dc=example":      "userPassword=[redacted],dc=example",
		"USERPASSWORD = x y":             "USERPASSWORD =[redacted]",
		`userPassword=a\,b+uid=ann,dc=c`: "userPassword=[redacted]+uid=ann,dc=c",
		"uid=a+2.5.4.35=x;dc=c":          "uid=a+2.5.4.35=[redacted]",
		"userPassword;lang-de=x":         "userPassword;lang-de=[redacted]",
		`userPassword=a\`:                "userPassword=[redacted]",
		"userPassword==x=y":              "userPassword=[redacted]",
		"userPassword=x,userPassword=y":  "userPassword=[redacted],userPassword=[redacted]",
		"no name":                        "no name",
		"=userPassword=x":                "=userPassword=x",
	} {
		if got := RedactName(given); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}

func TestBrief(t *testing.T) {
	for given, want := range map[string]string{
		"(uid=ann)":                              "(uid=ann)",
		"(userPassword=x)":                       "(userPassword=[redacted])",
		"(userPassword=x*y*z)":                   "(userPassword=[redacted])",
		"(userPassword>=x)":                      "(userPassword=[redacted])",
		"(userPassword=*)":                       "(userPassword=*)",
		"(2.5.4.35;lang-x:caseExactMatch:=x)":    "(2.5.4.35;lang-x=[redacted])",
		"(&(uid=a)(|(!(oathSecret=x))(cn=a*b)))": "(&(uid=a)(|(!(oathSecret=[redacted]))(cn=a*b)))",
	} {
		f, err := ParseFilter(given)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Brief(1000); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
	long, err := ParseFilter("(|" + strings.Repeat("(cn="+strings.Repeat("x", 500)+"*y*z)", 100) + ")")
	if err != nil {
		t.Fatal(err)
	}
	if got := long.Brief(100); len(got) > 600 {
		t.Errorf("%d octets", len(got))
	}
}
