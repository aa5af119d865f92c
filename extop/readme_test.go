package extop_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// Every piece of Go in README.md is in a file that compiles.
func TestReadmeCompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, pattern := range []string{"*.go", "wire/*.go", "whoami/*.go", "passmod/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(source)
		}
	}
	blocks := goBlock.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("no Go in README.md")
	}
	for _, block := range blocks {
		if !strings.Contains(sources.String(), block[1]) {
			t.Errorf("in no source file:\n%s", block[1])
		}
	}
}

// An operation's README has these headings, in this order.
func TestReadmeHeadings(t *testing.T) {
	directories, err := filepath.Glob("*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(directories) == 0 {
		t.Fatal("no operation has a README.md")
	}
	heading := regexp.MustCompile(`(?m)^## (.*)$`)
	for _, path := range directories {
		readme, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, m := range heading.FindAllStringSubmatch(string(readme), -1) {
			found = append(found, m[1])
		}
		if got, want := strings.Join(found, ", "), "Name, Request, Response, Results, Example"; got != want {
			t.Errorf("%s has the headings %q, want %q", path, got, want)
		}
	}
}
