package arch_test

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// One file of a package says what the package is for.
func TestOnePackageComment(t *testing.T) {
	for _, p := range modulePackages(t) {
		var with []string
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil,
				parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil {
				with = append(with, name)
			}
		}
		if len(with) != 1 {
			t.Errorf("%s: the package comment is in %d files %v, want 1", p.name(), len(with), with)
		}
	}
}

// A package that the README's map does not list is a room without a door.
func TestReadmeListsEveryPackage(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no README.md")
	}
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, p := range modulePackages(t) {
		listed := regexp.MustCompile(`(?m)(^|[^\w/])` + regexp.QuoteMeta(p.name()) + `/?([^\w/]|$)`)
		if p.name() != "" && !listed.Match(readme) {
			missing = append(missing, p.name())
		}
	}
	if len(missing) > 0 {
		t.Errorf("README.md does not mention %s", strings.Join(missing, ", "))
	}
}

// forbidden are texts that no file may have. They are written in pieces here,
// for this file is one of them.
var forbidden = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a mark of unfinished work", regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)},
	{"a merge conflict", regexp.MustCompile(`(?m)^(<{7}|>{7}) `)},
	{"a path of one machine", regexp.MustCompile(`(^|[^\w.])/(wo` + `rk|ro` + `ot|ho` + `me/\w+)/`)},
	{"an address of one network", regexp.MustCompile(`\b(10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+\.\d+):\d`)},
}

// Nothing in the repository is unfinished or about the machine it was written
// on.
func TestForbiddenTexts(t *testing.T) {
	eachFile(t, func(path string, contents []byte) {
		if path == "go.sum" || bytes.IndexByte(contents, 0) >= 0 { // hashes, binary files
			return
		}
		for _, f := range forbidden {
			if at := f.pattern.FindIndex(contents); at != nil {
				line := 1 + bytes.Count(contents[:at[0]], []byte("\n"))
				t.Errorf("%s:%d: %s: %q", path, line, f.what, contents[at[0]:at[1]])
			}
		}
	})
}

// Files are named for the one thing in them, and nothing is left lying about.
func TestFileNames(t *testing.T) {
	left := regexp.MustCompile(`(?i)(~|\.(orig|rej|bak|swp|tmp|old)|(^|/)(\.DS_Store|core))$`)
	vague := regexp.MustCompile(`(^|/)(utils?|helpers?|common|misc|stuff|new|old|temp)(_test)?\.go$`)
	eachFile(t, func(path string, _ []byte) {
		if left.MatchString(path) {
			t.Errorf("%s was left behind", path)
		}
		if vague.MatchString(path) {
			t.Errorf("%s does not say what is in it", path)
		}
		if strings.HasSuffix(path, ".go") && path != strings.ToLower(path) {
			t.Errorf("%s is not in lower case", path)
		}
	})
}
