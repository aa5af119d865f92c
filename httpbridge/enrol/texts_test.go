package enrol

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every text is there in every language, with the same verbs, and neither
// empty nor forgotten in another language.
func TestTextsAreComplete(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	same := []string{"product", "code", "name"} // words that the languages share
	for key, text := range texts {
		for _, l := range languages {
			switch {
			case strings.TrimSpace(text[l]) == "":
				t.Errorf("%s: not in %s", key, l)
			case !slices.Equal(verb.FindAllString(text[l], -1), verb.FindAllString(text["en"], -1)):
				t.Errorf("%s: other verbs in %s", key, l)
			case l != "en" && text[l] == text["en"] && !slices.Contains(same, key):
				t.Errorf("%s: not translated to %s", key, l)
			}
		}
		if len(text) != len(languages) {
			t.Errorf("%s: a language that no browser gets", key)
		}
	}
}

// Every text that a page or a function names is there, and every one that is
// there is named.
func TestTextsAreUsed(t *testing.T) {
	used := map[string]bool{}
	var sources strings.Builder
	read := func(fsys fs.FS, names []string) {
		for _, name := range names {
			b, err := fs.ReadFile(fsys, name)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(b)
		}
	}
	templates, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	read(files, templates)
	for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(sources.String(), -1) {
		used[m[1]] = true
		if texts[m[1]] == nil {
			t.Errorf("there is no text %s", m[1])
		}
	}
	read(os.DirFS("."), []string{"admin.go", "devices.go", "enrol.go", "failure.go", "page.go", "signin.go"})
	for key := range texts {
		part, _, dotted := strings.Cut(key, ".")
		if !used[key] && !strings.Contains(sources.String(), `"`+key+`"`) && !(dotted && strings.Contains(sources.String(), `"`+part+`."`)) {
			t.Errorf("nothing says %s", key)
		}
	}
}

// What the server's audit log can say about a user has a text.
func TestAuditWords(t *testing.T) {
	source, err := os.ReadFile("../../directory/audit.go")
	if err != nil {
		t.Fatal(err)
	}
	words := 0
	for _, m := range regexp.MustCompile(`(?m)^\t(Audit|cause)\w+ +(?:AuditKind )?= "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		key := "event." + m[2]
		if m[1] == "cause" {
			key = "cause." + m[2]
		}
		ofNobody := []string{"event.resealed", "event.restored", "event.pruned"}
		if words++; texts[key] == nil && !slices.Contains(ofNobody, key) {
			t.Errorf("there is no text %s", key)
		}
	}
	if words < 25 {
		t.Errorf("only %d words", words)
	}
}

func TestLanguageFor(t *testing.T) {
	for accept, want := range map[string]string{
		"":                             "en",
		"de":                           "de",
		"de-AT, en;q=0.5":              "de",
		"en-GB,de;q=0.9":               "en",
		"fr":                           "en",
		"fr, de;q=0.1":                 "de",
		"ru;q=1, de-CH;q=0.8, en;q=.2": "de",
		"%%%":                          "en",
		strings.Repeat("de,", 5000):    "de",
	} {
		if got := languageFor(accept); got != want {
			t.Errorf("%.40q: %s, want %s", accept, got, want)
		}
	}
}
